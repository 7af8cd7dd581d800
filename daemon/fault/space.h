/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model of one IOVA address space: its regions, and which of their granules are mapped.
 * No syscalls, no logs. One thread, the shard, changes it; the two totals are read by
 * anyone.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/ahead.h"
#include "fault/extents.h"
#include "policy/policy.h"

enum region_mode {
	REGION_DEMAND,
	REGION_PREFAULT, /* mapped ahead, in the background; faults meanwhile as demand */
	REGION_DENY,     /* every fault is INVALID */
};

struct region {
	char *name;
	unsigned index; /* in the space */
	uint64_t iova;
	uint64_t length;
	unsigned granule_shift;
	uint32_t access; /* ACCESS_*: the most a fault may ask for */
	enum region_mode mode;
	bool pinned;             /* mapped before the attach, never evicted */
	unsigned merge;          /* granules of one batch that may become one extent; 1 = never */
	unsigned around;         /* granules of the window mapped around a demand fault; 1 = none */
	unsigned populate;       /* granules made ready ahead of a stream; 0 = none */
	unsigned extends;        /* granules mapped ahead of a stream; 0 = none */
	uint64_t write_back_ns;  /* interval; 0 = none */
	bool tracks_dirty;       /* of the policy, once it is open */
	bool kept;               /* something was unmapped; its memory may be in swap by now */
	bool waits;              /* its policy was once asked for something that it did not have at once */
	bool widens;             /* a step of a stream brings the rest of its window along */
	bool watched;            /* for streams: `widens` or `populate` wants to know */
	struct ahead ahead;
	struct policy *policy;   /* the control thread's; outlives the space's service */
};

struct space {
	char *name;
	struct region *regions; /* sorted by iova, disjoint */
	size_t n_regions;
	struct region *last; /* of the last lookup: faults come in runs */
	struct extents *extents;
	atomic_uint_fast64_t mapped_bytes;
	atomic_uint_fast64_t extents_mapped;
};

/* grace_ms: nothing that was mapped or asked for within it is proposed as a victim. */
int space_init(struct space *s, const char *name, size_t n_regions, uint32_t grace_ms);
void space_deinit(struct space *s);

/* Before use, in the order of iova, as many as announced. Copies the name. */
int space_add_region(struct space *s, const struct region *region);

/* As space_find(), which is quicker. */
struct region *space_search(struct space *s, uint64_t iova);

/* The region that holds the address, or NULL. */
static inline struct region *space_find(struct space *s, uint64_t iova)
{
	return s->last && iova - s->last->iova < s->last->length ? s->last : space_search(s, iova);
}

static inline uint64_t region_bytes(const struct region *region, uint64_t n_granules)
{
	return n_granules << region->granule_shift;
}

static inline uint64_t region_granule(const struct region *region, uint64_t iova)
{
	return (iova - region->iova) >> region->granule_shift;
}

static inline uint64_t region_granules(const struct region *region)
{
	return region->length >> region->granule_shift;
}

/* A total has one writer, so a plain add on a relaxed atomic is enough. */
static inline void space_count(atomic_uint_fast64_t *total, uint64_t n)
{
	atomic_store_explicit(total, atomic_load_explicit(total, memory_order_relaxed) + n, memory_order_relaxed);
}

/* The totals, with an extent of so many bytes more or less. */
static inline void space_count_mapped(struct space *s, uint64_t bytes)
{
	space_count(&s->mapped_bytes, bytes);
	space_count(&s->extents_mapped, 1);
}

static inline void space_count_unmapped(struct space *s, uint64_t bytes)
{
	space_count(&s->mapped_bytes, -bytes);
	space_count(&s->extents_mapped, -1ull);
}
