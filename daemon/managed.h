/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the manager has, beside its devices and spaces (managed-*.h). Private to manager.c,
 * managed-*.c and reload*.c; all of it belongs to the control thread, except what a
 * shard_call carries while it is under way.
 *
 * A device or a space does one step at a time: start, stop, one PASID, a drain. A step
 * begins with manager_begin() and ends with manager_settled(), so that the manager knows
 * when nothing is under way; what concerns all (stop, reload) waits for that.
 */
#pragma once

#include "control/service.h"
#include "fault/stats-page.h"
#include "fault/worker.h"
#include "managed-attachment.h"
#include "managed-device.h"
#include "managed-space.h"
#include "manager.h"

/* Commands of the bus that may be under way at once. */
#define COMMANDS_MAX 32u

struct reload;

struct manager {
	struct config_source source;
	struct config_hooks hooks;
	struct config *config;  /* what was applied last */
	struct config *started; /* what was applied first, maybe the same */
	struct reload *reload;  /* waits or is under way; other steps are not begun; NULL = none */
	struct loop *loop;
	struct directory directory; /* its entries are managed_device and managed_space */
	struct service *service;
	struct iommufd *iommufd; /* NULL until the first device needs it */
	struct stats_page *page;
	struct budget budget;
	struct workers *workers;
	char *plugin_dir;
	uint64_t deadline_ns;
	struct hotplug *hotplug; /* NULL until a device can come and go */
	struct loop_source *storm; /* timer; runs only while faults are refused */
	uint64_t storm_ns;   /* when that was last looked at; 0: it does not run */
	unsigned n_commands; /* of the bus to all spaces, under way */
	TAILQ_HEAD(, managed_trace) traces;
	unsigned n_traces;
	atomic_uint_fast64_t trace_dropped; /* of all there ever were */
	size_t n_calls;      /* that may be under way at once on one shard, at most */
	size_t max_calls;    /* what the rings have room for */
	struct shard **shards;
	struct shard_call *heartbeats; /* one for each shard */
	size_t n_shards;
	char *cpus;          /* of the shards; NULL = any */
	int last_cpu;        /* where the last one runs */
	bool may_spin;       /* there is more than one CPU for us */
	size_t max_shards;   /* threads start when spaces need them */
	int shard_error;     /* why there is no further one, and that was said */
	unsigned n_beating;  /* heartbeats under way */
	/* When nothing is under way any more, next; NULL: nothing waits for that. */
	size_t n_settling;
	void (*next)(struct manager *m);
	bool reload_waits; /* begins when nothing is under way */
	bool reload_again; /* asked for while one was under way */
	bool stop_asked;
	bool stopping;
	struct loop_source *signals;
	struct loop_source *watchdog;
	bool ready;
	char status[400]; /* as told last */
	int exit_code;
};

/* What to do about an errno that means a limit: a half sentence to append, or "". */
const char *error_hint(int error);

/* Traces: open is service_hooks.on_trace; a shard that was started joins in; after the last
 * shard has ended all are freed. */
int managed_trace_open(void *manager, const struct device_entry *device, const struct space_entry *space,
		       bool invalid_only, int *ret_fd);
void managed_traces_join(struct manager *m, size_t shard);
void managed_traces_deinit(struct manager *m);

void managed_dump(void *manager, FILE *out); /* as service_hooks.on_dump */

/* A step begins, a step has ended. */
void manager_begin(struct manager *m);
void manager_settled(struct manager *m);

void manager_set_state(struct manager *m, enum manager_state state);

/* Logs and tells the bus and the service manager how many devices are active. */
void manager_report(struct manager *m);

/* Room for n more calls under way; -ENOSPC. Negative n gives back. */
int manager_reserve_calls(struct manager *m, long n);

/* Shards (managed-shards.c). pick: the one with the fewest active spaces, beside this one. */
int shards_init(struct manager *m, const struct config *config);
void shards_deinit(struct manager *m);
int shards_pick(struct manager *m, const struct managed_space *s, struct shard **ret);

/* Opens /dev/iommu when it is needed first. */
int manager_get_iommufd(struct manager *m, struct iommufd **ret, struct reason *why);
