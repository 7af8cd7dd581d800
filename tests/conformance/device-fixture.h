/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the conformance suite of devices needs of an engine beyond device_ops: a way to make
 * page requests, and how they were answered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"

struct request {
	uint32_t perm;
	uint64_t addr;
};

struct device_fixture {
	const char *name;
	const char *address; /* of a device with PASIDs */
	const struct device_ops *ops;
	uint64_t iova;       /* a window that the engine can map */
	uint64_t length;
	uint64_t outside;    /* an address that it never can */

	void (*set_up)(struct iommufd **ret);
	void (*tear_down)(struct iommufd *iommufd);
	/* One group: a request for each, the last one with the LAST mark. */
	void (*trigger)(struct device *d, struct ioas *a, uint32_t pasid, const struct request *requests, size_t n);
	/* How many groups were answered since set_up, the answers at detach included. */
	void (*answers)(struct ioas *a, uint64_t *ret_success, uint64_t *ret_invalid);
};

extern const struct device_fixture device_sim_fixture;
extern const struct device_fixture device_mock_fixture;
