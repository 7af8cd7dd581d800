/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker thread with its own loop, which owns whole spaces. The control thread asks it
 * for something with a call; the call runs between two rounds of the shard's loop, and its
 * end comes back to the control thread. What the shard logs is written by the control
 * thread, for the journal may block.
 */
#pragma once

#include <sys/queue.h>

#include "base/cleanup.h"
#include "fault/stats.h"
#include "loop/loop.h"

struct inbox;
struct shard;
struct traces;

/* Returned by a call's run: shard_call_finish() follows. */
#define SHARD_PENDING 1

/* Embedded in what the call is about; busy from shard_submit() until done(). */
struct shard_call {
	int (*run)(struct shard_call *c);   /* shard; 0, a negative errno, or SHARD_PENDING */
	void (*done)(struct shard_call *c); /* control thread; c->result is set */
	void *owner; /* the submitter's own */
	struct shard *shard;
	int result;
	STAILQ_ENTRY(shard_call) link; /* the submitter's own as well */
};

/* Starts the thread. control: the loop that done() and log records come through; capacity:
 * how many calls may be under way at once at most. loop_name as for loop_new(). orphans:
 * where records are counted of devices that no space knows. cpu: where it runs, -1 =
 * anywhere; -EINVAL if it may not. on_dead: on the control thread,
 * when the shard's loop has failed. */
int shard_new(unsigned index, const char *loop_name, struct loop *control, size_t capacity, struct stats *orphans,
	      int cpu, void (*on_dead)(void *userdata), void *userdata, struct shard **ret);

/* Ends the thread; no call may be under way. */
struct shard *shard_free(struct shard *s);
DEFINE_CLEANUP(struct shard, shard_free)

void shard_submit(struct shard *s, struct shard_call *c); /* control thread */
void shard_call_finish(struct shard_call *c, int result);  /* shard */

/* Shard: runs fn on the control thread. For what is rare and counted in `capacity`. */
void shard_notify(struct shard *s, void (*fn)(void *userdata), void *userdata);

struct inbox *shard_inbox(struct shard *s);    /* where the ends of its pagers' ops arrive */
struct loop *shard_loop(struct shard *s);      /* for calls that run on it */
struct stats *shard_orphans(struct shard *s);
struct traces *shard_traces(struct shard *s); /* for calls that run on it, and its pagers */
