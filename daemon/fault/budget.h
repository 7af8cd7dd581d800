/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many bytes may be mapped (pinned): one budget for the daemon, leased to spaces in
 * chunks so that the shared counter is seldom touched, and a limit of each space's own.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BUDGET_NONE INT64_MAX

/* The daemon's. Any thread. */
struct budget {
	_Atomic int64_t total; /* BUDGET_NONE: no limit */
	_Atomic int64_t chunk; /* what is leased at once, if there is as much */
	_Atomic int64_t available; /* below 0: more is leased than a new total allows */
};

/* One space's share. Its shard only. */
struct budget_share {
	struct budget *budget;
	int64_t limit;  /* of this space; BUDGET_NONE: only the daemon's */
	int64_t leased;
	int64_t used;   /* at most leased; at most limit, unless that was made smaller */
};

void budget_init(struct budget *b, int64_t total, unsigned n_shares);

/* While shares use it. Nothing is taken away: what is over has to be evicted. */
void budget_resize(struct budget *b, int64_t total, unsigned n_shares);
bool budget_is_over(const struct budget *b);

void budget_share_init(struct budget_share *s, struct budget *b, int64_t limit);

/* As budget_take(), which is quicker. */
bool budget_lease(struct budget_share *s, int64_t bytes);

/* False: no room, nothing was taken. */
static inline bool budget_take(struct budget_share *s, uint64_t bytes)
{
	int64_t used = s->used + (int64_t)bytes;

	if (used > s->leased || used > s->limit)
		return budget_lease(s, (int64_t)bytes);
	s->used = used;
	return true;
}

/* Whether budget_take() would find room; what is free now another space may take. */
static inline bool budget_has_room(const struct budget_share *s, uint64_t bytes)
{
	int64_t used = s->used + (int64_t)bytes;

	return used <= s->limit &&
	       used - s->leased <= atomic_load_explicit(&s->budget->available, memory_order_relaxed);
}

/* What lies idle in the lease is given back beyond a chunk. */
void budget_give(struct budget_share *s, uint64_t bytes);
void budget_give_all(struct budget_share *s); /* idle lease and all; nothing used any more */

/* The most that this space could ever have mapped at once. */
int64_t budget_capacity(const struct budget_share *s);

/* True when it is the daemon's budget that is in the way, not the space's limit. */
bool budget_is_starving(const struct budget_share *s, uint64_t bytes);
