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
#include "manager.h"

struct managed_space {
	struct space_entry entry;
	struct manager *manager;
	struct shard *shard;
	struct pager pager;
	struct stats stats; /* what no attachment caused */
	struct ioas *ioas;  /* on its way to the shard */
	bool is_open;
	int start_error;    /* why the shard does not serve it; the shard's, then of the attaches on it */
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
int managed_space_init(struct managed_space *s, struct manager *m, const struct config_space *config,
		       struct shard *shard);
int managed_space_open(struct managed_space *s, const struct device_ops *ops, struct reason *why);
void managed_space_drain(struct managed_space *s); /* ends in manager_settled() */
void managed_space_close(struct managed_space *s); /* likewise; nothing is attached any more */
void managed_space_deinit(struct managed_space *s);

/* Devices. start and stop end in manager_settled(). */
int managed_device_init(struct managed_device *d, struct manager *m, const struct config_device *config);
void managed_device_start(struct managed_device *d);
void managed_device_stop(struct managed_device *d);
void managed_device_deinit(struct managed_device *d);

/* One device or space has ended its step. */
void manager_settled(struct manager *m);

/* Opens /dev/iommu when it is needed first. */
int manager_get_iommufd(struct manager *m, struct iommufd **ret, struct reason *why);
