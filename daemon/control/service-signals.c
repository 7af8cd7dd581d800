/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bus is told at once, after all that changed before. Nothing here fails: an error
 * is one of the connection, which the next round of the loop will meet.
 */
#include "control/service-internal.h"

#include <stdarg.h>

static void emit(struct service *s, const char *path, const char *interface, const char *member, const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	va_list ap;
	int r;

	service_tell_changes(s);
	va_start(ap, types);
	r = sd_bus_message_new_signal(s->bus, &m, path, interface, member);
	if (r >= 0)
		r = sd_bus_message_appendv(m, types, ap);
	if (r >= 0)
		sd_bus_send(s->bus, m, NULL);
	va_end(ap);
	service_arm(s);
}

void service_device_lost(struct service *s, const struct device_entry *e, const char *reason)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_DEVICE_PREFIX, e->name) : NULL;

	if (path)
		emit(s, SERVICE_PATH, SERVICE_MANAGER_INTERFACE, "DeviceLost", "os", path, reason);
}

void service_fault_storm(struct service *s, const struct device_entry *e, uint64_t faults_per_second)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_DEVICE_PREFIX, e->name) : NULL;

	if (path)
		emit(s, SERVICE_PATH, SERVICE_MANAGER_INTERFACE, "FaultStorm", "ot", path, faults_per_second);
}

void service_release_requested(struct service *s, const struct device_entry *e)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_DEVICE_PREFIX, e->name) : NULL;

	if (path)
		emit(s, path, SERVICE_DEVICE_INTERFACE, "ReleaseRequested", "");
}

void service_config_changed(struct service *s)
{
	const struct device_entry *e;

	if (!service_has_audience(s))
		return;
	service_tell_changes(s);
	sd_bus_emit_properties_changed(s->bus, SERVICE_PATH, SERVICE_MANAGER_INTERFACE, "ConfigSerial",
				       "ConfigLoadTimestampUSec", "LastReloadError", "ConfigFiles", NULL);
	TAILQ_FOREACH(e, &s->directory->devices, link) {
		_cleanup_free_ char *path = service_path(SERVICE_DEVICE_PREFIX, e->name);

		if (path)
			sd_bus_emit_properties_changed(s->bus, path, SERVICE_DEVICE_INTERFACE, "ConfigSource", NULL);
	}
	service_arm(s);
}

void service_device_added(struct service *s, const struct device_entry *e)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_DEVICE_PREFIX, e->name) : NULL;

	if (!path)
		return;
	service_tell_changes(s);
	sd_bus_emit_object_added(s->bus, path);
	service_note_manager(s, SERVICE_UNTOLD_COUNT);
	service_note_spaces(s, e);
	service_arm(s);
}

void service_device_removed(struct service *s, const struct device_entry *e)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_DEVICE_PREFIX, e->name) : NULL;

	if (!path)
		return;
	service_tell_changes(s);
	s->leaving = e;
	sd_bus_emit_object_removed(s->bus, path);
	service_note_manager(s, SERVICE_UNTOLD_COUNT);
	service_note_spaces(s, e);
	service_tell_changes(s);
	s->leaving = NULL;
}

void service_space_added(struct service *s, const struct space_entry *e)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_SPACE_PREFIX, e->name) : NULL;

	if (!path)
		return;
	service_tell_changes(s);
	sd_bus_emit_object_added(s->bus, path);
	service_arm(s);
}

void service_space_removed(struct service *s, const struct space_entry *e)
{
	_cleanup_free_ char *path = service_has_audience(s) ? service_path(SERVICE_SPACE_PREFIX, e->name) : NULL;

	if (!path)
		return;
	service_tell_changes(s);
	sd_bus_emit_object_removed(s->bus, path);
	service_arm(s);
}
