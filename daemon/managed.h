/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manager's devices and spaces: each an entry of the directory together with what
 * makes it run. Private to manager.c and managed-*.c; all of it belongs to the control
 * thread, except what a shard_call carries while it is under way.
 *
 * A device or a space does one step at a time: start, stop, one PASID, a command. A step
 * begins with manager_begin() and ends with manager_settled(), so that the manager knows
 * when nothing is under way; what concerns all (stop, reload) waits for that.
 */
#pragma once

#include "config/config.h"
#include "control/directory.h"
#include "control/service.h"
#include "fault/pager.h"
#include "fault/shard.h"
#include "fault/stats-page.h"
#include "fault/worker.h"
#include "managed-hotplug.h"
#include "manager.h"

/* Commands of the bus that may be under way at once. */
#define COMMANDS_MAX 32u

/* What a configured budget means here; BUDGET_NONE if there is none. */
int64_t budget_bytes(const struct config_budget *b);

struct managed_space {
	struct space_entry entry;
	struct manager *manager;
	struct shard *shard; /* from its open on */
	struct pager pager;
	const struct device_ops *ops; /* of the devices it was opened for */
	struct ioas *ioas;  /* on its way to the shard */
	bool is_open;
	bool is_listed;     /* in the directory */
	unsigned n_active;  /* attachments that are, or are being, attached */
	bool moving;        /* to another shard: calls are held until it is there */
	STAILQ_HEAD(, shard_call) held;
	struct shard_call move_call;
	struct shard *move_from, *move_to;
	bool transient;     /* goes with the device that brought it */
	int64_t limit;      /* BUDGET_NONE: none */
	unsigned n_users;   /* attachments of devices that name it, attached or not */
	struct reason start_error; /* why the shard does not serve it; the shard's, then of the attaches on it */
	int32_t numa_node;
	struct policy_setting **settings; /* of each region; ends with key NULL */
	atomic_bool starving; /* the control thread has been told */
	atomic_bool refusing; /* likewise: faults are refused */
	struct shard_call start_call;
	struct shard_call shrink_call;
	uint64_t shrink_bytes;
	uint64_t mapped_before; /* the last shrink */
	bool shrinking;
	uint64_t drain_ns;
	struct shard_call call; /* drain, stop, tune */
	bool is_closing;
	void (*closed)(struct managed_space *s); /* of the close that is under way */
	struct farewell *farewell;               /* who waits for it (managed-attach.c) */
};

struct managed_attachment {
	struct attachment_entry entry;
	struct managed_space *space;
	struct managed_device *device;
	bool active; /* counts in the space's n_active */
	struct shard_call call;
	struct reason why;
};

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
	unsigned n_commands; /* of the bus, under way */
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

static inline struct managed_space *managed_space(struct space_entry *e)
{
	return container_of(e, struct managed_space, entry);
}

static inline struct managed_device *managed_device(struct device_entry *e)
{
	return container_of(e, struct managed_device, entry);
}

static inline struct managed_attachment *managed_attachment(struct attachment_entry *e)
{
	return container_of(e, struct managed_attachment, entry);
}

/* What to do about an errno that means a limit: a half sentence to append, or "". */
const char *error_hint(int error);

/* Spaces. new: of the configuration, opens nothing. list: puts it into the directory. open:
 * policies, ioas, and a shard is told to serve it; calls submitted afterwards run after that. A
 * second open does nothing. free: closed, without users; takes it out of the directory. */
int managed_space_new(struct manager *m, const struct config *config, size_t index, struct managed_space **ret);
void managed_space_list(struct managed_space *s);
struct managed_space *managed_space_free(struct managed_space *s);
int managed_space_open(struct managed_space *s, const struct device_ops *ops, struct reason *why);
void managed_space_rebalance(struct managed_space *s);
void managed_space_submit(struct managed_space *s, struct shard_call *c); /* to its shard */
void managed_space_drain(struct managed_space *s, uint64_t limit_ns); /* a step; at most so long */

/* A shard has it, or has a call about it: it must be closed before it is freed. */
static inline bool managed_space_is_in_use(const struct managed_space *s)
{
	return s->is_open || s->shrinking;
}

/* A step; nothing is attached any more. closed: when it has ended, may free it; or NULL. */
void managed_space_close(struct managed_space *s, void (*closed)(struct managed_space *s));

/* A command of the bus, as service_hooks.on_space_command. */
void managed_space_command(void *manager, struct space_entry *e, size_t region, enum space_command command,
			   uint64_t offset, uint64_t length, struct service_call *call);

/* Attachments: part of a device's step, which goes on with `next` when all calls came back. free:
 * not attached. */
int managed_attachment_new(struct managed_device *d, uint32_t pasid, struct managed_space *space,
			   struct managed_attachment **ret);
void managed_attachment_free(struct managed_attachment *a);
void managed_attachment_idle(struct managed_attachment *a); /* neither attached nor about to be */
int managed_attachment_open(struct managed_attachment *a, struct reason *why); /* its space */
void managed_attachment_attach(struct managed_attachment *a);
void managed_attachment_detach(struct managed_attachment *a);
void managed_attachment_pause(struct managed_attachment *a, bool paused);
void managed_attachment_move(struct managed_attachment *a, struct managed_space *space);

/* Commands of the bus, as the service_hooks of their names. */
void managed_device_command(void *manager, struct device_entry *e, enum device_command command, uint64_t usec,
			    struct service_call *call);
void managed_device_pasid(void *manager, struct device_entry *e, uint32_t pasid, struct space_entry *space,
			  struct service_call *call);

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
