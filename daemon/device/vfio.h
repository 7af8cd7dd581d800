/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the vfio engine: its device, finding it in sysfs, and its errors in words.
 */
#pragma once

#include "device/device.h"
#include "device/pci.h"

/* Where sysfs and device nodes are; tests have their own. */
struct vfio_paths {
	const char *sysfs; /* "/sys" */
	const char *dev;   /* "/dev" */
};

struct vfio {
	struct device device;
	struct vfio_paths paths;
	int fd; /* the character device, bound; -1 = not open */
	bool saw_node; /* the node showed in our /dev when it was opened */
};

struct vfio_location {
	char *sysfs_path;
	char *node;     /* /dev/vfio/devices/vfioN */
	uint16_t vendor_id;
	uint16_t device_id;
};

/* Of the address' text: 0 or -EINVAL with the sentence. */
int vfio_find_check(const char *address, struct reason *why);

/* -ENOENT, -ENXIO and others as ops->open. *ret is to be released by the caller, also after
 * a failure: what was found until then is in it. */
int vfio_find(const struct vfio_paths *paths, const char *address, struct vfio_location *ret, struct reason *why);

/* The same for a device file that is open already. */
int vfio_find_fd(const struct vfio_paths *paths, int fd, struct vfio_location *ret, struct reason *why);
void vfio_location_deinit(struct vfio_location *l);

/* Its configuration space, through the open device. */
int vfio_config(const struct vfio *v, struct pci_config *ret);

/* The eventfds of request and error: made and closed with the device. A kernel that does not
 * have them is no reason to fail. */
void vfio_events_open(struct vfio *v);
void vfio_events_close(struct vfio *v);

/* As device_ops.watch and look. */
char *vfio_watch(const struct device *d);
int vfio_look(const struct device *d, struct reason *why);

enum vfio_call {
	VFIO_OPEN,
	VFIO_BIND,
	VFIO_ATTACH,
	VFIO_ATTACH_PASID,
	VFIO_CALL_MAX,
};

/* Fills why with what the error of this call means and what to do; returns -error. */
int vfio_explain(const struct vfio *v, enum vfio_call call, int error, struct reason *why);
