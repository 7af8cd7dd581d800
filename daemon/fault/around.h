/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is mapped, or made ready to be mapped, because something near it was asked for. None
 * of it pushes anything out.
 *
 * Where a fault is the first in its neighbourhood, the neighbours come after its answer, for
 * 256K take 25 us to zero and 4K less than one. A stream is different: its device will ask
 * for all of them, and they cost least if the fault brings them along.
 */
#pragma once

#include "fault/pager.h"

/* The n granules from *first on are about to be filled on demand, which is a step of the
 * stream. Returns how many shall be, and has the policy prepare what comes later. */
unsigned around_stream(struct pager *p, struct region *region, struct ahead_stream *stream, uint64_t *first, unsigned n,
		       unsigned access);

/* The granules [first, end) were filled on demand: the rest of the neighbourhood comes later. */
void around_note(struct pager *p, struct region *region, uint64_t first, uint64_t end);

/* A small step of what is to come; p->n_around is not 0. */
void around_step(struct pager *p);
