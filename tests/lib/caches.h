/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Caches that run a trace and say how many of its visits were hits: the eviction of iopfd and
 * what it is compared with. FIFO and random see misses only, as iopfd does; LRU sees every
 * visit, and Belady's optimum also those to come.
 */
#pragma once

#include "traces.h"

size_t fifo_hits(const struct trace *t);
size_t random_hits(const struct trace *t);
size_t lru_hits(const struct trace *t);
size_t optimum_hits(const struct trace *t);

/* Page p is granule p * stride: 1 = all in one dense region, 16 and more = each in a chunk of
 * its own. max_n: evicted at a time, at most. */
size_t extents_hits(const struct trace *t, unsigned stride, unsigned max_n);

/* Of a daemon that really served the trace: prints its hit ratio beside those of the others, in
 * per cent, and its share of LRU's. What misses a goal (FIFO's, within what chance decides; 0.9
 * of LRU's) is marked. */
void caches_compare(const struct trace *t, size_t n_hits);
