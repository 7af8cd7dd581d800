/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel for tests of the device engines: takes the place of ioctl(), open() and close()
 * (linked with --wrap), answers the calls of iommufd, VFIO and the mock device well, or
 * with an errno the test wants, and keeps a log of them in words.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "device/uapi-iommufd.h"
#include "device/uapi-vfio.h"

#define FAKE_MOCK_IOCTL _IO(';', 0xa0)
#define FAKE_BDF "0000:3d:00.0"

struct fake {
	char log[4096];          /* "IOAS_ALLOC=1 ALLOW_IOVAS(1) ...": fake_log() empties it */
	uint8_t max_pasid_log2;
	const struct uapi_iommu_iova_range *ranges; /* what IOVA_RANGES answers */
	size_t n_ranges;
	int fault_fd;            /* the last that was handed out; -1 once closed */
	uint32_t next_id;
	const char *node;        /* opening this path fails with open_error, if that is not 0 */
	int open_error;
	struct uapi_iommu_ioas_map_file map; /* the last one */
	uint32_t vfio_flags;     /* of the device: UAPI_VFIO_DEVICE_FLAGS_* */
	uint32_t n_irqs;
	int request_fd;          /* duplicates of the eventfds that it got; -1 = none */
	int error_fd;
	uint32_t last_flags;     /* of the last HWPT_ALLOC or mock device */
};

extern struct fake fake;

void fake_reset(void);

/* After `skip` good ones, the next `times` calls of this request fail. */
void fake_fail(unsigned long request, int error, unsigned skip, unsigned times);

/* The log so far, which is empty afterwards. */
const char *fake_log(void);

/* An iommufd that the fake serves. */
struct iommufd *fake_iommufd(void);
