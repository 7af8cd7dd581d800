/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.LogControl1, as systemctl service-log-level expects it. sd-bus calls a
 * setter at once and lets root and our own user do so; the group, and a question to the bus
 * that does not wait for its answer, need service-admin.c. So what sets a property is taken
 * before it gets to the setters.
 */
#include "control/service-members.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "control/service-error.h"

SERVICE_GETTER(get_level)
{
	return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

SERVICE_GETTER(get_target)
{
	return sd_bus_message_append(reply, "s", log_target_to_string(log_get_target()));
}

SERVICE_GETTER(get_identifier)
{
	return sd_bus_message_append(reply, "s", LOG_IDENTIFIER);
}

static int set_level(const char *value, sd_bus_error *ret_error)
{
	int level = log_level_from_string(value);

	if (level < 0)
		return service_invalid_args(ret_error, "Log level '%s': expected one of %s.", value, log_level_names());
	log_notice("log level: %s", value);
	log_set_max_level(level);
	return 0;
}

static int set_target(const char *value, sd_bus_error *ret_error)
{
	int target = log_target_from_string(value), r;

	if (target < 0)
		return service_invalid_args(ret_error, "Log target '%s': expected one of %s.", value, log_target_names());
	log_notice("log target: %s", value);
	r = log_open(target);
	return r < 0 ? sd_bus_error_set_errnof(ret_error, r, "The log cannot go to %s.", value) : 0;
}

static int set_allowed(struct service *s SERVICE_UNUSED, sd_bus_message *m, sd_bus_error *ret_error)
{
	const char *interface, *name, *type, *value;
	int r = sd_bus_message_read(m, "ss", &interface, &name);

	if (r >= 0)
		r = sd_bus_message_peek_type(m, NULL, &type);
	if (r < 0)
		return r;
	if (strcmp(interface, SERVICE_LOG_INTERFACE) != 0)
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_UNKNOWN_INTERFACE, "Unknown interface '%s'.", interface);
	if (!strcmp(name, "SyslogIdentifier"))
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_PROPERTY_READ_ONLY, "%s cannot be changed.", name);
	if (strcmp(name, "LogLevel") != 0 && strcmp(name, "LogTarget") != 0)
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_UNKNOWN_PROPERTY, "Unknown property '%s'.", name);
	if (strcmp(type, "s") != 0)
		return service_invalid_args(ret_error, "%s is a string.", name);
	r = sd_bus_message_read(m, "v", "s", &value);
	if (r >= 0)
		r = strcmp(name, "LogLevel") ? set_target(value, ret_error) : set_level(value, ret_error);
	return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

SERVICE_HANDLER(service_log_on_message)
{
	if (sd_bus_message_is_method_call(m, SERVICE_PROPERTIES_INTERFACE, "Set") <= 0 ||
	    !sd_bus_message_has_signature(m, "ssv"))
		return 0;
	return service_admin_run(userdata, m, set_allowed, ret_error);
}

/* Shows that it can be set; what does so was taken before. */
static int refuse(sd_bus *bus SERVICE_UNUSED, const char *path SERVICE_UNUSED, const char *interface SERVICE_UNUSED,
		  const char *property SERVICE_UNUSED, sd_bus_message *value SERVICE_UNUSED, void *userdata SERVICE_UNUSED,
		  sd_bus_error *ret_error SERVICE_UNUSED)
{
	return -EACCES;
}

const sd_bus_vtable service_log_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, refuse, 0, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, refuse, 0, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, 0),
	SD_BUS_VTABLE_END,
};
