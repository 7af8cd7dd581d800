/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log-linear histogram of durations in ns: 16 buckets to each power of two, so that a
 * percentile is at most 6.25 % too high, up to HISTOGRAM_MAX_NS; longer ones count in the
 * last bucket. A coarse one has one bucket to each power of two, where orders of magnitude
 * are enough. Plain data: whoever owns it sees to it that one thread writes.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_MAX_BITS 37 /* 2^37 ns = 137 s */
#define HISTOGRAM_MAX_NS (1ull << HISTOGRAM_MAX_BITS)
#define HISTOGRAM_BUCKETS ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Bucket that a duration counts in, and the largest duration that counts in a bucket. */
unsigned histogram_bucket(uint64_t ns);
uint64_t histogram_bucket_max(unsigned bucket);

void histogram_merge(struct histogram *h, const struct histogram *other);

/* Duration in ns that `permille` of all entries do not exceed; 0 when there is none. */
uint64_t histogram_percentile(const struct histogram *h, unsigned permille);

/* Bucket 0 is of 0 ns, bucket i of 2^(i-1) ns and more. */
#define HISTOGRAM_COARSE_BUCKETS (HISTOGRAM_MAX_BITS + 1)

struct histogram_coarse {
	uint64_t buckets[HISTOGRAM_COARSE_BUCKETS];
};

unsigned histogram_coarse_bucket(uint64_t ns);
uint64_t histogram_coarse_bucket_max(unsigned bucket);
void histogram_coarse_merge(struct histogram_coarse *h, const struct histogram_coarse *other);
