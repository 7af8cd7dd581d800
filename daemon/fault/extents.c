/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/extents.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define SLOTS_MIN 16u
#define CHUNK_SHIFT 5

/* Fibonacci hashing: chunks in a row, as most are, fall far apart and never in one run of
 * slots. The upper bits are the good ones. */
static uint32_t slot_of(uint32_t number, uint32_t mask)
{
	return (uint32_t)((uint64_t)(number * 0x9e3779b1u) * ((uint64_t)mask + 1) >> 32);
}

/* The slot of the chunk, or the free slot where it would go. */
static struct extents_chunk *find_slot(struct extents_chunk *slots, uint32_t mask, uint32_t number)
{
	uint32_t i = slot_of(number, mask);

	while (slots[i].present && slots[i].number != number)
		i = (i + 1) & mask;
	return &slots[i];
}

bool extents_has(const struct extents *e, uint64_t granule)
{
	if (!e->slots)
		return false;
	return find_slot(e->slots, e->mask, (uint32_t)(granule >> CHUNK_SHIFT))->present >> (granule & 31) & 1;
}

int extents_reserve(struct extents *e)
{
	uint32_t n = e->slots ? (e->mask + 1) * 2 : SLOTS_MIN;
	_cleanup_free_ struct extents_chunk *slots = NULL;

	if (e->slots && e->n_used < (e->mask + 1) / 4 * 3)
		return 0;
	if (!n)
		return -ENOMEM;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; e->slots && i <= e->mask; i++)
		if (e->slots[i].present)
			*find_slot(slots, n - 1, e->slots[i].number) = e->slots[i];
	free(e->slots);
	e->slots = TAKE_PTR(slots);
	e->mask = n - 1;
	return 0;
}

void extents_add(struct extents *e, uint64_t granule)
{
	struct extents_chunk *c = find_slot(e->slots, e->mask, (uint32_t)(granule >> CHUNK_SHIFT));

	assert(e->n_used <= e->mask);
	if (!c->present) {
		c->number = (uint32_t)(granule >> CHUNK_SHIFT);
		e->n_used++;
	}
	c->present |= 1u << (granule & 31);
}

bool extents_next(const struct extents *e, size_t *cursor, uint64_t *ret_first, uint32_t *ret_bits)
{
	for (size_t i = *cursor; e->slots && i <= e->mask; i++) {
		if (!e->slots[i].present)
			continue;
		*cursor = i + 1;
		*ret_first = (uint64_t)e->slots[i].number << CHUNK_SHIFT;
		*ret_bits = e->slots[i].present;
		return true;
	}
	return false;
}

void extents_deinit(struct extents *e)
{
	free(e->slots);
	*e = (struct extents){ 0 };
}
