/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A latency histogram as the bus shows it: (longest duration, how many) pairs, sorted, empty
 * buckets left out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ctl/variant.h"

struct bucket {
	uint64_t max_ns; /* the longest duration that counts here */
	uint64_t count;
};

struct buckets {
	struct bucket *items;
	size_t n;
};

static inline void buckets_deinit(struct buckets *b)
{
	free(b->items);
	b->items = NULL;
	b->n = 0;
}

/* v: LatencyBuckets. -ENOMEM, or -EBADMSG if it is none. */
int buckets_read(const struct variant *v, struct buckets *ret);

/* What came since `before`: -ENOMEM. A daemon that was started in between begins anew. */
int buckets_since(const struct buckets *now, const struct buckets *before, struct buckets *ret);

uint64_t buckets_total(const struct buckets *b);

/* What `permille` of all do not exceed; 0 if there is nothing. */
uint64_t buckets_percentile(const struct buckets *b, unsigned permille);

/* How many were not longer than this, by the buckets that lie wholly below. */
uint64_t buckets_up_to(const struct buckets *b, uint64_t max_ns);
