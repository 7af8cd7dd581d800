/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come and go, and storms of refused faults: what the rest of the manager tells
 * and asks. Private to it, as managed.h, which includes this.
 */
#pragma once

#include <stdbool.h>

#include "hotplug.h"

struct managed_device;
struct manager;

/* Embedded in a managed_device. */
struct managed_presence {
	struct hotplug_watch *watch; /* NULL: it neither comes nor goes */
	struct loop_source *request; /* while it is open: the kernel wants it back */
	struct loop_source *failure; /* likewise: it had an error that cannot be corrected */
	struct loop_source *review;  /* timer; NULL until something happened */
	bool review_due;             /* when what is under way has ended */
	unsigned n_looks;            /* since something happened last */
};

/* Before the open, so that nothing is missed. */
void managed_hotplug_expect(struct managed_device *d);

/* Watches for what the kernel says of an open device, from its open to its close. */
void managed_hotplug_opened(struct managed_device *d);
void managed_hotplug_closing(struct managed_device *d);

/* Looks at what happened while a step was under way, or something that concerned all. */
void managed_hotplug_step_ended(struct managed_device *d);
void managed_hotplug_resume(struct manager *m);

/* Before the device is freed. */
void managed_hotplug_forget(struct managed_device *d);

/* On the control thread: faults of a space were refused. The rate of each device is looked at
 * from now on, until none is refused any more. */
void managed_storm_watch(struct manager *m);
