/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1.Manager: the daemon as a whole, and the way from a name to an object.
 */
#include "control/service-members.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/util.h"
#include "control/service-error.h"

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

SERVICE_GETTER(get_uptime)
{
	const struct service *s = userdata;

	return sd_bus_message_append(reply, "t", (clock_now_ns() - s->directory->start_ns) / NSEC_PER_USEC);
}

/* Those of the interface that whoever is behind it provides. */
SERVICE_GETTER(get_features)
{
	const struct service *s = userdata;
	const struct {
		const char *name;
		bool has;
	} features[] = {
		{ "attach-device", s->hooks.on_attach },
		{ "dump", s->hooks.on_dump },
		{ "pasids", s->hooks.on_pasid },
		{ "reload", s->hooks.on_reload },
		{ "statistics-page", s->directory->page },
		{ "trace", s->hooks.on_trace },
	};
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t i = 0; i < ARRAY_SIZE(features) && r >= 0; i++)
		if (features[i].has)
			r = sd_bus_message_append(reply, "s", features[i].name);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

SERVICE_GETTER(get_kernel_features)
{
	struct service *s = userdata;

	return sd_bus_message_append_strv(reply, (char **)s->kernel);
}

SERVICE_GETTER(get_config_serial)
{
	const struct service *s = userdata;

	return sd_bus_message_append(reply, "t", s->directory->config_serial);
}

SERVICE_GETTER(get_config_load)
{
	const struct service *s = userdata;

	return sd_bus_message_append(reply, "t", s->directory->config_load_usec);
}

SERVICE_GETTER(get_config_files)
{
	const struct service *s = userdata;

	return sd_bus_message_append_strv(reply, s->directory->config_files);
}

SERVICE_GETTER(get_reload_error)
{
	const struct directory *d = ((const struct service *)userdata)->directory;

	return service_append_error(reply, d->reload_error, d->reload_error_text);
}

SERVICE_GETTER(get_locked_bytes)
{
	const struct service *s = userdata;
	const struct space_entry *e;
	uint64_t sum = 0;

	TAILQ_FOREACH(e, &s->directory->spaces, link)
		sum += space_entry_mapped_bytes(e);
	return sd_bus_message_append(reply, "t", sum);
}

SERVICE_GETTER(get_locked_bytes_limit)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return -errno;
	return sd_bus_message_append(reply, "t", limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur);
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

static int append_devices(sd_bus_message *reply, const struct service *s, const void *userdata)
{
	const struct device_entry *e;
	int r = 0;

	(void)userdata;
	TAILQ_FOREACH(e, &s->directory->devices, link)
		if (r >= 0)
			r = append_device(reply, e);
	return r;
}

SERVICE_METHOD(list_devices)
{
	return service_reply_array(userdata, m, "(sossst)", append_devices, NULL);
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

SERVICE_METHOD(get_device_by_address)
{
	const struct service *s = userdata;
	const struct device_entry *e;
	const char *address;
	int r;

	r = sd_bus_message_read(m, "s", &address);
	if (r < 0)
		return r;
	e = directory_device_at(s->directory, address);
	if (!e)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_DEVICE, "No one device has the address '%s'.",
					 address);
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
		return service_no_such_space(name, ret_error);
	return reply_path(m, SERVICE_SPACE_PREFIX, e->name);
}

const sd_bus_vtable service_manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Backend", "s", get_backend, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("DeviceCount", "u", get_device_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StartTimestampMonotonicUSec", "t", get_start, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("UptimeUSec", "t", get_uptime, 0, 0),
	SD_BUS_PROPERTY("Features", "as", get_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("KernelFeatures", "as", get_kernel_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("ConfigSerial", "t", get_config_serial, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("ConfigLoadTimestampUSec", "t", get_config_load, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("ConfigFiles", "as", get_config_files, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	SD_BUS_PROPERTY("LastReloadError", "(ss)", get_reload_error, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("LockedBytes", "t", get_locked_bytes, 0, 0),
	SD_BUS_PROPERTY("LockedBytesLimit", "t", get_locked_bytes_limit, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sossst)", devices), list_devices,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetDevice", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", device), get_device,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetDeviceByAddress", SD_BUS_ARGS("s", address), SD_BUS_RESULT("o", device),
				get_device_by_address, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetSpace", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", space), get_space,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, service_reload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PlanReload", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", plan), service_plan_reload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CheckConfiguration", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(susss)", diagnostics),
				service_check_configuration, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("AttachDevice", SD_BUS_ARGS("s", name, "a{sv}", options), SD_BUS_RESULT("o", device),
				service_attach_device, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("AttachDeviceFd", SD_BUS_ARGS("s", name, "h", device_fd, "a{sv}", options),
				SD_BUS_RESULT("o", device), service_attach_device_fd, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("DetachDevice", SD_BUS_ARGS("s", name, "t", flags), SD_BUS_NO_RESULT,
				service_detach_device, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("OpenStatistics", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("h", fd, "t", size, "u", abi_version), service_open_statistics,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("OpenTrace", SD_BUS_ARGS("a{sv}", filter), SD_BUS_RESULT("h", fd), service_open_trace,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("DumpByFileDescriptor", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", fd), service_dump,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("DeviceLost", SD_BUS_ARGS("o", device, "s", reason), 0),
	SD_BUS_SIGNAL_WITH_ARGS("FaultStorm", SD_BUS_ARGS("o", device, "t", faults_per_second), 0),
	SD_BUS_VTABLE_END,
};
