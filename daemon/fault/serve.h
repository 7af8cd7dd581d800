/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One group, from its records to its answer. A group whose pages are not all there is kept
 * (waiting.h) and served from the start whenever something it waits for has ended, until
 * all its pages are there at one moment.
 */
#pragma once

#include "fault/pager.h"

/* One group of the batch; its owner is an attachment. The choice is the caller's code: within
 * the rest, which is one function, it would cost more. */
void serve_plain(struct pager *p, const struct group *g);
void serve_sampled(struct pager *p, const struct group *g);
static inline void serve_group(struct pager *p, const struct group *g)
{
	if (stages_is_due(&p->stages))
		serve_sampled(p, g);
	else
		serve_plain(p, g);
}

/* Groups that wait for room get another chance, in their order. */
void serve_room(struct pager *p);

/* The attachment is not paused any more: what was held is served. */
void serve_held(struct pager *p, struct attachment *a);

/* Answers INVALID: everything of one attachment; all that waits and was read before this
 * moment (returns the number). */
void serve_abandon(struct pager *p, struct attachment *a);
unsigned serve_expire(struct pager *p, uint64_t read_before_ns);

/* The op has ended: it is no longer found, and who waits for it goes on. Frees it. */
void serve_op_ended(struct pager *p, struct op *op, int result);

/* Groups that wait for a store use a granule of this range. */
bool serve_is_in_use(const struct pager *p, const struct region *region, uint64_t first);
