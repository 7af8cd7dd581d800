/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/evict.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/fill.h"
#include "fault/serve.h"

/* Neighbours that go with one UNMAP. */
#define RUN_MAX EXTENTS_CHUNK

/* Busy or used ones are skipped; after so many in a row something else must end first. */
#define TRIES_MAX 64

/* When nothing can go at all until something changes. */
#define NOTHING_MS 10u

static bool skip_pinned(void *userdata, unsigned region)
{
	struct pager *p = userdata;

	return p->space.regions[region].pinned;
}

static void release_ended(struct pager *p, struct op *op, int result)
{
	struct log_fields fields = { .space = p->space.name, .region = op->region->name,
				     .iova = op->region->iova + op->offset, .has_iova = true };
	unsigned n_suppressed;

	if (result >= 0) {
		if (op->dirty && op->region->tracks_dirty)
			account_event(p->setup.stats, ACCOUNT_BYTES_WRITTEN_BACK, op->bytes);
		return;
	}
	account_event(p->setup.stats, ACCOUNT_FILL_ERROR, 1);
	if (log_ratelimit_pass(&p->limit, clock_now_ns(), &n_suppressed))
		log_with(LOG_ERR, result, &fields, "region %s/%s: writing back at 0x%" PRIx64 " failed, its bytes are kept (%u more)",
			 p->space.name, op->region->name, fields.iova, n_suppressed);
}

static void release(struct pager *p, struct region *region, uint64_t first, unsigned n, bool dirty)
{
	struct op *op;
	int r;

	if (!policy_releases(region->policy))
		return;
	/* Without memory for an op the bytes stay filled, which loses nothing. */
	op = op_get(&p->ops, p, OP_RELEASE, region, first, n);
	if (!op)
		return;
	op->dirty = dirty;
	r = policy_release(region->policy, &op->request, region_bytes(region, first), region_bytes(region, n), dirty);
	if (r == IOPFD_PENDING) {
		op_add(&p->ops, op);
		return;
	}
	release_ended(p, op, r);
	op_put(&p->ops, op);
}

void evict_forget(struct pager *p, struct region *region, uint64_t first, unsigned n, bool evicted)
{
	struct extents *e = p->space.extents;
	unsigned n_extents = 0;

	for (uint64_t at = first; at < first + n; n_extents++) {
		uint64_t start;
		unsigned count, access = extents_access(e, region->index, at);

		extents_range(e, region->index, at, &start, &count);
		extents_remove(e, region->index, at, evicted);
		space_count_unmapped(&p->space, region_bytes(region, count));
		release(p, region, start, count, access & ACCESS_WRITE);
		at = start + count;
	}
	region->kept = true;
	account_unmapped(p->setup.stats, region_bytes(region, n));
	if (evicted)
		account_event(p->setup.stats, ACCOUNT_EVICTION, n_extents);
}

static int unmap(struct pager *p, const struct region *region, uint64_t first, unsigned n)
{
	return p->ioas->ops->unmap(p->ioas, region->iova + region_bytes(region, first), region_bytes(region, n));
}

int evict_extent(struct pager *p, struct region *region, uint64_t first, unsigned n)
{
	int r = unmap(p, region, first, n);

	if (r < 0)
		return r;
	evict_forget(p, region, first, n, false);
	budget_give(&p->share, region_bytes(region, n));
	return 0;
}

/* False: it must stay for now. */
static bool take_victim(struct pager *p, const struct extents_victim *v)
{
	struct region *region = &p->space.regions[v->region];

	if (op_find(&p->ops, region, v->first, v->n) || serve_is_in_use(p, region, v->first) ||
	    unmap(p, region, v->first, v->n) < 0) {
		for (unsigned i = 0; i < v->n; i++)
			extents_touch(p->space.extents, v->region, v->first + i, p->now_ms);
		return false;
	}
	evict_forget(p, region, v->first, v->n, true);
	budget_give(&p->share, region_bytes(region, v->n));
	return true;
}

int evict_one(struct pager *p)
{
	struct extents_victim v;
	uint32_t wait_ms = 1;

	for (int i = 0; i < TRIES_MAX; i++) {
		if (!extents_pick(p->space.extents, p->now_ms, RUN_MAX, skip_pinned, p, &v, &wait_ms))
			break;
		if (take_victim(p, &v))
			return 0;
		wait_ms = 1;
	}
	p->room_at_ns = p->now_ns + (uint64_t)MIN(wait_ms, NOTHING_MS) * NSEC_PER_MSEC;
	return FILL_WAIT_ROOM;
}

int evict_make_room(struct pager *p, uint64_t bytes)
{
	while (!budget_take(&p->share, bytes)) {
		if (!p->evicting)
			return FILL_WAIT_ROOM;
		/* Others came first. */
		if (!TAILQ_EMPTY(&p->room) && !p->serving_room)
			return FILL_WAIT_ROOM;
		if (evict_one(p) == 0)
			continue;
		if (budget_is_starving(&p->share, bytes) && p->setup.on_starving)
			p->setup.on_starving(p->setup.userdata);
		return FILL_WAIT_ROOM;
	}
	return 0;
}

void evict_on_op(struct pager *p, struct op *op)
{
	int result = op->request.result > 0 ? -EBADE : op->request.result;

	release_ended(p, op, result);
	serve_op_ended(p, op, result);
}
