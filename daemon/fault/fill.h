/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From absent to present: room, the policy's memory, the map. What takes long goes on as an
 * op; both ways end in fill_mapped().
 */
#pragma once

#include "fault/pager.h"

/* Outcomes, beside 0 (present now) and a negative errno. */
#define FILL_WAIT_OP 1   /* *ret_op tells the end */
#define FILL_WAIT_ROOM 2 /* pager.room_at_ns says when to try again */

/* A MAP of more than this may allocate and zero for longer than others should wait. */
#define FILL_LONG_BYTES (256ull << 10)

/* Absent, and nothing is under way on it. */
static inline bool fill_is_free(struct pager *p, struct region *region, uint64_t granule)
{
	return !extents_access(p->space.extents, region->index, granule) && !op_find(&p->ops, region, granule, 1);
}

/* The granule is absent, no op is under way on it. stats: who caused it. */
int fill_absent(struct pager *p, struct region *region, uint64_t granule, unsigned access, struct stats *stats,
		struct op **ret_op);

/* The granule is mapped without the WRITE that is asked for, no op is under way on it. */
int fill_upgrade(struct pager *p, struct region *region, uint64_t granule, struct stats *stats, struct op **ret_op);

/* n neighbours of one block as one extent, absent and not busy; no merging of its own. */
int fill_range(struct pager *p, struct region *region, uint64_t first, unsigned n, unsigned access,
	       struct stats *stats, struct op **ret_op);

/* The store or the worker is done with an OP_FILL. */
void fill_on_op(struct pager *p, struct op *op);
