/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real devices, through VFIO's character devices. The kernel resets the device when it is
 * bound and blocks its DMA until it is attached. Unbinding is closing the fd: while a
 * duplicate of it is lent to another process, the device stays bound.
 *
 * Attached is always an HWPT with a fault queue, and never in place of a plain one: when
 * such a replacement fails, the kernel forgets the ranges that the device reserves.
 */
#include "device/vfio.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/util.h"
#include "device/ioas.h"
#include "device/uapi-vfio.h"

#define TRIES 5
#define PAUSE_US 20000

static struct vfio *to_vfio(struct device *d)
{
	return container_of(d, struct vfio, device);
}

static bool vfio_claims(const char *address, struct reason *why)
{
	const char *colon = strchr(address, ':');
	bool bdf = colon && strspn(address, "0123456789abcdefABCDEF") == (size_t)(colon - address);

	if (address[0] != '/' && strncmp(address, "vfio", 4) != 0 && !bdf)
		return false;
	vfio_find_check(address, why);
	return true;
}

static int vfio_new(const char *name, const char *address, struct device **ret, struct reason *why)
{
	struct vfio *v = calloc(1, sizeof(*v));

	if (!v || device_init(&v->device, &device_vfio_ops, name, address) < 0) {
		free(v);
		return reason_set(why, ENOMEM, "out of memory");
	}
	v->paths = (struct vfio_paths){ .sysfs = "/sys", .dev = "/dev" };
	v->fd = -1;
	*ret = &v->device;
	return 0;
}

static void vfio_free(struct device *d)
{
	device_deinit(d);
	free(to_vfio(d));
}

/* What was found is shown even when the device then cannot be used. given_fd: -1 = none. */
static int find(struct vfio *v, int given_fd, struct reason *why)
{
	_cleanup_(vfio_location_deinit) struct vfio_location l;
	struct device *d = &v->device;
	int r = given_fd >= 0 ? vfio_find_fd(&v->paths, given_fd, &l, why) : vfio_find(&v->paths, d->address, &l, why);

	l.sysfs_path = l.sysfs_path ?: strdup("");
	l.node = l.node ?: strdup("");
	if (!l.sysfs_path || !l.node)
		return reason_set(why, ENOMEM, "out of memory");
	free(d->sysfs_path);
	free(d->vfio_device);
	d->sysfs_path = TAKE_PTR(l.sysfs_path);
	d->vfio_device = TAKE_PTR(l.node);
	d->vendor_id = l.vendor_id;
	d->device_id = l.device_id;
	return r;
}

/* ENODEV: the node is there a moment before the device is registered for good, see
 * __vfio_register_dev(), or the device is on its way out. */
static int open_node(const char *path)
{
	int fd;

	for (int i = 0; (fd = open(path, O_RDWR | O_CLOEXEC)) < 0; i++) {
		if (errno != ENODEV || i + 1 >= TRIES)
			return -errno;
		usleep(PAUSE_US);
	}
	return fd;
}

static int bind_iommufd(int fd, const struct iommufd *iommufd, uint32_t *ret_dev_id)
{
	struct uapi_vfio_bind_iommufd c = { .argsz = sizeof(c), .iommufd = iommufd->fd };

	/* EAGAIN: somebody holds the lock under which the device is reset. */
	for (int i = 0; ioctl(fd, UAPI_VFIO_DEVICE_BIND_IOMMUFD, &c) < 0; i++) {
		if (errno != EAGAIN || i + 1 >= TRIES)
			return -errno;
		usleep(PAUSE_US);
	}
	*ret_dev_id = c.out_devid;
	return 0;
}

static int vfio_open(struct device *d, struct iommufd *iommufd, struct reason *why)
{
	struct vfio *v = to_vfio(d);
	_cleanup_close_ int fd = TAKE_FD(d->given_fd);
	uint32_t max_pasids = 0, dev_id = 0;
	int r;

	assert(v->fd < 0 && iommufd);
	r = find(v, fd, why);
	if (r < 0)
		return r;
	if (fd < 0)
		fd = open_node(d->vfio_device);
	if (fd < 0)
		return vfio_explain(v, VFIO_OPEN, -fd, why);
	r = bind_iommufd(fd, iommufd, &dev_id);
	if (r < 0)
		return vfio_explain(v, VFIO_BIND, -r, why);
	/* From here on, closing fd is what unbinds: there is no call for it. */
	r = iommufd_max_pasids(iommufd, dev_id, &max_pasids);
	if (r == -ENOENT)
		return reason_set(why, EOPNOTSUPP, "the device is emulated in software (mdev): it has no IO "
						   "page faults");
	if (r < 0)
		return iommufd_explain("the IOMMU does not say what it can do", "IOMMU_GET_HW_INFO", -r, why);
	d->dev_id = dev_id;
	d->max_pasids = max_pasids;
	v->fd = TAKE_FD(fd);
	v->saw_node = access(d->vfio_device, F_OK) == 0;
	vfio_events_open(v);
	return 0;
}

