/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log-linear histogram. Below 2^HISTOGRAM_SUB_BITS every value has a bucket of its own;
 * from there on each power of two is cut into 2^HISTOGRAM_SUB_BITS equal buckets, so that
 * a bucket is never wider than 1/16 of the smallest value in it.
 */
#include "base/histogram.h"

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

unsigned histogram_bucket(uint64_t ns)
{
	unsigned exponent, sub;

	if (ns < SUB_COUNT)
		return (unsigned)ns;
	if (ns >= HISTOGRAM_MAX_NS)
		return HISTOGRAM_BUCKETS - 1;

	exponent = 63 - (unsigned)__builtin_clzll(ns);
	sub = (unsigned)(ns >> (exponent - HISTOGRAM_SUB_BITS)) & (SUB_COUNT - 1);
	return ((exponent - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS) + sub;
}

uint64_t histogram_bucket_max(unsigned bucket)
{
	unsigned shift;

	if (bucket < SUB_COUNT)
		return bucket;
	shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	return ((uint64_t)(SUB_COUNT + (bucket & (SUB_COUNT - 1)) + 1) << shift) - 1;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
}

uint64_t histogram_percentile(const struct histogram *h, unsigned permille)
{
	uint64_t total = 0, rank, seen = 0;
	unsigned i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += h->buckets[i];
	if (!total)
		return 0;

	/* ceil(total * permille / 1000) without overflow; the 0th is the first entry. */
	rank = total / 1000 * permille + (total % 1000 * permille + 999) / 1000;
	rank = rank < 1 ? 1 : rank > total ? total : rank;

	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->buckets[i];
		if (seen >= rank)
			break;
	}
	return histogram_bucket_max(i);
}

unsigned histogram_coarse_bucket(uint64_t ns)
{
	unsigned bits = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	return bits < HISTOGRAM_COARSE_BUCKETS ? bits : HISTOGRAM_COARSE_BUCKETS - 1;
}

uint64_t histogram_coarse_bucket_max(unsigned bucket)
{
	return (1ull << bucket) - 1;
}

void histogram_coarse_merge(struct histogram_coarse *h, const struct histogram_coarse *other)
{
	for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
}
