/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between loop.c and the backends. A backend watches fds and says which are ready; it
 * calls nobody back. loop.c keeps the sources, collects what is ready, calls the callbacks
 * and is the only one that frees a source.
 *
 * A backend embeds both structs first in its own and states the sizes. It may keep a
 * source's pointer as long as it can stop its own events at once; what can still report
 * after remove() (io_uring) keeps the token instead.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "loop/loop.h"
#include "loop/round.h"

struct loop_source {
	struct loop *loop;
	int fd;
	uint32_t slot;
	uint32_t events; /* wanted now: LOOP_READ, LOOP_WRITE, LOOP_DRAIN */
	bool owns_fd;
	int64_t spin_ns; /* LOOP_SPIN_AUTO, or how long */
	loop_fn fn;
	void *userdata;
	union { /* timers and signals: what their own fn calls */
		loop_fn timer_fn;
		loop_signal_fn signal_fn;
	};

	/* While it waits for its callback */
	TAILQ_ENTRY(loop_source) link;
	bool queued;
	bool again;      /* it asked for this call itself */
	uint32_t ready;  /* collected since its last call */
	uint64_t round;  /* in which it was queued */
};

struct loop_slot {
	struct loop_source *source; /* NULL = free */
	uint32_t generation;        /* never 0; tokens of older ones are void */
};

struct loop {
	const struct loop_backend *backend;
	struct loop_slot *slots;
	uint32_t n_slots;
	TAILQ_HEAD(loop_ready_list, loop_source) ready;
	struct loop_source *running; /* whose callback runs */
	bool running_removed;        /* by that callback: it is freed already */
	uint64_t round;
	struct {
		uint64_t now_ns;   /* 0 = not read since the loop woke */
		uint64_t spent_ns; /* since then */
		TAILQ_HEAD(round_ends, round_end) ends;
	} clock;
	struct {
		const struct loop_source *source; /* that had something last; it may be gone */
		uint64_t other_in_round; /* when it was another one before; 0 = never */
	} busy;
	struct {
		struct loop_source *source; /* that had something last; NULL = none */
		uint64_t auto_ns;           /* what LOOP_SPIN_AUTO means at present */
	} spin;
	bool stopped;
	int result;
	char fallback[128]; /* empty = none */
};

struct loop_backend {
	const char *name;
	size_t loop_size;   /* of what embeds struct loop, zeroed before init */
	size_t source_size; /* likewise, zeroed before update */

	/* 0 or a negative errno with a reason in words. */
	int (*init)(struct loop *l, const char **ret_reason);
	void (*deinit)(struct loop *l); /* also after a failed init */

	/* Watch s->events from now on; the first call for a source adds it. */
	int (*update)(struct loop_source *s);

	/* The fd may be closed as soon as this returns, and its file is really let go then. */
	void (*remove)(struct loop_source *s);

	/* Reports by loop_ready() what is ready; sleeps until something is if `block`. */
	int (*wait)(struct loop *l, bool block);
};

/* Any number of times for a source between two rounds; events that it does not want are
 * dropped before its callback. */
void loop_ready(struct loop_source *s, uint32_t events);

/* Calls the source. True if it had something, or has been removed. */
bool loop_call(struct loop *l, struct loop_source *s, uint32_t events);

/* Between two callbacks; after the last one of a round. */
void round_go_on(struct loop *l);
void round_finish(struct loop *l);

/* The source found something to do. */
void round_found(struct loop *l, const struct loop_source *s);

/* A token is never 0. find: NULL once the source was removed or its token renewed. */
uint64_t loop_token(const struct loop_source *s);
uint64_t loop_renew_token(struct loop_source *s);
struct loop_source *loop_find(const struct loop *l, uint64_t token);

/* In the order in which auto tries them; NULL-terminated. One of two files defines both:
 * backends.c, or no-io_uring.c where that one is left out of the build. */
extern const struct loop_backend *const loop_backends[];
extern const char *const loop_names_table[];
extern const char *const loop_left_out; /* why the first choice of auto is not there, or NULL */

extern const struct loop_backend loop_io_uring_backend;
extern const struct loop_backend loop_libevent_backend;
