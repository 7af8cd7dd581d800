/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tree of objects is made of: the tables of the interfaces, one in each file, the
 * methods that have a file of their own, and the heads of sd-bus's callbacks.
 */
#pragma once

#include "control/service-internal.h"

/* The heads of sd-bus's callbacks; most use only what is not marked. */
#define SERVICE_UNUSED __attribute__((unused))
#define SERVICE_GETTER(name)                                                                                       \
	static int name(sd_bus *bus SERVICE_UNUSED, const char *path SERVICE_UNUSED,                               \
			const char *interface SERVICE_UNUSED, const char *property SERVICE_UNUSED,                 \
			sd_bus_message *reply, void *userdata SERVICE_UNUSED, sd_bus_error *ret_error SERVICE_UNUSED)
#define SERVICE_FIND(name)                                                                                         \
	int name(sd_bus *bus SERVICE_UNUSED, const char *path, const char *interface SERVICE_UNUSED, void *userdata, \
		 void **ret_found, sd_bus_error *ret_error SERVICE_UNUSED)
#define SERVICE_HANDLER(name)                                                                                      \
	int name(sd_bus_message *m, void *userdata SERVICE_UNUSED, sd_bus_error *ret_error SERVICE_UNUSED)
#define SERVICE_METHOD(name) static SERVICE_HANDLER(name)
#define SERVICE_ADMIN_HANDLER(name, fn)                                                                            \
	SERVICE_HANDLER(name)                                                                                      \
	{                                                                                                          \
		return service_admin_run(service_current(sd_bus_message_get_bus(m)), m, fn, ret_error);            \
	}

extern const sd_bus_vtable service_manager_vtable[];
extern const sd_bus_vtable service_device_vtable[];
extern const sd_bus_vtable service_space_vtable[];
extern const sd_bus_vtable service_statistics_vtable[];
extern const sd_bus_vtable service_log_vtable[];

/* For sd-bus: take the snapshot that all properties of this message are read from. */
SERVICE_FIND(service_statistics_total);
SERVICE_FIND(service_statistics_device);
SERVICE_FIND(service_statistics_space);

/* For sd-bus, on the path of the log: takes the calls that set a property. */
SERVICE_HANDLER(service_log_on_message);

/* Methods that are not in the file of their interface. */
SERVICE_HANDLER(service_space_flush);
SERVICE_HANDLER(service_space_trim);
SERVICE_HANDLER(service_space_prefault);
SERVICE_HANDLER(service_device_detach);
SERVICE_HANDLER(service_device_drain);
SERVICE_HANDLER(service_device_pause);
SERVICE_HANDLER(service_device_resume);
SERVICE_HANDLER(service_device_attach_pasid);
SERVICE_HANDLER(service_device_detach_pasid);
SERVICE_HANDLER(service_attach_device);
SERVICE_HANDLER(service_attach_device_fd);
SERVICE_HANDLER(service_detach_device);
SERVICE_HANDLER(service_reload);
SERVICE_HANDLER(service_plan_reload);
SERVICE_HANDLER(service_check_configuration);
SERVICE_HANDLER(service_open_statistics);
SERVICE_HANDLER(service_open_trace);
SERVICE_HANDLER(service_dump);
