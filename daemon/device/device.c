/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all engines have in common: finding the one an address belongs to, the identity
 * embedded in each device, and reasons. Knows no engine; the table of them is in
 * devices.c.
 */
#include "device/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int reason_set(struct reason *why, int error, const char *format, ...)
{
	va_list ap;

	if (why) {
		why->error = error;
		va_start(ap, format);
		vsnprintf(why->text, sizeof(why->text), format, ap);
		va_end(ap);
	}
	return -error;
}

const struct device_ops *device_find_ops(const char *address, struct reason *why)
{
	for (const struct device_ops *const *ops = device_table; *ops; ops++) {
		struct reason wrong = { 0 };

		if (!(*ops)->claims(address, &wrong))
			continue;
		if (wrong.error) {
			if (why)
				*why = wrong;
			return NULL;
		}
		return *ops;
	}
	reason_set(why, EINVAL, "\"%.64s\" is no device address: expected a PCI address like 0000:3d:00.0, vfioN, "
		   "a path below /sys, sim[:options] or mock[:pasid]", address);
	return NULL;
}

int device_check_address(const char *address, struct reason *why)
{
	return device_find_ops(address, why) ? 0 : -EINVAL;
}

int device_new(const char *name, const char *address, struct device **ret, struct reason *why)
{
	const struct device_ops *ops = device_find_ops(address, why);

	if (!ops)
		return -EINVAL;
	return ops->new(name, address, ret, why);
}

struct device *device_free(struct device *d)
{
	if (d) {
		d->ops->close(d);
		d->ops->free(d);
	}
	return NULL;
}

int device_init(struct device *d, const struct device_ops *ops, const char *name, const char *address)
{
	*d = (struct device){
		.ops = ops,
		.name = strdup(name),
		.address = strdup(address),
		.sysfs_path = strdup(""),
		.vfio_device = strdup(""),
		.given_fd = -1,
		.request_fd = -1,
		.error_fd = -1,
	};
	if (!d->name || !d->address || !d->sysfs_path || !d->vfio_device) {
		device_deinit(d);
		return -ENOMEM;
	}
	return 0;
}

void device_deinit(struct device *d)
{
	free(d->name);
	free(d->address);
	free(d->sysfs_path);
	free(d->vfio_device);
	close_fd(&d->given_fd);
	d->name = d->address = d->sysfs_path = d->vfio_device = NULL;
}
