/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: found among others, not found where there are none; and what is wished ahead. */
#include "base/util.h"
#include "fault/ahead.h"
#include "t.h"

#define FAR 1000000ull

static struct ahead a;

static struct ahead_stream *step(uint64_t first, uint64_t n)
{
	return ahead_step(&a, first, first + n, 1);
}

static void steps_in_a_row_are_a_stream(void)
{
	struct ahead_stream *s;

	a = (struct ahead){ 0 };
	for (uint64_t i = 1; i < AHEAD_STEPS; i++)
		T_ASSERT(!step(FAR + i * 3, 3));
	s = step(FAR + AHEAD_STEPS * 3, 3);
	T_ASSERT(s);
	T_EQ(s->next, FAR + (AHEAD_STEPS + 1) * 3);
	/* It goes on behind what was mapped meanwhile, as far as the slack reaches. */
	T_ASSERT(ahead_step(&a, s->next + 16, s->next + 17, 16) == s);
	T_ASSERT(!ahead_step(&a, s->next + 17, s->next + 18, 16));
	T_ASSERT(ahead_at(&a, s->next) == s);
	T_ASSERT(!ahead_at(&a, s->next + 1));
	T_EQ(s->begin, FAR + 2 * 3);
}

/* A device with several requests under way: some come in another order. */
static void a_step_that_was_overtaken_belongs_to_its_stream(void)
{
	struct ahead_stream *s;

	a = (struct ahead){ 0 };
	for (uint64_t i = 1; i <= AHEAD_STEPS; i++)
		s = ahead_step(&a, FAR + i * 2, FAR + i * 2 + 1, 4);
	T_ASSERT(s);
	for (uint64_t i = 1; i <= AHEAD_STEPS; i++) {
		uint64_t next = s->next;

		T_ASSERT(ahead_step(&a, FAR + AHEAD_STEPS * 2 - 3, FAR + AHEAD_STEPS * 2 - 2, 4) == s);
		T_EQ(s->next, next);
	}
	T_ASSERT(!ahead_step(&a, s->next - 5, s->next - 4, 4));
	/* The same page again and again is none. */
	a = (struct ahead){ 0 };
	for (uint64_t i = 0; i < 10; i++)
		T_ASSERT(!ahead_step(&a, FAR, FAR + 1, 4));
}

/* A stream goes on among faults all over the place. */
static void a_stream_lasts_among_others(void)
{
	a = (struct ahead){ 0 };
	for (uint64_t i = 1; i <= AHEAD_STEPS; i++)
		step(FAR + i, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		for (unsigned j = 0; j < AHEAD_STREAMS; j++)
			T_ASSERT(!step((i * 10 + j + 2) * FAR, 1));
		T_ASSERT(step(FAR + AHEAD_STEPS + i, 1));
	}
	/* But makes room for others when it ended. */
	for (uint64_t i = 0; i < AHEAD_STREAMS * AHEAD_STEPS; i++)
		step((i + 2) * 7 * FAR, 1);
	T_ASSERT(!step(FAR + AHEAD_STEPS + 1001, 1));
}

static void as_many_streams_as_are_told(void)
{
	struct ahead_stream *found[AHEAD_STREAMS];

	a = (struct ahead){ 0 };
	for (uint64_t i = 0; i <= AHEAD_STEPS; i++)
		for (unsigned j = 0; j < AHEAD_STREAMS; j++)
			found[j] = step((j + 1) * FAR + i, 1);
	for (unsigned i = 0; i < AHEAD_STREAMS; i++) {
		T_ASSERT(found[i]);
		for (unsigned j = 0; j < i; j++)
			T_ASSERT(found[i] != found[j]);
	}
	/* One more: none of them is lost to it. */
	T_ASSERT(!step(FAR / 2, 1));
	T_EQ(!!step(FAR + AHEAD_STEPS + 1, 1) + !!step(2 * FAR + AHEAD_STEPS + 1, 1) +
	     !!step(3 * FAR + AHEAD_STEPS + 1, 1) + !!step(4 * FAR + AHEAD_STEPS + 1, 1), 4);
}

static void no_stream_without_order(void)
{
	uint64_t random = 1;

	a = (struct ahead){ 0 };
	for (unsigned i = 0; i < 100000; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		T_ASSERT(!step(random >> 44, 1));
	}
	/* Backwards, and with gaps. */
	for (uint64_t i = 0; i < 100; i++) {
		T_ASSERT(!step(FAR - i, 1));
		T_ASSERT(!step(2 * FAR + i * 4, 1));
	}
}

static void wishes_keep_half_a_window_ahead(void)
{
	struct ahead_stream s = { .next = 100 };
	uint64_t first;

	T_EQ(ahead_wish(&s, 64, 1000, &first), 64);
	T_EQ(first, 100);
	T_EQ(s.due, 132);
	for (s.next = 101; s.next < 132; s.next++)
		T_EQ(ahead_wish(&s, 64, 1000, &first), 0);
	T_EQ(ahead_wish(&s, 64, 1000, &first), 32);
	T_EQ(first, 164);
	/* It has overtaken what was wished. */
	s.next = 500;
	T_EQ(ahead_wish(&s, 64, 1000, &first), 64);
	T_EQ(first, 500);
	/* Nothing behind the end. */
	s.next = 940;
	T_EQ(ahead_wish(&s, 64, 1000, &first), 60);
	T_EQ(s.due, UINT64_MAX);
	T_EQ(ahead_wish(&s, 64, 1000, &first), 0);
	s.next = 1000;
	T_EQ(ahead_wish(&s, 64, 1000, &first), 0);
	/* What is left before it is too little to wait for more. */
	s = (struct ahead_stream){ .next = 990 };
	T_EQ(ahead_wish(&s, 64, 1000, &first), 10);
}

int main(void)
{
	t_run(steps_in_a_row_are_a_stream);
	t_run(a_step_that_was_overtaken_belongs_to_its_stream);
	t_run(a_stream_lasts_among_others);
	t_run(as_many_streams_as_are_told);
	t_run(no_stream_without_order);
	t_run(wishes_keep_half_a_window_ahead);
	return 0;
}
