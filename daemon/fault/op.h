/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Something under way on a range of granules that does not end at once: a fill that waits
 * for its store, a long MAP, a write-back, a release. While it lasts the range is busy:
 * faults on it wait, and it is no victim. Found by range, so that any number of faults on
 * one range wait for one op.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "fault/inbox.h"
#include "fault/space.h"
#include "fault/worker.h"
#include "policy/policy.h"

struct pager;
struct stats;
struct waiting;

enum op_kind {
	OP_FILL,    /* absent, or read-only and to become writable */
	OP_RELEASE, /* unmapped; its bytes are on their way out */
	OP_FLUSH,   /* mapped read-only; its bytes are being written back */
};

struct op_waiter {
	STAILQ_ENTRY(op_waiter) link;
	struct waiting *waiting;
};

struct op {
	struct policy_request request;
	struct inbox_item item;
	struct pager *pager;
	struct op *next; /* in its bucket, or in the free list */
	enum op_kind kind;
	struct region *region;
	uint64_t first; /* granules, in one block of the extents */
	unsigned n;
	uint64_t offset; /* the same in bytes, from the start of the region */
	uint64_t bytes;
	unsigned access;     /* OP_FILL: what to map it with */
	bool upgrade;        /* OP_FILL: it is mapped read-only */
	bool mapping;        /* OP_FILL: the store is done, a worker maps */
	bool dirty;          /* OP_RELEASE: it may have been written */
	bool sampled;        /* a group that waits for it has a sample */
	int map_result;
	struct work work;    /* OP_FILL, for the worker */
	struct stats *stats; /* OP_FILL: who caused it */
	void (*then)(void *userdata, int result); /* told at its end; or NULL */
	void *then_userdata;
	STAILQ_HEAD(, op_waiter) waiters;
};

#define OPS_BUCKETS 256u

struct ops {
	struct op *buckets[OPS_BUCKETS];
	struct op *free;
	unsigned n_busy;
	bool held; /* some were added that their policies were not told to begin */
};

struct op *op_new(struct ops *ops, struct pager *p);

/* The one that op_get() takes next, for what needs an op only if it does not end at once. NULL: no
 * memory. All of one pager. */
static inline struct op *op_spare(struct ops *ops, struct pager *p)
{
	return ops->free ?: op_new(ops, p);
}

/* One that nobody finds yet; NULL: no memory. */
struct op *op_get(struct ops *ops, struct pager *p, enum op_kind kind, struct region *region, uint64_t first,
		  unsigned n);

static inline void op_put(struct ops *ops, struct op *op)
{
	op->next = ops->free;
	ops->free = op;
}

/* From here on it is found; at its end it is not any more. */
void op_add(struct ops *ops, struct op *op);
void op_remove(struct ops *ops, struct op *op);

/* Who caused it goes: what is under way is counted for somebody else. */
void ops_recount(struct ops *ops, const struct stats *from, struct stats *to);

struct op *op_search(const struct ops *ops, const struct region *region, uint64_t first, unsigned n);

/* The op that is under way on any of these granules, or NULL. */
static inline struct op *op_find(const struct ops *ops, const struct region *region, uint64_t first, unsigned n)
{
	return ops->n_busy ? op_search(ops, region, first, n) : NULL;
}

/* The policies of these regions begin what was added. */
void ops_submit(struct ops *ops, struct region *regions, size_t n_regions);

void ops_deinit(struct ops *ops); /* none under way */
