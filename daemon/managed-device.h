/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device: an entry of the directory together with what makes it run. Private to the
 * manager, as managed.h, which includes this.
 */
#pragma once

#include "base/util.h"
#include "config/config.h"
#include "control/hooks.h"
#include "managed-hotplug.h"

struct manager;
struct managed_attachment;
struct managed_space;

struct managed_device {
	struct device_entry entry;
	struct manager *manager;
	bool bus_master;
	int64_t spin_ns;
	bool uses_pasids; /* even if none is configured */
	bool is_listed;   /* in the directory */
	bool restart;     /* a reload stopped it to start it again */
	int given_fd;     /* an open cdev for the next start; -1 = none */
	/* The step under way, if ended is set: a set of calls to shards; when all have come back,
	 * next; at last ended, which may free the device. */
	unsigned n_pending;
	void (*next)(struct managed_device *d);
	void (*ended)(struct managed_device *d);
	struct service_call *reply; /* who asked for the step */
	struct loop_source *timer;  /* of a pause, or of a drain (managed-control.c); NULL until needed */
	uint64_t timer_end_ns;      /* a drain gives up */
	uint64_t drain_since_ns;    /* it has been quiet, with so many groups ever read */
	uint64_t drain_groups;
	struct managed_attachment *pasid; /* the step is about this one alone */
	struct reason why; /* of the first failure of the step */

	struct managed_presence presence;
	bool is_open;
	struct reason leaving; /* error 0: it stays; EIO: it stays, but cannot be used */
	bool losing;           /* that is why the step is under way */

	/* Refused faults (managed-storm.c): how many when that was last looked at; told at. */
	uint64_t n_refused;
	uint64_t storm_told_ns;
};

static inline struct managed_device *managed_device(struct device_entry *e)
{
	return container_of(e, struct managed_device, entry);
}

/* Devices. new: with its attachments, none of them made; spaces: of config->spaces. list: puts
 * it into the directory. start and stop: a step; ended is called when the state is what came of
 * it. */
int managed_device_new(struct manager *m, const struct config_device *c, struct managed_space *const *spaces,
		       struct managed_device **ret);
void managed_device_list(struct managed_device *d);
struct managed_device *managed_device_free(struct managed_device *d); /* not attached; no step */
void managed_device_start(struct managed_device *d, void (*ended)(struct managed_device *d));
void managed_device_stop(struct managed_device *d, void (*ended)(struct managed_device *d));

/* It leaves, for d->leaving: released at once, whatever it still asks; then absent, or failed. */
void managed_device_lose(struct managed_device *d, void (*ended)(struct managed_device *d));

/* Not attached: absent or unbound, for this reason, or detached. */
void managed_device_miss(struct managed_device *d, enum device_state state, const struct reason *why);

static inline bool managed_device_is_attached(const struct managed_device *d)
{
	return d->entry.state == DEVICE_ACTIVE || d->entry.state == DEVICE_PAUSED;
}

/* Not of a file. */
static inline bool managed_device_is_transient(const struct managed_device *d)
{
	return !*d->entry.source;
}

/* Paused: its faults are kept, not served. A step; nothing happens if it is so already. */
void managed_device_pause(struct managed_device *d, bool paused, void (*ended)(struct managed_device *d));

/* Shown as draining until somebody says that it is quiet, or gives up. */
void managed_device_drain(struct managed_device *d, void (*ended)(struct managed_device *d));
void managed_device_drained(struct managed_device *d);

/* One more PASID, or one less, of an attached device: a step; d->why.error says how it ended. */
void managed_device_attach_pasid(struct managed_device *d, uint32_t pasid, struct managed_space *space,
				 void (*ended)(struct managed_device *d));
void managed_device_detach_pasid(struct managed_device *d, struct managed_attachment *a,
				 void (*ended)(struct managed_device *d));

/* Commands of the bus, as the service_hooks of their names. */
void managed_device_command(void *manager, struct device_entry *e, enum device_command command, uint64_t usec,
			    struct service_call *call);
void managed_device_pasid(void *manager, struct device_entry *e, uint32_t pasid, struct space_entry *space,
			  struct service_call *call);
