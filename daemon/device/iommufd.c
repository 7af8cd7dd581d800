/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The iommufd calls. Every struct is zeroed whole and of the newest size, which older
 * kernels accept. None of these calls is interrupted by ordinary signals.
 */
#include "device/iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int call(struct iommufd *i, unsigned long request, void *argument)
{
	return ioctl(i->fd, request, argument) < 0 ? -errno : 0;
}

static int explain_access(const char *path, int error, struct reason *why)
{
	const struct group *group;
	struct stat st;

	/* EACCES is the node's mode, EPERM the device controller of cgroups. */
	if (error == EPERM)
		return reason_set(why, error, "%s is not allowed in this sandbox: the unit needs "
					      "DeviceAllow=%s rw", path,
				  path);
	if (stat(path, &st) < 0)
		return reason_set(why, error, "no permission to reach %s", path);
	group = getgrgid(st.st_gid);
	return reason_set(why, error, "no permission to open %s (group %s, mode %04o): a udev rule must give "
				      "it to the daemon's group: KERNEL==\"iommu\", SUBSYSTEM==\"misc\", "
				      "GROUP=\"iopfd\", MODE=\"0660\"",
			  path, group ? group->gr_name : "unknown", st.st_mode & 07777);
}

int iommufd_open(const char *path, struct iommufd **ret, struct reason *why)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	struct iommufd *i;

	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return reason_set(why, errno, "this kernel has no iommufd: %s needs CONFIG_IOMMUFD and, if it "
					      "is a module, modprobe iommufd", path);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return explain_access(path, errno, why);
	if (fd < 0)
		return reason_set(why, errno, "cannot open %s: %s", path, strerror(errno));

	i = malloc(sizeof(*i));
	if (!i)
		return reason_set(why, ENOMEM, "out of memory");
	i->fd = TAKE_FD(fd);
	*ret = i;
	return 0;
}

struct iommufd *iommufd_close(struct iommufd *i)
{
	if (i) {
		close(i->fd);
		free(i);
	}
	return NULL;
}

int iommufd_explain(const char *what, const char *name, int error, struct reason *why)
{
	switch (error) {
	case EMFILE:
		return reason_set(why, error, "%s: too many open files: raise LimitNOFILE=", what);
	case ENFILE:
		return reason_set(why, error, "%s: the whole machine has too many open files: raise the sysctl "
					      "fs.file-max", what);
	case ENOMEM:
		return reason_set(why, error, "%s: no memory: the limit of the daemon's unit (MemoryMax=) or the "
					      "machine's memory is used up", what);
	case EACCES:
	case EPERM:
		return reason_set(why, error, "%s: a security module or a seccomp filter forbids %s on "
					      IOMMUFD_PATH, what, name);
	case ENOTTY:
	case EOPNOTSUPP:
		return reason_set(why, error, "%s: this kernel's iommufd does not support %s as iopfd uses it: "
					      "Linux 6.13 or newer is needed", what, name);
	default:
		return reason_set(why, error, "%s: %s failed: %s (Linux 6.13 or newer is needed)", what, name,
				  strerror(error));
	}
}

int iommufd_destroy(struct iommufd *i, uint32_t id)
{
	struct uapi_iommu_destroy c = { .size = sizeof(c), .id = id };

	return call(i, UAPI_IOMMU_DESTROY, &c);
}

int iommufd_ioas_alloc(struct iommufd *i, uint32_t *ret_id)
{
	struct uapi_iommu_ioas_alloc c = { .size = sizeof(c) };
	int r = call(i, UAPI_IOMMU_IOAS_ALLOC, &c);

	if (r == 0)
		*ret_id = c.out_ioas_id;
	return r;
}

int iommufd_allow_iovas(struct iommufd *i, uint32_t ioas_id, const struct uapi_iommu_iova_range *ranges, size_t n)
{
	struct uapi_iommu_ioas_allow_iovas c = {
		.size = sizeof(c),
		.ioas_id = ioas_id,
		.num_iovas = (uint32_t)n,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return call(i, UAPI_IOMMU_IOAS_ALLOW_IOVAS, &c);
}

int iommufd_iova_ranges(struct iommufd *i, uint32_t ioas_id, struct uapi_iommu_iova_range *ranges, size_t *n)
{
	struct uapi_iommu_ioas_iova_ranges c = {
		.size = sizeof(c),
		.ioas_id = ioas_id,
		.num_iovas = (uint32_t)*n,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int r = call(i, UAPI_IOMMU_IOAS_IOVA_RANGES, &c);

	if (r == -EMSGSIZE) /* the array is full, and num_iovas is how many there are */
		return 0;
	if (r == 0)
		*n = c.num_iovas;
	return r;
}

int iommufd_fault_alloc(struct iommufd *i, uint32_t *ret_id, int *ret_fd)
{
	struct uapi_iommu_fault_alloc c = { .size = sizeof(c) };
	_cleanup_close_ int fd = -1;
	int flags, r;

	r = call(i, UAPI_IOMMU_FAULT_QUEUE_ALLOC, &c);
	if (r < 0)
		return r;
	fd = (int)c.out_fault_fd;

	/* read() of this fd never blocks anyway, but io_uring would send it to a worker. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		r = -errno;
		close_fd(&fd);
		iommufd_destroy(i, c.out_fault_id);
		return r;
	}
	*ret_id = c.out_fault_id;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int iommufd_hwpt_alloc(struct iommufd *i, uint32_t dev_id, uint32_t ioas_id, uint32_t flags, uint32_t fault_id,
		       uint32_t *ret_id)
{
	struct uapi_iommu_hwpt_alloc c = {
		.size = sizeof(c),
		.flags = flags,
		.dev_id = dev_id,
		.pt_id = ioas_id,
		.fault_id = flags & UAPI_IOMMU_HWPT_FAULT_ID_VALID ? fault_id : 0,
	};
	int r = call(i, UAPI_IOMMU_HWPT_ALLOC, &c);

	if (r == 0)
		*ret_id = c.out_hwpt_id;
	return r;
}

int iommufd_max_pasids(struct iommufd *i, uint32_t dev_id, uint32_t *ret_max)
{
	struct uapi_iommu_hw_info c = { .size = sizeof(c), .dev_id = dev_id };
	int r = call(i, UAPI_IOMMU_GET_HW_INFO, &c);

	if (r < 0)
		return r;
	/* PASIDs have 20 bits at most. Kernels that do not know the field leave its 0. */
	*ret_max = c.out_max_pasid_log2 && c.out_max_pasid_log2 <= 20 ? 1u << c.out_max_pasid_log2 : 0;
	return 0;
}

int iommufd_map_file(struct iommufd *i, uint32_t ioas_id, uint64_t iova, uint64_t length, int fd, uint64_t offset,
		     uint32_t flags)
{
	struct uapi_iommu_ioas_map_file c = {
		.size = sizeof(c),
		.flags = flags,
		.ioas_id = ioas_id,
		.fd = fd,
		.start = offset,
		.length = length,
		.iova = iova,
	};

	return call(i, UAPI_IOMMU_IOAS_MAP_FILE, &c);
}

int iommufd_unmap(struct iommufd *i, uint32_t ioas_id, uint64_t iova, uint64_t length)
{
	struct uapi_iommu_ioas_unmap c = { .size = sizeof(c), .ioas_id = ioas_id, .iova = iova, .length = length };

	return call(i, UAPI_IOMMU_IOAS_UNMAP, &c);
}
