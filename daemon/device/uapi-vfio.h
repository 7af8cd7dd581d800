/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ioctls of /dev/vfio/devices/vfioN that iopfd uses; see uapi.h. */
#pragma once

#include <sys/ioctl.h>

#include "device/uapi.h"

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
