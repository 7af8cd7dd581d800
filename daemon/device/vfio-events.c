/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a VFIO device says that it leaves. When its driver is unbound or it is unplugged, the
 * kernel first takes the node away, then asks for the device through an eventfd, again every
 * ten seconds, and waits until every fd of it is closed; so a name is not given again while
 * we have it open. Who borrowed the fd may have put an eventfd of its own in place of ours:
 * then the node is all that tells.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "device/uapi-vfio.h"
#include "device/vfio.h"

/* In devices that are not PCI the same numbers are other interrupts. */
static uint32_t count_pci_irqs(const struct vfio *v)
{
	struct uapi_vfio_device_info c = { .argsz = sizeof(c) };

	if (ioctl(v->fd, UAPI_VFIO_DEVICE_GET_INFO, &c) < 0 || !(c.flags & UAPI_VFIO_DEVICE_FLAGS_PCI))
		return 0;
	return c.num_irqs;
}

static int open_event(const struct vfio *v, uint32_t index)
{
	_cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct uapi_vfio_irq_set c = {
		.argsz = sizeof(c),
		.flags = UAPI_VFIO_IRQ_SET_DATA_EVENTFD | UAPI_VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.count = 1,
		.fd = fd,
	};

	if (fd >= 0 && ioctl(v->fd, UAPI_VFIO_DEVICE_SET_IRQS, &c) >= 0)
		return TAKE_FD(fd);
	/* A conventional PCI device has no error event. */
	log_with(LOG_DEBUG, -errno, &(struct log_fields){ .device = v->device.name },
		 "no notice of event %u of the device", index);
	return -1;
}

void vfio_events_open(struct vfio *v)
{
	uint32_t n = count_pci_irqs(v);

	if (n > UAPI_VFIO_PCI_REQ_IRQ_INDEX)
		v->device.request_fd = open_event(v, UAPI_VFIO_PCI_REQ_IRQ_INDEX);
	if (n > UAPI_VFIO_PCI_ERR_IRQ_INDEX)
		v->device.error_fd = open_event(v, UAPI_VFIO_PCI_ERR_IRQ_INDEX);
}

void vfio_events_close(struct vfio *v)
{
	close_fd(&v->device.request_fd);
	close_fd(&v->device.error_fd);
}

char *vfio_watch(const struct device *d)
{
	const struct vfio *v = container_of(d, struct vfio, device);
	char *path;

	return asprintf(&path, "%s/vfio/devices/*", v->paths.dev) < 0 ? NULL : path;
}

static int look_open(const struct vfio *v, struct reason *why)
{
	_cleanup_free_ char *folder = NULL;

	if (v->saw_node && access(v->device.vfio_device, F_OK) < 0 && errno == ENOENT)
		return reason_set(why, ENOENT, "%s has gone", v->device.vfio_device);
	if (asprintf(&folder, "%s/vfio-dev", v->device.sysfs_path) < 0) {
		folder = NULL;
		return reason_set(why, ENOMEM, "out of memory");
	}
	if (access(folder, F_OK) < 0 && errno == ENOENT)
		return reason_set(why, ENOENT, "%s has gone", folder);
	return 0;
}

int vfio_look(const struct device *d, struct reason *why)
{
	const struct vfio *v = container_of(d, struct vfio, device);
	_cleanup_(vfio_location_deinit) struct vfio_location l = { 0 };
	int r;

	if (v->fd >= 0)
		return look_open(v, why);
	r = vfio_find(&v->paths, d->address, &l, why);
	if (r < 0)
		return r;
	if (access(l.node, R_OK | W_OK) < 0)
		return reason_set(why, errno, "%s cannot be opened: %s", l.node, strerror(errno));
	return 0;
}
