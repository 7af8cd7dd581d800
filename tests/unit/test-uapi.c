/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our declaration of the kernel's ABI against the kernel's own headers: sizes, offsets,
 * ioctl numbers, flags. Both are included side by side, which also shows that no name
 * clashes.
 */
#include "device/uapi-iommufd.h"
#include "device/uapi-vfio.h"
#include "device/uapi.h"
#include "t.h"

#ifdef HAVE_UAPI

#include <linux/iommufd.h>
#include <linux/vfio.h>

#define MEMBER_SIZE(type, member) sizeof(((struct type *)NULL)->member)

/* One field: its place and its width. */
#define FIELD_AS(ours, our_field, theirs, their_field)                                    \
	do {                                                                              \
		T_EQ(offsetof(struct ours, our_field), offsetof(struct theirs, their_field));     \
		T_EQ(MEMBER_SIZE(ours, our_field), MEMBER_SIZE(theirs, their_field));     \
	} while (0)
#define FIELD(ours, theirs, field) FIELD_AS(ours, field, theirs, field)
#define SIZE(ours, theirs) T_EQ(sizeof(struct ours), sizeof(struct theirs))

static void test_fault_fd(void)
{
	SIZE(uapi_fault_record, iommu_hwpt_pgfault);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, flags);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, dev_id);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, pasid);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, grpid);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, perm);
	FIELD_AS(uapi_fault_record, reserved, iommu_hwpt_pgfault, __reserved);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, addr);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, length);
	FIELD(uapi_fault_record, iommu_hwpt_pgfault, cookie);
	SIZE(uapi_answer, iommu_hwpt_page_response);
	FIELD(uapi_answer, iommu_hwpt_page_response, cookie);
	FIELD(uapi_answer, iommu_hwpt_page_response, code);
	T_EQ(UAPI_FAULT_PASID_VALID, IOMMU_PGFAULT_FLAGS_PASID_VALID);
	T_EQ(UAPI_FAULT_LAST_PAGE, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	T_EQ(UAPI_PERM_READ, IOMMU_PGFAULT_PERM_READ);
	T_EQ(UAPI_PERM_WRITE, IOMMU_PGFAULT_PERM_WRITE);
	T_EQ(UAPI_PERM_EXEC, IOMMU_PGFAULT_PERM_EXEC);
	T_EQ(UAPI_PERM_PRIV, IOMMU_PGFAULT_PERM_PRIV);
	T_EQ(UAPI_ANSWER_SUCCESS, IOMMUFD_PAGE_RESP_SUCCESS);
	T_EQ(UAPI_ANSWER_INVALID, IOMMUFD_PAGE_RESP_INVALID);
}

