/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/op.h"

#include <assert.h>
#include <stdlib.h>

#include "base/util.h"

#include "fault/pager.h"

/* A range lies in one block, so its first granule says where all that overlap it are. */
static unsigned bucket_of(const struct region *region, uint64_t granule)
{
	uint64_t key = (granule / EXTENTS_MAX) * 31 + region->index;

	return (unsigned)(key * 0x9e3779b97f4a7c15u >> 56) % OPS_BUCKETS;
}

/* Any thread. */
static void request_done(struct policy_request *rq)
{
	struct op *op = container_of(rq, struct op, request);

	inbox_post(op->pager->inbox, &op->item);
}

struct op *op_new(struct ops *ops, struct pager *p)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->request.done = request_done;
	op->pager = p;
	op_put(ops, op);
	return op;
}

struct op *op_get(struct ops *ops, struct pager *p, enum op_kind kind, struct region *region, uint64_t first,
		  unsigned n)
{
	struct op *op = op_spare(ops, p);

	if (!op)
		return NULL;
	ops->free = op->next;
	op->kind = kind;
	op->region = region;
	op->first = first;
	op->n = n;
	op->offset = region_bytes(region, first);
	op->bytes = region_bytes(region, n);
	op->access = 0;
	op->upgrade = op->mapping = op->dirty = op->sampled = false;
	op->stats = NULL;
	op->then = NULL;
	STAILQ_INIT(&op->waiters);
	return op;
}

void op_add(struct ops *ops, struct op *op)
{
	struct op **bucket = &ops->buckets[bucket_of(op->region, op->first)];

	op->next = *bucket;
	*bucket = op;
	ops->n_busy++;
	ops->held = true;
}

void op_remove(struct ops *ops, struct op *op)
{
	struct op **at = &ops->buckets[bucket_of(op->region, op->first)];

	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	assert(ops->n_busy);
	ops->n_busy--;
}

void ops_recount(struct ops *ops, const struct stats *from, struct stats *to)
{
	for (unsigned i = 0; ops->n_busy && i < OPS_BUCKETS; i++)
		for (struct op *op = ops->buckets[i]; op; op = op->next)
			if (op->stats == from)
				op->stats = to;
}

struct op *op_search(const struct ops *ops, const struct region *region, uint64_t first, unsigned n)
{
	for (struct op *op = ops->buckets[bucket_of(region, first)]; op; op = op->next)
		if (op->region == region && first < op->first + op->n && op->first < first + n)
			return op;
	return NULL;
}

void ops_submit(struct ops *ops, struct region *regions, size_t n_regions)
{
	ops->held = false;
	for (size_t i = 0; i < n_regions; i++)
		if (regions[i].policy)
			policy_submit(regions[i].policy);
}

void ops_deinit(struct ops *ops)
{
	struct op *next;

	assert(!ops->n_busy);
	for (struct op *op = ops->free; op; op = next) {
		next = op->next;
		free(op);
	}
	ops->free = NULL;
}
