/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1.Manager: the daemon as a whole, and the way from a name to an object.
 */
#include "control/service-internal.h"

#include <errno.h>

#include "base/clock.h"

SERVICE_GETTER(get_version)
{
	return sd_bus_message_append(reply, "s", IOPFD_VERSION);
}

SERVICE_GETTER(get_state)
{
	const struct service *s = userdata;

	return sd_bus_message_append(reply, "s", manager_state_to_string(s->directory->state));
}

SERVICE_GETTER(get_backend)
{
	const struct service *s = userdata;

	return sd_bus_message_append(reply, "s", s->directory->backend);
}

SERVICE_GETTER(get_device_count)
{
	const struct service *s = userdata;
	const struct device_entry *e;
	uint32_t n = 0;

	TAILQ_FOREACH(e, &s->directory->devices, link)
		n += e != s->leaving;
	return sd_bus_message_append(reply, "u", n);
}

SERVICE_GETTER(get_start)
{
	const struct service *s = userdata;

	return sd_bus_message_append(reply, "t", s->directory->start_ns / NSEC_PER_USEC);
}

static int append_device(sd_bus_message *reply, const struct device_entry *e)
{
	_cleanup_free_ char *path = service_path(SERVICE_DEVICE_PREFIX, e->name);
	struct stats_values values;

	if (!path)
		return -ENOMEM;
	directory_device_stats(e, &values);
	return sd_bus_message_append(reply, "(sossst)", e->name, path, e->address, device_state_to_string(e->state),
				     e->device ? e->device->ops->name : "", values.faults_total);
}

SERVICE_METHOD(list_devices)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const struct service *s = userdata;
	const struct device_entry *e;
	int r;

	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sossst)");
	TAILQ_FOREACH(e, &s->directory->devices, link)
		if (r >= 0)
			r = append_device(reply, e);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_path(sd_bus_message *m, const char *prefix, const char *name)
{
	_cleanup_free_ char *path = service_path(prefix, name);

	return path ? sd_bus_reply_method_return(m, "o", path) : -ENOMEM;
}

SERVICE_METHOD(get_device)
{
	const struct service *s = userdata;
	const struct device_entry *e;
	const char *name;
	int r;

	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	e = directory_find_device(s->directory, name);
	if (!e)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_DEVICE,
					 "No one device has the name or address '%s'.", name);
	return reply_path(m, SERVICE_DEVICE_PREFIX, e->name);
}

SERVICE_METHOD(get_space)
{
	const struct service *s = userdata;
	const struct space_entry *e;
	const char *name;
	int r;

	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	e = directory_find_space(s->directory, name);
	if (!e)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_SPACE, "There is no space '%s'.", name);
	return reply_path(m, SERVICE_SPACE_PREFIX, e->name);
}

const sd_bus_vtable service_manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Backend", "s", get_backend, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("DeviceCount", "u", get_device_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StartTimestampMonotonicUSec", "t", get_start, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sossst)", devices), list_devices,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetDevice", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", device), get_device,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetSpace", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", space), get_space,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
