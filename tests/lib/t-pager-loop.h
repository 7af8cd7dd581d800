/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In place of the loop, for tests of the pager: nothing watches, the test calls what would be
 * called. A loop has two sources, the queue's fd and the pager's timer, and there is another
 * loop to move to. Defines loop_*() and round_*(), so whoever links it has no other loop.
 */
#pragma once

#include "fault/inbox.h"
#include "loop/loop.h"
#include "loop/round.h"

struct loop_source {
	loop_fn fn;
	void *userdata;
	uint32_t events;
	uint64_t at_ns;
};

extern struct loop_source readable, timer, arrivals; /* arrivals: of the inbox */
extern struct loop_source readable_there, timer_there;
extern struct loop *const there;
extern struct inbox inbox;
extern unsigned n_timer_calls;
extern int add_error, modify_error; /* what loop_add() and loop_modify() fail with */

/* A round ends at once, or when the test says so: then this is what waits for its end. */
extern bool rounds_last, rounds_are_shared;
extern struct round_end *listed;

/* What came through the inbox. */
void arrive(void);

/* Waits for the time that the timer is set to. */
void tick(void);