static void test_ioctl_numbers(void)
{
	T_EQ(UAPI_IOMMU_DESTROY, IOMMU_DESTROY);
	T_EQ(UAPI_IOMMU_IOAS_ALLOC, IOMMU_IOAS_ALLOC);
	T_EQ(UAPI_IOMMU_IOAS_ALLOW_IOVAS, IOMMU_IOAS_ALLOW_IOVAS);
	T_EQ(UAPI_IOMMU_IOAS_IOVA_RANGES, IOMMU_IOAS_IOVA_RANGES);
	T_EQ(UAPI_IOMMU_IOAS_UNMAP, IOMMU_IOAS_UNMAP);
	T_EQ(UAPI_IOMMU_HWPT_ALLOC, IOMMU_HWPT_ALLOC);
	T_EQ(UAPI_IOMMU_GET_HW_INFO, IOMMU_GET_HW_INFO);
	T_EQ(UAPI_IOMMU_FAULT_QUEUE_ALLOC, IOMMU_FAULT_QUEUE_ALLOC);
	T_EQ(UAPI_IOMMU_IOAS_MAP_FILE, IOMMU_IOAS_MAP_FILE);
	T_EQ(UAPI_VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_REGION_INFO);
	T_EQ(UAPI_VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_INFO);
	T_EQ(UAPI_VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_SET_IRQS);
	T_EQ(UAPI_VFIO_DEVICE_BIND_IOMMUFD, VFIO_DEVICE_BIND_IOMMUFD);
	T_EQ(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	T_EQ(UAPI_VFIO_DEVICE_DETACH_IOMMUFD_PT, VFIO_DEVICE_DETACH_IOMMUFD_PT);
}

static void test_iommufd_flags(void)
{
	T_EQ(UAPI_IOMMU_HWPT_FAULT_ID_VALID, IOMMU_HWPT_FAULT_ID_VALID);
	T_EQ(UAPI_IOMMU_HWPT_ALLOC_PASID, IOMMU_HWPT_ALLOC_PASID);
	T_EQ(UAPI_IOMMU_MAP_FIXED_IOVA, IOMMU_IOAS_MAP_FIXED_IOVA);
	T_EQ(UAPI_IOMMU_MAP_WRITEABLE, IOMMU_IOAS_MAP_WRITEABLE);
	T_EQ(UAPI_IOMMU_MAP_READABLE, IOMMU_IOAS_MAP_READABLE);
}

static void test_iommufd_ioas(void)
{
	SIZE(uapi_iommu_destroy, iommu_destroy);
	FIELD(uapi_iommu_destroy, iommu_destroy, size);
	FIELD(uapi_iommu_destroy, iommu_destroy, id);
	SIZE(uapi_iommu_ioas_alloc, iommu_ioas_alloc);
	FIELD(uapi_iommu_ioas_alloc, iommu_ioas_alloc, size);
	FIELD(uapi_iommu_ioas_alloc, iommu_ioas_alloc, flags);
	FIELD(uapi_iommu_ioas_alloc, iommu_ioas_alloc, out_ioas_id);
	SIZE(uapi_iommu_iova_range, iommu_iova_range);
	FIELD(uapi_iommu_iova_range, iommu_iova_range, start);
	FIELD(uapi_iommu_iova_range, iommu_iova_range, last);
	SIZE(uapi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas);
	FIELD(uapi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas, size);
	FIELD(uapi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas, ioas_id);
	FIELD(uapi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas, num_iovas);
	FIELD_AS(uapi_iommu_ioas_allow_iovas, reserved, iommu_ioas_allow_iovas, __reserved);
	FIELD(uapi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas, allowed_iovas);
	SIZE(uapi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges);
	FIELD(uapi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, size);
	FIELD(uapi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, ioas_id);
	FIELD(uapi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, num_iovas);
	FIELD_AS(uapi_iommu_ioas_iova_ranges, reserved, iommu_ioas_iova_ranges, __reserved);
	FIELD(uapi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, allowed_iovas);
	FIELD(uapi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, out_iova_alignment);
}

static void test_iommufd_map(void)
{
	SIZE(uapi_iommu_ioas_map_file, iommu_ioas_map_file);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, size);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, flags);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, ioas_id);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, fd);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, start);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, length);
	FIELD(uapi_iommu_ioas_map_file, iommu_ioas_map_file, iova);
	SIZE(uapi_iommu_ioas_unmap, iommu_ioas_unmap);
	FIELD(uapi_iommu_ioas_unmap, iommu_ioas_unmap, size);
	FIELD(uapi_iommu_ioas_unmap, iommu_ioas_unmap, ioas_id);
	FIELD(uapi_iommu_ioas_unmap, iommu_ioas_unmap, iova);
	FIELD(uapi_iommu_ioas_unmap, iommu_ioas_unmap, length);
}

static void test_iommufd_hwpt(void)
{
	SIZE(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, size);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, flags);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, dev_id);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, pt_id);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, out_hwpt_id);
	FIELD_AS(uapi_iommu_hwpt_alloc, reserved, iommu_hwpt_alloc, __reserved);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, data_type);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, data_len);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, data_uptr);
	FIELD(uapi_iommu_hwpt_alloc, iommu_hwpt_alloc, fault_id);
	FIELD_AS(uapi_iommu_hwpt_alloc, reserved2, iommu_hwpt_alloc, __reserved2);
	SIZE(uapi_iommu_hw_info, iommu_hw_info);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, size);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, flags);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, dev_id);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, data_len);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, data_uptr);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, out_data_type);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, out_max_pasid_log2);
	FIELD_AS(uapi_iommu_hw_info, reserved, iommu_hw_info, __reserved);
	FIELD(uapi_iommu_hw_info, iommu_hw_info, out_capabilities);
	SIZE(uapi_iommu_fault_alloc, iommu_fault_alloc);
	FIELD(uapi_iommu_fault_alloc, iommu_fault_alloc, size);
	FIELD(uapi_iommu_fault_alloc, iommu_fault_alloc, flags);
	FIELD(uapi_iommu_fault_alloc, iommu_fault_alloc, out_fault_id);
	FIELD(uapi_iommu_fault_alloc, iommu_fault_alloc, out_fault_fd);
}

