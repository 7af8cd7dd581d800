/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes rather than bits: a run is then a loop of one comparison, and even at 4K granules
 * they are 1/4096 of the region. Pages of the table that nobody touched take no memory.
 */
#include "policy/granules.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int granules_init(struct granules *g, uint64_t length, uint64_t granule)
{
	*g = (struct granules){ .n = length / granule, .shift = (unsigned)__builtin_ctzll(granule) };
	g->flags = calloc(g->n, 1);
	return g->flags ? 0 : -ENOMEM;
}

void granules_deinit(struct granules *g)
{
	free(g->flags);
	*g = (struct granules){ 0 };
}

static void change(struct granules *g, struct granules_range range, unsigned where, unsigned set, unsigned clear)
{
	uint64_t end = (range.offset + range.length) >> g->shift;

	assert(end <= g->n);
	for (uint64_t i = range.offset >> g->shift; i < end; i++) {
		unsigned before = g->flags[i], after = (before & ~clear) | set;

		if ((before & where) != where)
			continue;
		g->flags[i] = (uint8_t)after;
		g->n_staged += !!(after & GRANULE_STAGED) - !!(before & GRANULE_STAGED);
		g->n_left += !!(after & GRANULE_LEFT) - !!(before & GRANULE_LEFT);
	}
}

void granules_change(struct granules *g, struct granules_range range, unsigned set, unsigned clear)
{
	change(g, range, 0, set, clear);
}

void granules_mark(struct granules *g, struct granules_range range, unsigned where, unsigned set)
{
	change(g, range, where, set, 0);
}

struct granules_range granules_find(const struct granules *g, struct granules_range range, unsigned mask,
				    unsigned wanted)
{
	uint64_t i = range.offset >> g->shift, end = (range.offset + range.length) >> g->shift, start;

	assert(end <= g->n);
	while (i < end && (g->flags[i] & mask) != wanted)
		i++;
	start = i;
	while (i < end && (g->flags[i] & mask) == wanted)
		i++;
	return (struct granules_range){ start << g->shift, (i - start) << g->shift };
}