static void vfio_close(struct device *d)
{
	vfio_events_close(to_vfio(d));
	close_fd(&to_vfio(d)->fd);
}

static int vfio_lend(struct device *d, int *ret_fd)
{
	int fd = fcntl(to_vfio(d)->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int vfio_config(const struct vfio *v, struct pci_config *ret)
{
	struct uapi_vfio_region_info c = { .argsz = sizeof(c), .index = UAPI_VFIO_PCI_CONFIG_REGION_INDEX };

	if (ioctl(v->fd, UAPI_VFIO_DEVICE_GET_REGION_INFO, &c) < 0)
		return -errno;
	*ret = (struct pci_config){ .fd = v->fd, .offset = (off_t)c.offset };
	return 0;
}

static int vfio_ioas_open(struct iommufd *iommufd, const struct iova_range *ranges, size_t n_ranges, struct ioas **ret,
			  struct reason *why)
{
	return ioas_open(&device_vfio_ops, iommufd, ranges, n_ranges, ret, why);
}

static int attach_hwpt(struct device *d, uint32_t pasid, uint32_t hwpt_id, struct reason *why)
{
	bool has_pasid = pasid != PASID_NONE;
	struct uapi_vfio_attach_iommufd_pt c = {
		.argsz = sizeof(c),
		.flags = has_pasid ? UAPI_VFIO_DEVICE_ATTACH_PASID : 0,
		.pt_id = hwpt_id,
		.pasid = has_pasid ? pasid : 0,
	};
	const struct vfio *v = to_vfio(d);

	if (ioctl(v->fd, UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &c) < 0)
		return vfio_explain(v, has_pasid ? VFIO_ATTACH_PASID : VFIO_ATTACH, errno, why);
	return 0;
}

static int vfio_detach(struct device *d, uint32_t pasid, struct ioas *a)
{
	bool has_pasid = pasid != PASID_NONE;
	struct uapi_vfio_detach_iommufd_pt c = {
		.argsz = sizeof(c),
		.flags = has_pasid ? UAPI_VFIO_DEVICE_DETACH_PASID : 0,
		.pasid = has_pasid ? pasid : 0,
	};

	(void)a;
	return ioctl(to_vfio(d)->fd, UAPI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &c) < 0 ? -errno : 0;
}

/* The kernel takes PASID 0 for the device itself, and any PASID of a device that has none
 * for a success that does nothing. */
static int check_pasid(const struct device *d, uint32_t pasid, struct reason *why)
{
	if (pasid == PASID_NONE)
		return 0;
	if (d->max_pasids == 0)
		return reason_set(why, EOPNOTSUPP, "PASID %u: the device has no PASIDs, or the IOMMU does not "
						   "use them (scalable mode, intel_iommu=on,sm_on, is "
						   "needed)", pasid);
	if (pasid == 0 || pasid >= d->max_pasids)
		return reason_set(why, EINVAL, "PASID %u: the device takes 1 to %u", pasid, d->max_pasids - 1);
	return 0;
}

static int vfio_attach(struct device *d, uint32_t pasid, struct ioas *a, struct reason *why)
{
	struct pci_config config;
	int r = check_pasid(d, pasid, why);

	if (r < 0)
		return r;
	r = ioas_attach(a, d, pasid, attach_hwpt, why);
	if (r < 0 || !d->bus_master || pasid != PASID_NONE)
		return r;

	/* Not earlier: the kernel answers INVALID for what the device asks while its RID is not
	 * attached. PASIDs are attached before. */
	r = vfio_config(to_vfio(d), &config);
	if (r == 0)
		r = pci_enable(&config);
	if (r < 0) {
		vfio_detach(d, pasid, a);
		return reason_set(why, -r, "cannot set bus mastering in the device's configuration: %s",
				  strerror(-r));
	}
	return 0;
}

const struct device_ops device_vfio_ops = {
	.name = "vfio",
	.uses_iommufd = true,
	.claims = vfio_claims,
	.new = vfio_new,
	.open = vfio_open,
	.close = vfio_close,
	.free = vfio_free,
	.watch = vfio_watch,
	.look = vfio_look,
	.lend = vfio_lend,
	.ioas_open = vfio_ioas_open,
	.ioas_close = ioas_close,
	.attach = vfio_attach,
	.detach = vfio_detach,
	.map = ioas_map,
	.unmap = ioas_unmap,
	.read = ioas_read,
	.write = ioas_write,
};
