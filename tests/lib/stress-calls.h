/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the stress program says on the bus: calls of the daemon's objects, which may be refused
 * with an error that the manual names, and those that have to succeed in the end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define STRESS_MANAGER "/org/iopfd1", "org.iopfd1.Manager"

extern sd_bus *stress_bus;

bool stress_may_refuse(const char *error);

/* kind: "device" or "space". */
sd_bus_message *stress_call(const char *path, const char *interface, const char *member);
sd_bus_message *stress_object_call(const char *kind, const char *name, const char *interface, const char *member);

/* Until it is done, or need not be. The message, which is freed, is sent as often as that takes. */
void stress_insist(sd_bus_message *m, const char *needless);
void stress_insist_attached(const char *device);
void stress_insist_detached(const char *device, const char *needless);
void stress_insist_pasid(const char *device, uint32_t pasid, const char *space); /* NULL: to none */
