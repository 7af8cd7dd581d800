/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An open /dev/iommu and its calls, one function each: arguments in, negative errno out,
 * no policy. One is shared by all spaces and devices; the kernel locks for itself, so any
 * thread may call. Objects are the kernel's ids.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "device/device.h"
#include "device/uapi-iommufd.h"

#define IOMMUFD_PATH "/dev/iommu"

struct iommufd {
	int fd;
};

/* path: IOMMUFD_PATH but in tests. */
int iommufd_open(const char *path, struct iommufd **ret, struct reason *why);
struct iommufd *iommufd_close(struct iommufd *i); /* takes NULL, returns NULL */
DEFINE_CLEANUP(struct iommufd, iommufd_close)

/* Fills why with "WHAT: " and what the error of a call means that has no sentence of its own,
 * such as limits and old kernels. `name` is the call's: IOMMU_... Returns -error. */
int iommufd_explain(const char *what, const char *name, int error, struct reason *why);

int iommufd_destroy(struct iommufd *i, uint32_t id);
int iommufd_ioas_alloc(struct iommufd *i, uint32_t *ret_id);
int iommufd_allow_iovas(struct iommufd *i, uint32_t ioas_id, const struct uapi_iommu_iova_range *ranges, size_t n);

/* Fills at most *n ranges and says how many; what does not fit is left out. */
int iommufd_iova_ranges(struct iommufd *i, uint32_t ioas_id, struct uapi_iommu_iova_range *ranges, size_t *n);

/* The fd is close-on-exec and not blocking. */
int iommufd_fault_alloc(struct iommufd *i, uint32_t *ret_id, int *ret_fd);

/* flags: UAPI_IOMMU_HWPT_*. fault_id is looked at with FAULT_ID_VALID only. */
int iommufd_hwpt_alloc(struct iommufd *i, uint32_t dev_id, uint32_t ioas_id, uint32_t flags, uint32_t fault_id,
		       uint32_t *ret_id);

/* How many PASIDs the device has, 0 = none. */
int iommufd_max_pasids(struct iommufd *i, uint32_t dev_id, uint32_t *ret_max);

/* flags: UAPI_IOMMU_MAP_*. */
int iommufd_map_file(struct iommufd *i, uint32_t ioas_id, uint64_t iova, uint64_t length, int fd, uint64_t offset,
		     uint32_t flags);
int iommufd_unmap(struct iommufd *i, uint32_t ioas_id, uint64_t iova, uint64_t length);
