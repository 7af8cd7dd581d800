/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/ahead.h"

#include "base/util.h"

/* Who takes no part in a stream costs one of the streams a step, in turn, and takes its place
 * if that was the last: one stream lasts among many faults that are none. */
static void begin(struct ahead *a, uint64_t end)
{
	struct ahead_stream *s = &a->streams[a->turn++ % AHEAD_STREAMS];

	if (s->steps > 1)
		s->steps--;
	else
		*s = (struct ahead_stream){ .begin = end, .next = end, .steps = 1 };
}

struct ahead_stream *ahead_search(struct ahead *a, uint64_t first, uint64_t end, uint64_t slack)
{
	for (unsigned i = 0; i < AHEAD_STREAMS; i++) {
		struct ahead_stream *s = &a->streams[i];

		if (first - s->next + slack > 2 * slack)
			continue;
		/* One that was overtaken by the next is neither a step nor a beginning. */
		if (end > s->next)
			s->steps += s->steps < AHEAD_STEPS;
		s->next = MAX(s->next, end);
		a->last = i;
		return s->steps == AHEAD_STEPS ? s : NULL;
	}
	begin(a, end);
	return NULL;
}

struct ahead_stream *ahead_at(struct ahead *a, uint64_t next)
{
	for (unsigned i = 0; i < AHEAD_STREAMS; i++)
		if (a->streams[i].next == next)
			return &a->streams[i];
	return NULL;
}

uint64_t ahead_wish(struct ahead_stream *s, uint64_t window, uint64_t limit, uint64_t *ret_first)
{
	uint64_t first = MAX(s->wished, s->next), end = MIN(s->next + window, limit);

	/* In few calls; but at the end of the region what is left is all there will be. */
	if (end <= first || (end - first < window / 2 && end < limit))
		return 0;
	s->wished = end;
	s->due = end < limit ? end - window / 2 : UINT64_MAX;
	*ret_first = first;
	return end - first;
}
