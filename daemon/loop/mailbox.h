/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bounded ring of messages from one thread (the poster) to one other (the receiver),
 * with an eventfd that wakes the receiver's loop. A message is a function and its
 * argument, run on the receiver's thread in the order of posting. Neither side ever
 * blocks or takes a lock; the eventfd is written only when the receiver may be asleep.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "loop/loop.h"

typedef void (*mail_fn)(void *arg);

struct mail {
	mail_fn fn;
	void *arg;
};

struct mailbox {
	struct mail *ring;
	size_t capacity; /* a power of two */
	int wake_fd;
	struct loop_source *source;
	/* Each in a cache line of its own, wherever the whole is put. */
	char padding_before_head[64];
	atomic_size_t head; /* next to read; receiver writes */
	char padding_before_tail[64];
	atomic_size_t tail; /* next to write; poster writes */
	char padding_after_tail[64];
};

#define MAILBOX_INIT { .wake_fd = -1 }

/* capacity is rounded up to a power of two. */
int mailbox_init(struct mailbox *m, size_t capacity);

/* Receiver's thread (or before it runs): deliver in this loop. */
int mailbox_receive(struct mailbox *m, struct loop *l);

/* Poster's thread. Returns 0, or -EAGAIN when the ring is full (nothing was posted). */
int mailbox_post(struct mailbox *m, mail_fn fn, void *arg);

/* Receiver's thread, outside its loop: delivers what is there now. */
void mailbox_flush(struct mailbox *m);

/* Both threads done, the loop not freed yet. Messages not delivered are dropped. Takes a
 * half-built one. */
void mailbox_deinit(struct mailbox *m);
