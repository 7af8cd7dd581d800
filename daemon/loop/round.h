/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the callbacks of one round of a loop share: one reading of the clock, and one end,
 * at which all that they did gets the time when it was done. For whoever would else ask the
 * clock before and after each of many small things.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "loop/loop.h"

/* Embedded in its owner, zeroed at first. */
struct round_end {
	void (*fn)(struct round_end *e, uint64_t now_ns);
	TAILQ_ENTRY(round_end) link;
	bool listed;
};

/* The time when it was first asked for since the loop slept, or when ends were last called. */
uint64_t round_now_ns(struct loop *l);

/* Calls fn once, when all that was ready has been called, or sooner: when about 50 us of work
 * were done since the clock was read, of which the caller says how much was its own. */
void round_at_end(struct loop *l, struct round_end *e, uint64_t spent_ns);

/* fn is not called any more. */
void round_forget(struct loop *l, struct round_end *e);

/* Whether, in the last rounds, more than one source found something to do, as its callback says. */
bool round_is_shared(const struct loop *l);
