/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/round.h"

#include "base/clock.h"
#include "loop/backend.h"

/* Nothing is dated later than it was by more than this, but for what is not told as spent. */
#define CLOCK_NS (50 * NSEC_PER_USEC)

/* For so long a source that had something is expected back: 120 ms of slices of 30 us. */
#define SHARED_ROUNDS 4096

uint64_t round_now_ns(struct loop *l)
{
	if (!l->clock.now_ns)
		l->clock.now_ns = clock_now_ns();
	return l->clock.now_ns;
}

void round_at_end(struct loop *l, struct round_end *e, uint64_t spent_ns)
{
	l->clock.spent_ns += spent_ns;
	if (e->listed)
		return;
	e->listed = true;
	TAILQ_INSERT_TAIL(&l->clock.ends, e, link);
}

void round_forget(struct loop *l, struct round_end *e)
{
	if (e->listed)
		TAILQ_REMOVE(&l->clock.ends, e, link);
	e->listed = false;
}

static void call_ends(struct loop *l)
{
	struct round_end *e;

	l->clock.now_ns = clock_now_ns();
	l->clock.spent_ns = 0;
	while ((e = TAILQ_FIRST(&l->clock.ends))) {
		round_forget(l, e);
		e->fn(e, l->clock.now_ns);
	}
}

void round_go_on(struct loop *l)
{
	if (l->clock.spent_ns >= CLOCK_NS)
		call_ends(l);
}

bool round_is_shared(const struct loop *l)
{
	return l->busy.other_in_round && l->round - l->busy.other_in_round < SHARED_ROUNDS;
}

void round_found(struct loop *l, const struct loop_source *s)
{
	if (l->busy.source && l->busy.source != s)
		l->busy.other_in_round = l->round;
	l->busy.source = s;
}

/* Where that read the clock, the next round need not, unless the loop sleeps before it. */
void round_finish(struct loop *l)
{
	if (TAILQ_EMPTY(&l->clock.ends))
		l->clock.now_ns = 0;
	else
		call_ends(l);
}
