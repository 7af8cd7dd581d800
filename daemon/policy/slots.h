/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where in the memory of a staged file the bytes of each granule are: at home, which is at
 * the granule's own offset, or in a slot, which are as many again behind all homes. Slots
 * change hands with their pages: to read 4K into a page that is there takes 0.8 us, to make
 * one and to give it back 3.6 us more. Some free slots are warm, which means that they have
 * kept their pages. A pure model; whoever owns it sees to locking.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/granules.h"

#define SLOTS_NONE UINT32_MAX

struct slots {
	uint32_t *of;   /* for each granule: one more than its slot; 0 = at home. NULL: all are */
	uint32_t *next; /* for each free slot: one more than the next one of its list; 0 = none */
	uint32_t warm;  /* the lists' first ones, in the same way */
	uint32_t cold;
	uint32_t n;
	uint32_t n_known; /* those beyond were never taken */
	uint32_t n_used;  /* by granules */
	uint32_t n_warm;
	uint32_t most_warm;
	unsigned shift;
	uint64_t homes;   /* bytes before the slots */
};

/* None, all are at home, if most_warm is 0 or there would be too many. */
int slots_init(struct slots *s, uint64_t length, uint64_t granule, uint64_t most_warm);
void slots_deinit(struct slots *s); /* zeroed is fine */

/* Of the memory: homes and slots. */
uint64_t slots_length(uint64_t length, uint64_t granule, uint64_t most_warm);

static inline uint64_t slots_start(const struct slots *s, uint32_t slot)
{
	return s->homes + ((uint64_t)slot << s->shift);
}

/* Where the bytes of the granule at this offset are. */
static inline uint64_t slots_place(const struct slots *s, uint64_t offset)
{
	uint32_t of = s->of ? s->of[offset >> s->shift] : 0;

	return of ? slots_start(s, of - 1) : offset;
}

static inline bool slots_is_home(const struct slots *s, uint64_t offset)
{
	return slots_place(s, offset) == offset;
}

/* The first part of the range whose bytes are in one piece. */
struct granules_range slots_piece(const struct slots *s, struct granules_range range);

/* A free slot, a warm one if there is any; SLOTS_NONE. It becomes a granule's that is at home,
 * or is given back. */
uint32_t slots_take(struct slots *s, bool *ret_warm);
void slots_bind(struct slots *s, uint32_t slot, uint64_t offset);
void slots_give(struct slots *s, uint32_t slot);

/* The granule is at home from here on, and its slot is free and warm. */
void slots_leave(struct slots *s, uint64_t offset);

/* A warm slot that is one too many: there shall not be more than `most_warm`, nor more than half
 * of those that are used. It is cold from here on, and the caller gives its pages back. SLOTS_NONE. */
uint32_t slots_surplus(struct slots *s);
