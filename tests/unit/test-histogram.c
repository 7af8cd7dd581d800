/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/histogram.h"

#include "t.h"

static void test_buckets_cover_all_values(void)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t max = histogram_bucket_max(i);

		T_ASSERT(max >= next);
		T_EQ(histogram_bucket(next), i);
		T_EQ(histogram_bucket(max), i);
		/* What a percentile tells is at most 1/16 above the smallest value in there. */
		T_ASSERT((max - next) * 16 <= next);
		next = max + 1;
	}
	T_EQ(next, HISTOGRAM_MAX_NS);
}

static void test_coarse_buckets_cover_all_values(void)
{
	struct histogram_coarse sum = { { 1, 2 } };
	const struct histogram_coarse other = { { 3, [HISTOGRAM_COARSE_BUCKETS - 1] = 4 } };
	uint64_t next = 0;

	for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++) {
		uint64_t max = histogram_coarse_bucket_max(i);

		T_EQ(histogram_coarse_bucket(next), i);
		T_EQ(histogram_coarse_bucket(max), i);
		T_EQ(max + 1, i ? 2 * next : 1);
		next = max + 1;
	}
	T_EQ(next, HISTOGRAM_MAX_NS);
	T_EQ(histogram_coarse_bucket(UINT64_MAX), HISTOGRAM_COARSE_BUCKETS - 1);
	histogram_coarse_merge(&sum, &other);
	T_EQ(sum.buckets[0], 4);
	T_EQ(sum.buckets[1], 2);
	T_EQ(sum.buckets[HISTOGRAM_COARSE_BUCKETS - 1], 4);
}

static void test_too_long_counts_in_last(void)
{
	T_EQ(histogram_bucket(HISTOGRAM_MAX_NS - 1), HISTOGRAM_BUCKETS - 1);
	T_EQ(histogram_bucket(HISTOGRAM_MAX_NS), HISTOGRAM_BUCKETS - 1);
	T_EQ(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void add(struct histogram *h, uint64_t ns)
{
	h->buckets[histogram_bucket(ns)]++;
}

static void test_percentiles(void)
{
	struct histogram h = { 0 };

	T_EQ(histogram_percentile(&h, 500), 0);

	for (uint64_t ns = 1; ns <= 1000; ns++)
		add(&h, ns * 1000);
	for (unsigned permille = 1; permille <= 1000; permille++) {
		uint64_t told = histogram_percentile(&h, permille), is = permille * 1000ull;

		T_ASSERT(told >= is);
		T_ASSERT((told - is) * 16 <= is);
	}
	T_EQ(histogram_percentile(&h, 0), histogram_percentile(&h, 1));
}

static void test_percentile_of_one(void)
{
	struct histogram h = { 0 };

	add(&h, 7);
	T_EQ(histogram_percentile(&h, 0), 7);
	T_EQ(histogram_percentile(&h, 500), 7);
	T_EQ(histogram_percentile(&h, 999), 7);
	T_EQ(histogram_percentile(&h, 1000), 7);
}

/* 999 fast ones and a slow one: p99.9 is still fast, the maximum is not. */
static void test_percentile_rank_is_exact(void)
{
	struct histogram h = { 0 };

	for (int i = 0; i < 999; i++)
		add(&h, 1);
	add(&h, 12);
	T_EQ(histogram_percentile(&h, 999), 1);
	T_EQ(histogram_percentile(&h, 1000), 12);

	add(&h, 12);
	T_EQ(histogram_percentile(&h, 998), 1);
	T_EQ(histogram_percentile(&h, 999), 12);
}

static void test_large_counts_do_not_overflow(void)
{
	struct histogram h = { 0 };

	h.buckets[3] = UINT64_MAX / 4;
	h.buckets[5] = UINT64_MAX / 4;
	T_EQ(histogram_percentile(&h, 499), 3);
	T_EQ(histogram_percentile(&h, 501), 5);
	T_EQ(histogram_percentile(&h, 1000), 5);
}

static void test_merge(void)
{
	struct histogram a = { 0 }, b = { 0 };

	add(&a, 3);
	add(&b, 3);
	add(&b, HISTOGRAM_MAX_NS);
	histogram_merge(&a, &b);
	T_EQ(a.buckets[3], 2);
	T_EQ(a.buckets[HISTOGRAM_BUCKETS - 1], 1);
	T_EQ(b.buckets[3], 1);
}

int main(void)
{
	t_run(test_buckets_cover_all_values);
	t_run(test_coarse_buckets_cover_all_values);
	t_run(test_too_long_counts_in_last);
	t_run(test_percentiles);
	t_run(test_percentile_of_one);
	t_run(test_percentile_rank_is_exact);
	t_run(test_large_counts_do_not_overflow);
	t_run(test_merge);
	return 0;
}
