/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room in the budget: takes what is free, else unmaps what extents.h proposes and releases
 * it. The room is there as soon as the UNMAP has returned; what has to be written goes on as
 * an op, and faults on it wait for that.
 */
#pragma once

#include "fault/pager.h"

/* Nothing that was mapped or asked for within this time goes: the device must get its retry
 * in, or a budget smaller than what is in flight would be a livelock. */
#define EVICT_GRACE_MS 5u

/* After budget_take() found no room: takes it, whatever must go for it. 0, or FILL_WAIT_ROOM. */
int evict_make_room(struct pager *p, uint64_t bytes);

/* One victim, for a store that has no space. 0, or FILL_WAIT_ROOM. */
int evict_one(struct pager *p);

/* [first, first + n), whole extents, was unmapped: forgets them, releases them. */
void evict_forget(struct pager *p, struct region *region, uint64_t first, unsigned n, bool evicted);

/* Unmaps and forgets one extent. A negative errno: it is mapped still. */
int evict_extent(struct pager *p, struct region *region, uint64_t first, unsigned n);

/* An OP_RELEASE or OP_FLUSH has ended. */
void evict_on_op(struct pager *p, struct op *op);
