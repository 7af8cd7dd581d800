/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ioctls of /dev/iommu that iopfd uses; see uapi.h. */
#pragma once

#include <sys/ioctl.h>

#include "device/uapi.h"

#define UAPI_IOMMU_DESTROY _IO(';', 0x80)
struct uapi_iommu_destroy {
	uint32_t size;
	uint32_t id;
};
UAPI_ASSERT(uapi_iommu_destroy, id, 4, 8);

#define UAPI_IOMMU_IOAS_ALLOC _IO(';', 0x81)
struct uapi_iommu_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};
UAPI_ASSERT(uapi_iommu_ioas_alloc, out_ioas_id, 8, 12);

struct uapi_iommu_iova_range {
	uint64_t start;
	uint64_t last; /* inclusive */
};
UAPI_ASSERT(uapi_iommu_iova_range, last, 8, 16);

#define UAPI_IOMMU_IOAS_ALLOW_IOVAS _IO(';', 0x82)
struct uapi_iommu_ioas_allow_iovas {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas; /* pointer to struct uapi_iommu_iova_range */
};
UAPI_ASSERT(uapi_iommu_ioas_allow_iovas, allowed_iovas, 16, 24);

#define UAPI_IOMMU_IOAS_IOVA_RANGES _IO(';', 0x84)
struct uapi_iommu_ioas_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas; /* likewise */
	uint64_t out_iova_alignment;
};
UAPI_ASSERT(uapi_iommu_ioas_iova_ranges, out_iova_alignment, 24, 32);

#define UAPI_IOMMU_IOAS_UNMAP _IO(';', 0x86)
struct uapi_iommu_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};
UAPI_ASSERT(uapi_iommu_ioas_unmap, length, 16, 24);

#define UAPI_IOMMU_HWPT_FAULT_ID_VALID (1u << 2)
#define UAPI_IOMMU_HWPT_ALLOC_PASID (1u << 3)
#define UAPI_IOMMU_HWPT_ALLOC _IO(';', 0x89)
struct uapi_iommu_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pt_id;
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t fault_id;
	uint32_t reserved2;
};
UAPI_ASSERT(uapi_iommu_hwpt_alloc, fault_id, 40, 48);

#define UAPI_IOMMU_GET_HW_INFO _IO(';', 0x8a)
struct uapi_iommu_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t out_data_type;
	uint8_t out_max_pasid_log2;
	uint8_t reserved[3];
	uint64_t out_capabilities;
};
UAPI_ASSERT(uapi_iommu_hw_info, out_max_pasid_log2, 28, 40);

#define UAPI_IOMMU_FAULT_QUEUE_ALLOC _IO(';', 0x8e)
struct uapi_iommu_fault_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_fault_id;
	uint32_t out_fault_fd;
};
UAPI_ASSERT(uapi_iommu_fault_alloc, out_fault_fd, 12, 16);

#define UAPI_IOMMU_MAP_FIXED_IOVA (1u << 0)
#define UAPI_IOMMU_MAP_WRITEABLE (1u << 1)
#define UAPI_IOMMU_MAP_READABLE (1u << 2)
#define UAPI_IOMMU_IOAS_MAP_FILE _IO(';', 0x8f)
struct uapi_iommu_ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};
UAPI_ASSERT(uapi_iommu_ioas_map_file, iova, 32, 40);
