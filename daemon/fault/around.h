/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is mapped, or made ready to be mapped, because something near it was asked for. None
 * of it pushes anything out.
 *
 * Where a fault is the first in its neighbourhood, the neighbours come after its answer, for
 * 256K take 25 us to zero and 4K less than one. A stream is different: its device will ask
 * for all of them, and they cost least if the fault brings them along. What it comes to next is
 * mapped after the answer, while the device is busy with what it has. A device that is faster
 * gets its next answer when there is more for it: each time that it runs into what is absent it
 * asks for as many pages as it can, and those faults cost more than to wait.
 */
#pragma once

#include "fault/pager.h"

/* The n granules from *first on are about to be filled on demand, which is a step of the
 * stream. Returns how many shall be, and has the policy prepare what comes later. */
unsigned around_stream(struct pager *p, struct region *region, struct ahead_stream *stream, uint64_t *first, unsigned n,
		       unsigned access);

/* The stream was filled on demand up to `end`: what it comes to next comes later. False: it
 * does not, the neighbourhood is all there is. */
bool around_extend(struct pager *p, struct region *region, const struct ahead_stream *stream, uint64_t end,
		   unsigned access);

/* Whether this address, which is asked for, is in what is still being mapped ahead of a stream.
 * If so, more will be. */
bool around_overtaken(struct pager *p, uint64_t iova);

/* Before the answer to a stream that was overtaken, a small step. True: there is more to do. */
bool around_hurry(struct pager *p);

/* What comes next is of a stream. */
static inline bool around_is_stream(const struct pager *p)
{
	return p->n_around && p->around[p->n_around - 1].stream;
}

/* The granules [first, end) were filled on demand: the rest of the neighbourhood comes later. */
void around_note(struct pager *p, struct region *region, uint64_t first, uint64_t end);

/* A small step of what is to come; p->n_around is not 0. */
void around_step(struct pager *p);
