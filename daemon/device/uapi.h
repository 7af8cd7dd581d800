/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own declaration of the part of the kernel's ABI that iopfd uses: iommufd, its fault
 * fd, and VFIO character devices, as of Linux 7.2. No kernel header is needed to build, and
 * the names do not clash with those of linux/iommufd.h and linux/vfio.h.
 *
 * Every struct is of the newest size: older kernels take it as long as what they do not
 * know is zero, so zero them whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

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

/* /dev/iommu */
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

/* /dev/vfio/devices/vfioN */
#define UAPI_VFIO_DEVICE_FLAGS_PCI (1u << 1)
#define UAPI_VFIO_DEVICE_GET_INFO _IO(';', 107)
struct uapi_vfio_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
	uint32_t cap_offset;
	uint32_t pad;
};
UAPI_ASSERT(uapi_vfio_device_info, pad, 20, 24);

#define UAPI_VFIO_DEVICE_GET_REGION_INFO _IO(';', 108)
#define UAPI_VFIO_PCI_CONFIG_REGION_INDEX 7u
struct uapi_vfio_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset; /* for pread and pwrite on the device fd */
};
UAPI_ASSERT(uapi_vfio_region_info, offset, 24, 32);

#define UAPI_VFIO_IRQ_SET_DATA_EVENTFD (1u << 2)
#define UAPI_VFIO_IRQ_SET_ACTION_TRIGGER (1u << 5)
#define UAPI_VFIO_PCI_ERR_IRQ_INDEX 3u
#define UAPI_VFIO_PCI_REQ_IRQ_INDEX 4u
#define UAPI_VFIO_DEVICE_SET_IRQS _IO(';', 110)
struct uapi_vfio_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
	int32_t fd; /* the kernel's ends before it; DATA_EVENTFD with count 1 */
};
UAPI_ASSERT(uapi_vfio_irq_set, fd, 20, 24);

#define UAPI_VFIO_DEVICE_BIND_IOMMUFD _IO(';', 118)
struct uapi_vfio_bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr;
};
UAPI_ASSERT(uapi_vfio_bind_iommufd, out_devid, 12, 24);

#define UAPI_VFIO_DEVICE_ATTACH_PASID (1u << 0)
#define UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT _IO(';', 119)
struct uapi_vfio_attach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
	uint32_t pasid;
};
UAPI_ASSERT(uapi_vfio_attach_iommufd_pt, pasid, 12, 16);

#define UAPI_VFIO_DEVICE_DETACH_PASID (1u << 0)
#define UAPI_VFIO_DEVICE_DETACH_IOMMUFD_PT _IO(';', 120)
struct uapi_vfio_detach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};
UAPI_ASSERT(uapi_vfio_detach_iommufd_pt, pasid, 8, 12);
