/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1 on the bus: shows the directory and changes nothing in it but the lent flag of
 * a device, and marks of its own; what changes more is the owner's (hooks.h). Runs in the control thread's loop. A
 * bus that is absent or goes away is looked for again with back-off; nothing else notices.
 */
#pragma once

#include "base/cleanup.h"
#include "control/directory.h"
#include "control/hooks.h"
#include "loop/loop.h"

struct service;

/* The name of the program on the bus, in the one place where it is written. */
#define SERVICE_NAME "org.iopfd1"
#define SERVICE_PATH "/org/iopfd1"

/* For the command line: 0, or -EINVAL when it can be no bus. */
int service_check_bus(const char *bus);

/* address: "system", "session", "none" or a D-Bus address (unix:...) of a message bus. Returns
 * at once, connected or not; -EINVAL when the address cannot be one. The directory must
 * outlive the service. */
int service_new(struct loop *l, const char *address, struct directory *directory, const struct service_hooks *hooks,
		struct service **ret);
struct service *service_free(struct service *s); /* says goodbye, flushes for at most 100 ms */
DEFINE_CLEANUP(struct service, service_free)

/* After the state, error, attachments or lent flag of an entry changed. */
void service_device_changed(struct service *s, struct device_entry *e);
void service_state_changed(struct service *s);

/* After an entry came, or before it goes. All take a NULL service. */
void service_device_added(struct service *s, const struct device_entry *e);
void service_device_removed(struct service *s, const struct device_entry *e);
void service_space_added(struct service *s, const struct space_entry *e);
void service_space_removed(struct service *s, const struct space_entry *e);

/* Signals. storm: at most one a second for a device, which the caller sees to. */
void service_device_lost(struct service *s, const struct device_entry *e, const char *reason);
void service_fault_storm(struct service *s, const struct device_entry *e, uint64_t faults_per_second);
void service_release_requested(struct service *s, const struct device_entry *e);

/* After config_serial, load time, files or the last error of the directory changed. */
void service_config_changed(struct service *s);
