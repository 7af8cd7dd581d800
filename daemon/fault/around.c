/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/around.h"

#include "base/util.h"
#include "fault/account.h"
#include "fault/fill.h"

/* Granules from first on, at most to `end`, that one map may take: absent ones in one block
 * of `merge`, for they are evicted together; none that takes long. */
static unsigned free_run(struct pager *p, struct region *region, uint64_t first, uint64_t end)
{
	uint64_t at = first, limit = MIN(align_down(first, region->merge) + region->merge, end);

	limit = MIN(limit, first + MAX(FILL_LONG_BYTES >> region->granule_shift, 1));
	while (at < limit && fill_is_free(p, region, at))
		at++;
	return (unsigned)(at - first);
}

static uint64_t window_end(const struct region *region, uint64_t granule)
{
	return MIN(align_down(granule, region->around) + region->around, region_granules(region));
}

/* A store that has to be waited for is asked for no more than is needed now, and what is
 * mapped writable counts as written where that is watched. */
static bool may_widen(const struct region *region, unsigned access)
{
	return region->widens && !region->waits && !(region->tracks_dirty && access & ACCESS_WRITE);
}

/* The absent part of the window that the granule is in, as far as one map may take it. */
static unsigned widen(struct pager *p, struct region *region, uint64_t granule, uint64_t *ret_first)
{
	uint64_t most = MAX(FILL_LONG_BYTES >> region->granule_shift, 1), unit = MIN(region->merge, region->around);
	uint64_t first = granule, begin = align_down(granule, MIN(unit, most));

	while (first > begin && fill_is_free(p, region, first - 1))
		first--;
	*ret_first = first;
	return free_run(p, region, first, window_end(region, granule));
}

unsigned around_stream(struct pager *p, struct region *region, struct ahead_stream *stream, uint64_t *first, unsigned n,
		       unsigned access)
{
	uint64_t from, wider_first, n_wished;

	if (may_widen(region, access)) {
		unsigned wider = widen(p, region, *first, &wider_first);

		if (wider > n && budget_has_room(&p->share, region_bytes(region, wider))) {
			*first = wider_first;
			n = wider;
			stream->next = MAX(stream->next, *first + n);
		}
	}
	if (region->populate && budget_has_room(&p->share, region_bytes(region, region->populate))) {
		n_wished = ahead_wish(stream, region->populate, region_granules(region), &from);
		if (n_wished)
			policy_prefetch(region->policy, region_bytes(region, from), region_bytes(region, n_wished));
	}
	return n;
}

void around_note(struct pager *p, struct region *region, uint64_t first, uint64_t end)
{
	uint64_t from = align_down(first, region->around), to = window_end(region, first);
	unsigned last = p->n_around - 1;

	if (p->n_around == AROUND_MAX || (first == from && end >= to))
		return;
	if (p->n_around && p->around[last].region == region && p->around[last].end == to)
		return;
	p->around[p->n_around].region = region;
	p->around[p->n_around].first = from;
	p->around[p->n_around++].end = to;
}

/* False: nothing more can be mapped here. */
static bool map_run(struct pager *p, struct region *region, uint64_t first, unsigned n)
{
	struct op *op;
	int r;

	p->evicting = false;
	r = fill_range(p, region, first, n, region->tracks_dirty ? ACCESS_READ : region->access, p->setup.stats, &op);
	p->evicting = true;
	if (r < 0 || r == FILL_WAIT_ROOM)
		return false;
	account_event(p->setup.stats, ACCOUNT_EXTENT_AROUND, 1);
	return true;
}

void around_step(struct pager *p)
{
	unsigned last = p->n_around - 1;
	struct region *region = p->around[last].region;
	uint64_t first = p->around[last].first, end = p->around[last].end, bytes = 0;

	while (first < end && bytes < FILL_LONG_BYTES) {
		unsigned n = free_run(p, region, first, end);

		if (n && !map_run(p, region, first, n))
			first = end;
		bytes += region_bytes(region, n);
		first += MAX(n, 1);
	}
	p->around[last].first = first;
	if (first >= end)
		p->n_around--;
}
