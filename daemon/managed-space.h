/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A space: an entry of the directory together with what makes it run. Private to the manager,
 * as managed.h, which includes this.
 */
#pragma once

#include "base/util.h"
#include "config/config.h"
#include "control/hooks.h"
#include "fault/pager.h"
#include "fault/shard.h"

struct manager;

/* On its shard at once: start, stop, a shrink, a cry for one, and word of refused faults. */
#define CALLS_PER_SPACE 5u

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
	bool starting;      /* the shard does not serve it yet, and may come to say that it cannot */
	bool is_listed;     /* in the directory */
	unsigned n_active;  /* attachments that are, or are being, attached */
	bool moving;        /* to another shard: calls are held until it is there */
	STAILQ_HEAD(, shard_call) held;
	struct shard_call move_call;
	struct shard *move_to;
	struct pager_place place; /* of move_to */
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
	unsigned n_commands; /* of the bus, under way */
	uint64_t drain_ns;
	struct shard_call call; /* drain, stop, tune */
	bool is_closing;
	void (*closed)(struct managed_space *s); /* of the close that is under way */
	struct farewell *farewell;               /* who waits for it (managed-attach.c) */
};

static inline struct managed_space *managed_space(struct space_entry *e)
{
	return container_of(e, struct managed_space, entry);
}

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
	return s->is_open || s->shrinking || s->n_commands;
}

/* A step; nothing is attached any more. closed: when it has ended, may free it; or NULL. */
void managed_space_close(struct managed_space *s, void (*closed)(struct managed_space *s));

/* A command of the bus, as service_hooks.on_space_command. */
void managed_space_command(void *manager, struct space_entry *e, size_t region, enum space_command command,
			   uint64_t offset, uint64_t length, struct service_call *call);
