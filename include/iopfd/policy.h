/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What iopfd asks of a policy: where does the memory of a region come from?
 *
 * Every policy, built in or not, is one `struct iopfd_policy`. Fields are only ever
 * appended; `size` and `abi_version` say which ones exist. The core checks what a policy
 * answers, so a policy need not check what it is asked.
 *
 * Units are bytes. An offset is a distance from the start of the region. Errors are
 * negative errnos. All calls for one region come one at a time: open, memory and close
 * from the control thread, fill from the thread that serves the region's faults, with
 * everything that happened in open visible to it.
 */
#ifndef IOPFD_POLICY_H
#define IOPFD_POLICY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOPFD_POLICY_ABI_VERSION 1u

#define IOPFD_ACCESS_READ 1u
#define IOPFD_ACCESS_WRITE 2u

struct iopfd_region {
	uint32_t size;       /* of this struct, as the core was built */
	uint32_t access;     /* the most that faults may ask for: IOPFD_ACCESS_* */
	const char *name;    /* "SPACE/NAME"; valid during the call */
	uint64_t iova;
	uint64_t length;
	uint64_t granule;    /* fills are for one granule, or for whole neighbouring ones */
};

struct iopfd_memory {
	int fd;              /* memfd, shmem or hugetlb file; stays the policy's own */
	uint64_t offset;     /* where in the file */
};

struct iopfd_policy {
	uint32_t size;       /* sizeof(struct iopfd_policy) */
	uint32_t abi_version;
	const char *name;    /* as in the configuration: [a-z0-9_-]+ */

	/* Makes an instance for a region. It may block. */
	int (*open)(const struct iopfd_region *region, void **ret_instance);

	/* Which memory belongs to [offset, offset + length)? It must be there, with the right
	 * contents, when this returns; it will be mapped for device access. Must not block.
	 * access: what the fault asks for. A negative errno makes the answer INVALID. */
	int (*fill)(void *instance, uint64_t offset, uint64_t length, uint32_t access,
		    struct iopfd_memory *ret_memory);

	/* The one file behind the whole region, if there is one, for processes that share the
	 * memory with the device; NULL or -EOPNOTSUPP if there is none. */
	int (*memory)(void *instance, struct iopfd_memory *ret_memory);

	/* Nothing of the region is mapped any more. */
	void (*close)(void *instance);
};

#ifdef __cplusplus
}
#endif

#endif
