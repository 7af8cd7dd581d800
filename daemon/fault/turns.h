/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is next, where several ask for the same: deficit round-robin. Each takes its turn and
 * spends; with nothing left it goes to the end of the line and gets more there. What it
 * spent too much (something large is not cut) it waits for in later turns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define TURNS_QUANTUM 8

struct turn {
	TAILQ_ENTRY(turn) link;
	int64_t credit;
	bool joined;
};
TAILQ_HEAD(turns, turn);

static inline void turn_join(struct turns *turns, struct turn *t)
{
	if (t->joined)
		return;
	t->joined = true;
	t->credit = TURNS_QUANTUM;
	TAILQ_INSERT_TAIL(turns, t, link);
}

static inline void turn_leave(struct turns *turns, struct turn *t)
{
	if (t->joined)
		TAILQ_REMOVE(turns, t, link);
	t->joined = false;
}

/* The first one; NULL: nobody. */
static inline struct turn *turns_first(struct turns *turns)
{
	struct turn *t = TAILQ_FIRST(turns);

	while (t && t->credit <= 0) {
		t->credit += TURNS_QUANTUM;
		TAILQ_REMOVE(turns, t, link);
		TAILQ_INSERT_TAIL(turns, t, link);
		t = TAILQ_FIRST(turns);
	}
	return t;
}

static inline bool turns_are_shared(const struct turns *turns)
{
	return TAILQ_FIRST(turns) != TAILQ_LAST(turns, turns);
}
