/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order behind extents_pick(): which granules go first, by what their faults tell.
 * Private to extents. A mask has a bit for each granule of a chunk and covers whole extents,
 * or what of them is in the chunk.
 */
#pragma once

#include "fault/chunks.h"

struct victims {
	/* The hand of the clock: a place, whose chunk was there, and what of it may go. */
	uint32_t hand;
	uint16_t may_go;
	uint64_t hand_key;
	uint32_t n_rounds;

	/* What was proposed last, not to be proposed again; 0 = nothing. */
	uint16_t proposed;
	uint64_t proposed_key;

	/* Time passes in windows as long as the grace. */
	uint32_t grace_ms;
	uint32_t window_began_ms;
	uint16_t window;

	/* Distance is measured in epochs: half of what is mapped was evicted. */
	unsigned epoch;
	size_t n_epoch; /* granules evicted in this one */

	/* Granules evicted, and those that came back soon; [1] = they had credit. Halved with
	 * every epoch, so that the last ones count most. */
	double n_evicted[2];
	double n_back[2];
};

void victims_init(struct victims *v, uint32_t grace_ms);

/* The chunk was just added: recalls what is known about granules that were evicted from it. */
void victims_on_chunk(const struct victims *v, struct chunks *c, struct chunk *k);

/* The extent is mapped now; its rights are not set yet. Returns how many of its granules
 * were evicted not long ago. */
unsigned victims_on_add(struct victims *v, struct chunk *k, uint16_t extent, uint32_t now_ms);

void victims_on_touch(struct victims *v, struct chunk *k, uint16_t extent, uint32_t now_ms);

/* The extent is not mapped any more; its rights are gone already. */
void victims_on_remove(struct victims *v, struct chunks *c, struct chunk *k, uint16_t extent, bool evicted);

/* Something of the chunk was added or touched in this window. */
static inline bool victims_is_current(const struct victims *v, const struct chunk *k, uint32_t now_ms)
{
	return now_ms - v->window_began_ms < v->grace_ms && k->window == v->window;
}

/* It was added or touched a moment ago: a touch would change nothing. */
static inline bool victims_is_touched(const struct victims *v, const struct chunk *k, uint16_t granule, uint32_t now_ms)
{
	return victims_is_current(v, k, now_ms) && k->fresh & k->again & granule;
}

/* victims_on_add() of granules that nothing is remembered of, where neighbours came a moment ago.
 * False: it is not so, nothing was done. */
static inline bool victims_add_new(struct victims *v, struct chunk *k, uint16_t extent, uint32_t now_ms)
{
	if (!victims_is_current(v, k, now_ms) || (k->joined | k->credit | k->fresh | k->older) & extent)
		return false;
	k->joined |= (uint16_t)(extent & extent << 1);
	k->again |= extent;
	k->fresh |= extent;
	v->proposed = 0;
	return true;
}

/* As extents_pick(): the run is part of the chunk at *ret_place. */
bool victims_pick(struct victims *v, struct chunks *c, uint32_t now_ms, unsigned max_n,
		  bool (*skip)(void *userdata, unsigned region), void *userdata, uint32_t *ret_place,
		  uint16_t *ret_run, uint32_t *ret_wait_ms);
