/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes back to a shard from any thread: stores, plugins, the worker pool. Unbounded,
 * because the items are embedded in what they are about; no lock, no allocation.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "loop/loop.h"

struct inbox_item {
	struct inbox_item *next;
};

/* Somebody who has something to do once after all that came together. */
struct inbox_user {
	void (*after)(struct inbox_user *u);
	STAILQ_ENTRY(inbox_user) link;
	bool listed;
};

struct inbox {
	_Atomic(struct inbox_item *) newest;
	int wake_fd;
	struct loop_source *source;
	STAILQ_HEAD(, inbox_user) users; /* to be called after this delivery */
	void (*deliver)(struct inbox_item *item);
};

#define INBOX_INIT { .wake_fd = -1 }

/* deliver: called on the loop's thread, in the order of posting (of each thread). */
int inbox_init(struct inbox *b, void (*deliver)(struct inbox_item *item));
int inbox_receive(struct inbox *b, struct loop *l);
void inbox_deliver(struct inbox *b);                        /* what is there now; the loop's thread */
void inbox_after(struct inbox *b, struct inbox_user *u);   /* while something is delivered */
void inbox_post(struct inbox *b, struct inbox_item *item); /* any thread */
void inbox_deinit(struct inbox *b);                        /* nothing is posted any more */
