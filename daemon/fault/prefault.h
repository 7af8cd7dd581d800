/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps regions with `on-fault = prefault` ahead of their faults: in the background, in
 * small steps between which demand is served, from the first attachment on. A granule that
 * cannot be mapped ends it with a warning; its faults are then served on demand.
 */
#pragma once

#include <stdbool.h>

struct pager;

/* True if there is something to do: prefault_step() is due. */
bool prefault_start(struct pager *p);

/* One step; pager->prefault_region is NULL when all is done. */
void prefault_step(struct pager *p);
