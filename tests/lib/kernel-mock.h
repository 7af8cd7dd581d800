/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's mock device (CONFIG_IOMMUFD_TEST) for tests that make its page requests.
 * Declared here once more, so that the tests do not repeat a mistake of the daemon's.
 */
#pragma once

#include <stdint.h>

#define MOCK_READ 1u
#define MOCK_WRITE 2u
#define MOCK_EXEC 4u
#define MOCK_PRIVILEGED 8u
#define MOCK_MORE (1u << 31) /* more records of this group follow; kernels of the rig only */

enum kernel_mock_op {
	MOCK_OP_CHECK_MAP = 3,
	MOCK_OP_REPLACE = 10,
	MOCK_OP_TRIGGER = 15,
	MOCK_OP_PASID_ATTACH = 18,
	MOCK_OP_PASID_DETACH = 20,
};

struct kernel_mock_command {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t pt_id;
		} replace;
		struct {
			uint32_t pasid;
			uint32_t pt_id;
		} pasid;
		struct {
			uint64_t iova;
			uint64_t length;
			uint64_t memory;
		} check_map;
		struct {
			uint32_t dev_id;
			uint32_t pasid;
			uint32_t group;
			uint32_t perm;
			uint64_t address;
		} trigger;
		uint64_t room[6];
	};
	uint64_t last;
};

/* 0 or a negative errno. Fills in the size. */
int kernel_mock_call(int iommufd, struct kernel_mock_command *c);

/* One record; pasid 0 is the device itself. */
int kernel_mock_trigger(int iommufd, uint32_t dev_id, uint32_t pasid, uint32_t group, uint32_t perm, uint64_t address);

/* What the device was answered since the machine started: "resp_success", ... Counted by
 * kernels of the rig only: else a negative errno. */
int kernel_mock_counter(const char *name, uint64_t *ret);