static void test_vfio(void)
{
	T_EQ(UAPI_VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX);
	T_EQ(UAPI_VFIO_DEVICE_ATTACH_PASID, VFIO_DEVICE_ATTACH_PASID);
	T_EQ(UAPI_VFIO_DEVICE_DETACH_PASID, VFIO_DEVICE_DETACH_PASID);
	SIZE(uapi_vfio_region_info, vfio_region_info);
	FIELD(uapi_vfio_region_info, vfio_region_info, argsz);
	FIELD(uapi_vfio_region_info, vfio_region_info, flags);
	FIELD(uapi_vfio_region_info, vfio_region_info, index);
	FIELD(uapi_vfio_region_info, vfio_region_info, cap_offset);
	FIELD(uapi_vfio_region_info, vfio_region_info, size);
	FIELD(uapi_vfio_region_info, vfio_region_info, offset);
	SIZE(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd);
	FIELD(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, argsz);
	FIELD(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, flags);
	FIELD(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, iommufd);
	FIELD(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, out_devid);
	FIELD(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, token_uuid_ptr);
	SIZE(uapi_vfio_attach_iommufd_pt, vfio_device_attach_iommufd_pt);
	FIELD(uapi_vfio_attach_iommufd_pt, vfio_device_attach_iommufd_pt, argsz);
	FIELD(uapi_vfio_attach_iommufd_pt, vfio_device_attach_iommufd_pt, flags);
	FIELD(uapi_vfio_attach_iommufd_pt, vfio_device_attach_iommufd_pt, pt_id);
	FIELD(uapi_vfio_attach_iommufd_pt, vfio_device_attach_iommufd_pt, pasid);
	SIZE(uapi_vfio_detach_iommufd_pt, vfio_device_detach_iommufd_pt);
	FIELD(uapi_vfio_detach_iommufd_pt, vfio_device_detach_iommufd_pt, argsz);
	FIELD(uapi_vfio_detach_iommufd_pt, vfio_device_detach_iommufd_pt, flags);
	FIELD(uapi_vfio_detach_iommufd_pt, vfio_device_detach_iommufd_pt, pasid);
}

static void test_vfio_irqs(void)
{
	T_EQ(UAPI_VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_PCI);
	T_EQ(UAPI_VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_EVENTFD);
	T_EQ(UAPI_VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_TRIGGER);
	T_EQ(UAPI_VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX);
	T_EQ(UAPI_VFIO_PCI_REQ_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX);
	SIZE(uapi_vfio_device_info, vfio_device_info);
	FIELD(uapi_vfio_device_info, vfio_device_info, argsz);
	FIELD(uapi_vfio_device_info, vfio_device_info, flags);
	FIELD(uapi_vfio_device_info, vfio_device_info, num_regions);
	FIELD(uapi_vfio_device_info, vfio_device_info, num_irqs);
	FIELD(uapi_vfio_device_info, vfio_device_info, cap_offset);
	FIELD(uapi_vfio_device_info, vfio_device_info, pad);
	T_EQ(sizeof(struct uapi_vfio_irq_set), sizeof(struct vfio_irq_set) + sizeof(int32_t));
	FIELD(uapi_vfio_irq_set, vfio_irq_set, argsz);
	FIELD(uapi_vfio_irq_set, vfio_irq_set, flags);
	FIELD(uapi_vfio_irq_set, vfio_irq_set, index);
	FIELD(uapi_vfio_irq_set, vfio_irq_set, start);
	FIELD(uapi_vfio_irq_set, vfio_irq_set, count);
	T_EQ(offsetof(struct uapi_vfio_irq_set, fd), offsetof(struct vfio_irq_set, data));
}

int main(void)
{
	t_run(test_fault_fd);
	t_run(test_ioctl_numbers);
	t_run(test_iommufd_flags);
	t_run(test_iommufd_ioas);
	t_run(test_iommufd_map);
	t_run(test_iommufd_hwpt);
	t_run(test_vfio);
	t_run(test_vfio_irqs);
	return 0;
}

#else

int main(void)
{
	t_skip("no kernel headers to compare with: neither tests/rig/include nor IOPFD_RIG/include is there");
}

#endif
