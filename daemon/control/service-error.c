/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/service-error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* One errno each. The last ones are no errno of a call that the kernel refused; it is the
 * owner's business to choose them. */
const sd_bus_error_map service_error_map[] = {
	SD_BUS_ERROR_MAP(SERVICE_ERROR_CONFIG_INVALID, EINVAL),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_DEVICE_BUSY, EBUSY),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_DEVICE_EXISTS, EEXIST),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_DEVICE_GONE, ENODEV),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_DRAINING, EINPROGRESS),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_INVALID_RANGE, ERANGE),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_LIMIT_EXCEEDED, ENOSPC),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_MEMLOCK_EXCEEDED, ENOMEM),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_NO_SUCH_DEVICE, ENOENT),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_NOT_BOUND_TO_VFIO, ENXIO),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_SPACE_CLOSED, ESTALE),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_TIMEOUT, ETIMEDOUT),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_IOMMUFD_UNAVAILABLE, ENOPKG),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_KERNEL_TOO_OLD, ENOTTY),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_NO_CHAR_DEVICE, ENOSTR),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_NO_PAGE_REQUEST, EPROTONOSUPPORT),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_NO_SUCH_REGION, EADDRNOTAVAIL),
	SD_BUS_ERROR_MAP(SERVICE_ERROR_NO_SUCH_SPACE, ESRCH),
	SD_BUS_ERROR_MAP_END,
};

const char *service_error_name(int error)
{
	for (const sd_bus_error_map *e = service_error_map; e->name; e++)
		if (e->code == error)
			return e->name;
	return error == EOPNOTSUPP ? SD_BUS_ERROR_NOT_SUPPORTED : NULL;
}

int service_append_error(sd_bus_message *m, int error, const char *text)
{
	return sd_bus_message_append(m, "(ss)", error ? strerrorname_np(error) : NULL, text);
}

int service_invalid_args(sd_bus_error *ret_error, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = sd_bus_error_setfv(ret_error, SD_BUS_ERROR_INVALID_ARGS, format, ap);
	va_end(ap);
	return r;
}

int service_not_supported(sd_bus_error *ret_error)
{
	return sd_bus_error_set(ret_error, SD_BUS_ERROR_NOT_SUPPORTED, "Nobody is there to do it.");
}

int service_no_such_device(const char *name, sd_bus_error *ret_error)
{
	return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_DEVICE, "There is no device '%s'.", name);
}

int service_no_such_space(const char *name, sd_bus_error *ret_error)
{
	return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_SPACE, "There is no space '%s'.", name);
}

int service_no_such_region(const struct space_entry *e, const char *name, sd_bus_error *ret_error)
{
	return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_REGION, "Space %s has no region '%s'.", e->name, name);
}

int service_space_closed(const struct space_entry *e, sd_bus_error *ret_error)
{
	return sd_bus_error_setf(ret_error, SERVICE_ERROR_SPACE_CLOSED,
				 "Space %s is not open: no device has been attached to it.", e->name);
}

int service_gone(const char *error, const char *path, sd_bus_error *ret_error)
{
	return sd_bus_error_setf(ret_error, error, "%s is gone.", path);
}
