/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a suite over each backend of the loop; over io_uring also as kernels before 6.1 and
 * before 5.19 offer it, by refusing the newer set-up flags. And a source to test with.
 */
#pragma once

#include "loop/loop.h"

/* Returns what main() is to return. Ends with 77 after libevent's turn where io_uring is
 * not allowed. */
int t_over_loops(void (*suite)(void));

struct loop *t_loop_new(void); /* with the backend whose turn it is */

/* Runs for a while: long enough for several rounds if there is anything to call. */
void t_loop_run_ms(struct loop *l, unsigned ms);

/* The next submissions that wait for nothing fail (io_uring only). */
void t_loop_fail_submits(int error, unsigned times);

/* A watched eventfd and what its callback is to do. */
struct probe {
	struct loop *loop;
	struct loop_source *source;
	struct probe *other;
	int fd;
	uint32_t events;  /* of the last call */
	unsigned n_calls;
	unsigned n_again; /* answer LOOP_AGAIN so often */
	unsigned stop_at; /* stop the loop at this call, which is then its result */
};

/* `n` posts are there already. */
void probe_open(struct probe *p, struct loop *l, unsigned n, uint32_t events, loop_fn fn);
void probe_close(struct probe *p);
void probe_post(const struct probe *p, uint64_t n);

/* Callbacks with the probe as userdata: take one post, or touch nothing. */
int probe_take(struct loop_source *s, uint32_t events, void *userdata);
int probe_count(struct loop_source *s, uint32_t events, void *userdata);
