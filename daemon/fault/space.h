/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model of one IOVA address space: its regions and which of their granules are
 * mapped. No syscalls, no logs. One thread, the shard, changes it; the two totals are read
 * by anyone.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/extents.h"
#include "policy/policy.h"

enum region_mode {
	REGION_DEMAND,
	REGION_PREFAULT, /* mapped ahead, in the background; faults meanwhile as demand */
	REGION_DENY,     /* every fault is INVALID */
};

struct region {
	char *name;
	uint64_t iova;
	uint64_t length;
	unsigned granule_shift;
	uint32_t access; /* ACCESS_*: the most a fault may ask for, and the rights of the map */
	enum region_mode mode;
	struct policy *policy; /* the control thread's; outlives the space */
	struct extents extents;
};

struct space {
	char *name;
	struct region *regions; /* sorted by iova, disjoint */
	size_t n_regions;
	struct region *last; /* of the last lookup: faults come in runs */
	atomic_uint_fast64_t mapped_bytes;
	atomic_uint_fast64_t extents_mapped;
};

int space_init(struct space *s, const char *name, size_t n_regions);
void space_deinit(struct space *s);

/* Before use, in the order of iova, as many as announced. Copies the name. */
int space_add_region(struct space *s, const struct region *region);

/* The region that holds the address, or NULL. */
struct region *space_find(struct space *s, uint64_t iova);

static inline uint64_t region_granule(const struct region *region)
{
	return 1ull << region->granule_shift;
}

/* A granule (numbered within the region) was mapped; room was made by extents_reserve(). */
void space_insert(struct space *s, struct region *region, uint64_t granule);

/* Everything of the region was unmapped: forgets its extents, returns their bytes. */
uint64_t space_clear_region(struct space *s, struct region *region);
