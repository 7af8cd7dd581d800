/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * There are as many slots as granules, so that one is free for every granule at home. They
 * are taken for the first time in order, and then from two lists; both last in, first out.
 * Pages of the tables that nobody touched take no memory.
 */
#include "policy/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

static bool are_wanted(uint64_t length, uint64_t granule, uint64_t most_warm)
{
	return most_warm && length / granule < SLOTS_NONE;
}

uint64_t slots_length(uint64_t length, uint64_t granule, uint64_t most_warm)
{
	return are_wanted(length, granule, most_warm) ? 2 * length : length;
}

int slots_init(struct slots *s, uint64_t length, uint64_t granule, uint64_t most_warm)
{
	*s = (struct slots){ .shift = (unsigned)__builtin_ctzll(granule), .homes = length };
	if (!are_wanted(length, granule, most_warm))
		return 0;
	s->n = (uint32_t)(length / granule);
	s->most_warm = (uint32_t)MIN(most_warm, s->n);
	s->of = calloc(s->n, sizeof(*s->of));
	s->next = calloc(s->n, sizeof(*s->next));
	if (s->of && s->next)
		return 0;
	slots_deinit(s);
	return -ENOMEM;
}

void slots_deinit(struct slots *s)
{
	free(s->of);
	free(s->next);
	*s = (struct slots){ 0 };
}

struct granules_range slots_piece(const struct slots *s, struct granules_range range)
{
	uint64_t granule = 1ull << s->shift, length = granule;

	if (!s->of || range.length <= granule)
		return range;
	if (slots_is_home(s, range.offset))
		while (length < range.length && slots_is_home(s, range.offset + length))
			length += granule;
	range.length = length;
	return range;
}

static void push(struct slots *s, uint32_t *list, uint32_t slot)
{
	s->next[slot] = *list;
	*list = slot + 1;
}

static uint32_t pop(struct slots *s, uint32_t *list)
{
	uint32_t slot = *list - 1;

	*list = s->next[slot];
	return slot;
}

uint32_t slots_take(struct slots *s, bool *ret_warm)
{
	*ret_warm = s->warm;
	if (s->warm) {
		s->n_warm--;
		return pop(s, &s->warm);
	}
	if (s->cold)
		return pop(s, &s->cold);
	return s->n_known < s->n ? s->n_known++ : SLOTS_NONE;
}

void slots_bind(struct slots *s, uint32_t slot, uint64_t offset)
{
	assert(slots_is_home(s, offset));
	s->of[offset >> s->shift] = slot + 1;
	s->n_used++;
}

void slots_give(struct slots *s, uint32_t slot)
{
	push(s, &s->warm, slot);
	s->n_warm++;
}

void slots_leave(struct slots *s, uint64_t offset)
{
	uint32_t *of = &s->of[offset >> s->shift];

	slots_give(s, *of - 1);
	*of = 0;
	s->n_used--;
}

uint32_t slots_surplus(struct slots *s)
{
	uint32_t slot;

	if (s->n_warm <= MIN(s->most_warm, s->n_used / 2))
		return SLOTS_NONE;
	slot = pop(s, &s->warm);
	s->n_warm--;
	push(s, &s->cold, slot);
	return slot;
}
