/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own declaration of the part of the kernel's ABI that iopfd uses, as of Linux 7.2: here
 * the records of the fault fd; uapi-iommufd.h and uapi-vfio.h have the ioctls. No kernel
 * header is needed to build, and the names do not clash with those of linux/iommufd.h and
 * linux/vfio.h.
 *
 * Every struct is of the newest size: older kernels take it as long as what they do not
 * know is zero, so zero them whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define UAPI_ASSERT(type, field, at, bytes)                                             \
	_Static_assert(offsetof(struct type, field) == (at) && sizeof(struct type) == (bytes), \
		       "layout of " #type)

/* The fault fd: whole records are read, whole answers are written. */
#define UAPI_FAULT_PASID_VALID (1u << 0)
#define UAPI_FAULT_LAST_PAGE (1u << 1)
#define UAPI_PERM_READ (1u << 0)
#define UAPI_PERM_WRITE (1u << 1)
#define UAPI_PERM_EXEC (1u << 2)
#define UAPI_PERM_PRIV (1u << 3)
struct uapi_fault_record {
	uint32_t flags;   /* more bits than the two above occur */
	uint32_t dev_id;
	uint32_t pasid;   /* only with PASID_VALID */
	uint32_t grpid;
	uint32_t perm;
	uint32_t reserved;
	uint64_t addr;
	uint32_t length;  /* 0 in all kernels so far */
	uint32_t cookie;
};
UAPI_ASSERT(uapi_fault_record, cookie, 36, 40);

#define UAPI_ANSWER_SUCCESS 0u
#define UAPI_ANSWER_INVALID 1u
struct uapi_answer {
	uint32_t cookie;
	uint32_t code;
};
UAPI_ASSERT(uapi_answer, code, 4, 8);
