/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/around.h"

#include "base/util.h"
#include "fault/account.h"
#include "fault/fill.h"
#include "loop/round.h"

/* Mapped before the answer to a stream that was overtaken: 70 us to zero. */
#define HURRY_BYTES (1ull << 20)

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
	p->around[p->n_around].begin = p->around[p->n_around].first = from;
	p->around[p->n_around].stream = false;
	p->around[p->n_around++].end = to;
}

/* What a stream comes to is noted once: its next step replaces what the last one left. */
static unsigned slot_of(const struct pager *p, const struct region *region, uint64_t end)
{
	unsigned i = p->n_around;

	while (i--)
		if (p->around[i].stream && p->around[i].region == region && p->around[i].begin <= end &&
		    end <= p->around[i].end)
			return i;
	return p->n_around;
}

/* How far to map ahead of who is at `at`. A stream may end at any step: then at most half as
 * much was mapped for nothing as it used. */
static uint64_t extension_end(const struct pager *p, const struct region *region, const struct ahead_stream *stream,
			      uint64_t at)
{
	uint64_t n = MIN(region->extends, (at - MIN(stream->begin, at)) / 2);

	return budget_has_room(&p->share, region_bytes(region, n)) ? MIN(at + n, region_granules(region)) : at;
}

bool around_extend(struct pager *p, struct region *region, const struct ahead_stream *stream, uint64_t end,
		   unsigned access)
{
	/* A source that always has more to do would have others wait for a step longer. */
	bool may = may_widen(region, access) && !round_is_shared(p->loop);
	uint64_t to = may ? extension_end(p, region, stream, end) : end;
	unsigned slot = slot_of(p, region, end);

	if (to == end)
		return false;
	if (slot == AROUND_MAX)
		return true;
	p->around[slot].region = region;
	p->around[slot].begin = p->around[slot].first = end;
	p->around[slot].hurry_end = 0;
	p->around[slot].end = MAX(to, window_end(region, end - 1));
	p->around[slot].stream = true;
	p->n_around = MAX(p->n_around, slot + 1);
	return true;
}

bool around_overtaken(struct pager *p, uint64_t iova)
{
	const struct ahead_stream *stream;
	unsigned last = p->n_around - 1;
	struct region *region;
	uint64_t granule;

	if (!around_is_stream(p))
		return false;
	region = p->around[last].region;
	granule = region_granule(region, iova);
	if (granule < p->around[last].begin || granule >= p->around[last].end)
		return false;
	stream = ahead_at(&region->ahead, p->around[last].first);
	if (stream)
		p->around[last].end = MAX(p->around[last].end, extension_end(p, region, stream, granule));
	return true;
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

/* What was mapped ahead is no step of the stream, which goes on behind it. */
static void pass_by(struct ahead *a, uint64_t first, uint64_t end)
{
	struct ahead_stream *stream = ahead_at(a, first);

	if (stream)
		stream->next = end;
}

/* Backwards, for a device would run into the end of each piece as soon as it is there. */
bool around_hurry(struct pager *p)
{
	unsigned last = p->n_around - 1;
	struct region *region = p->around[last].region;
	uint64_t unit = MIN(region->merge, MAX(FILL_LONG_BYTES >> region->granule_shift, 1));
	uint64_t first = p->around[last].first, end = p->around[last].hurry_end, at = p->around[last].hurry_at, from;
	unsigned n;

	if (end <= first)
		at = end = MIN(first + MAX(HURRY_BYTES >> region->granule_shift, 1), p->around[last].end);
	from = MAX(align_down(MAX(at, first + 1) - 1, unit), first);
	n = free_run(p, region, from, at);
	if (region->waits || (n && !map_run(p, region, from, n))) {
		p->n_around--;
		return false;
	}
	p->around[last].hurry_at = from;
	p->around[last].hurry_end = end;
	if (from > first)
		return true;
	pass_by(&region->ahead, first, end);
	p->around[last].first = end;
	if (end == p->around[last].end)
		p->n_around--;
	return false;
}

void around_step(struct pager *p)
{
	unsigned last = p->n_around - 1;
	struct region *region = p->around[last].region;
	uint64_t first = p->around[last].first, end = p->around[last].end, bytes = 0;
	bool stream = p->around[last].stream;

	while (first < end && bytes < FILL_LONG_BYTES) {
		unsigned n = free_run(p, region, first, end);

		if ((stream && region->waits) || (n && !map_run(p, region, first, n)))
			end = first;
		else if (stream)
			pass_by(&region->ahead, first, first + MAX(n, 1));
		bytes += region_bytes(region, n);
		first += MAX(n, 1);
	}
	p->around[last].first = first;
	if (first >= end)
		p->n_around--;
}
