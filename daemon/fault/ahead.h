/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which fills of a region are steps of a stream: a device that goes through memory in order,
 * or a few that do so at different places. What comes next in a stream may be mapped or made
 * before it is asked for. A pure model; for who jumps about it costs some compares.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AHEAD_STREAMS 4u
#define AHEAD_STEPS 4u /* in a row make a stream */

struct ahead_stream {
	uint64_t begin;  /* granule: about where it began */
	uint64_t next;   /* granule: its next step begins here, or not far beyond */
	uint64_t wished; /* granule: the end of what was asked to be made ready */
	uint64_t due;    /* granule: when it comes here ahead_wish() wants more */
	unsigned steps;
};

struct ahead {
	struct ahead_stream streams[AHEAD_STREAMS];
	unsigned turn;
	unsigned last; /* the stream of the last step: neighbours come together */
};

/* As ahead_step(), which is quicker. */
struct ahead_stream *ahead_search(struct ahead *a, uint64_t first, uint64_t end, uint64_t slack);

/* The granules [first, end) are filled on demand. slack: how many granules a step may leave
 * out, because they were there already, and how far behind it may be, because a later one has
 * overtaken it. The stream it belongs to; NULL: to none yet. */
static inline struct ahead_stream *ahead_step(struct ahead *a, uint64_t first, uint64_t end, uint64_t slack)
{
	struct ahead_stream *s = &a->streams[a->last];

	if (s->steps < AHEAD_STEPS || first - s->next > slack)
		return ahead_search(a, first, end, slack);
	s->next = end;
	return s;
}

/* The stream whose next step begins there, or NULL. */
struct ahead_stream *ahead_at(struct ahead *a, uint64_t next);

/* How much of [stream->next, limit) should be made ready now, of a window of this many
 * granules: from *ret_first on; 0 = nothing, enough is. Half a window or more at once. */
uint64_t ahead_wish(struct ahead_stream *s, uint64_t window, uint64_t limit, uint64_t *ret_first);
