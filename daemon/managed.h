/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manager's devices and spaces: each an entry of the directory together with what
 * makes it run. Private to manager.c, managed-device.c and managed-space.c; all of it
 * belongs to the control thread, except what a shard_call carries while it is under way.
 */
#pragma once

#include "config/config.h"
#include "control/directory.h"
#include "control/service.h"
#include "fault/pager.h"
#include "fault/shard.h"
#include "fault/worker.h"
#include "manager.h"

/* Commands of the bus that may be under way at once. */
#define COMMANDS_MAX 32u

/* What a configured budget means here; BUDGET_NONE if there is none. */
int64_t budget_bytes(const struct config_budget *b);

struct managed_space {
	struct space_entry entry;
	struct manager *manager;
	struct shard *shard;
	struct pager pager;
	struct stats stats; /* what no attachment caused */
	struct ioas *ioas;  /* on its way to the shard */
	bool is_open;
	struct reason start_error; /* why the shard does not serve it; the shard's, then of the attaches on it */
	int32_t numa_node;
	struct policy_setting **settings; /* of each region; ends with key NULL */
	atomic_bool starving; /* the control thread has been told */
	struct shard_call shrink_call;
	uint64_t shrink_bytes;
	bool shrinking;
	struct shard_call call;
};

struct managed_attachment {
	struct attachment_entry *entry;
	struct managed_space *space;
	struct managed_device *device;
	struct stats stats;
	struct shard_call call;
	struct reason why;
	bool attached;
};

struct managed_device {
	struct device_entry entry;
	struct manager *manager;
	struct managed_attachment *attachments; /* the RID first, as in the entry */
	bool bus_master;
	/* A step of its life is a set of calls to shards; when all have come back, the next. */
	unsigned n_pending;
	void (*next)(struct managed_device *d);
	struct reason why; /* of the first failure of the attach under way */
};

struct manager {
	struct loop *loop;
	struct directory directory;
	struct service *service;
	struct iommufd *iommufd; /* NULL until the first device needs it */
	struct budget budget;
	struct workers *workers;
	char *plugin_dir;
	unsigned n_commands; /* of the bus, under way */
	bool commands_settle; /* they count in n_settling */
	struct shard **shards;
	struct shard_call *heartbeats; /* one for each shard */
	size_t n_shards;
	unsigned n_beating; /* heartbeats under way */
	struct managed_space *spaces;
	size_t n_spaces;
	struct managed_device *devices;
	size_t n_devices;
	/* A stage of start or stop ends when this many devices or spaces have ended their step;
	 * then comes the next. NULL: between start and stop. */
	size_t n_settling;
	void (*next)(struct manager *m);
	bool stop_asked;
	struct loop_source *signals;
	struct loop_source *watchdog;
	bool ready;
	int exit_code;
};

/* What to do about an errno that means a limit: a half sentence to append, or "". */
const char *error_hint(int error);

/* Spaces. init: of the configuration, opens nothing. open: policies, ioas, and the shard is
 * told to serve it (which ends in manager_settled()); calls submitted afterwards run after
 * that. A second open does nothing. */
int managed_space_init(struct managed_space *s, struct manager *m, const struct config *config, size_t index,
		       struct shard *shard);
int managed_space_open(struct managed_space *s, const struct device_ops *ops, struct reason *why);
void managed_space_drain(struct managed_space *s); /* ends in manager_settled() */
void managed_space_close(struct managed_space *s); /* likewise; nothing is attached any more */
void managed_space_deinit(struct managed_space *s);

/* Gives back some of what it has mapped, for another space. */
void managed_space_shrink(struct managed_space *s);

/* A command of the bus, as service_hooks.on_space_command. */
void managed_space_command(void *manager, struct space_entry *e, size_t region, enum space_command command,
			   uint64_t offset, uint64_t length, struct service_call *call);

/* Devices. start and stop end in manager_settled(). */
int managed_device_init(struct managed_device *d, struct manager *m, const struct config_device *config);
void managed_device_start(struct managed_device *d);
void managed_device_stop(struct managed_device *d);
void managed_device_deinit(struct managed_device *d);

/* One device or space has ended its step. */
void manager_settled(struct manager *m);

/* Opens /dev/iommu when it is needed first. */
int manager_get_iommufd(struct manager *m, struct iommufd **ret, struct reason *why);
