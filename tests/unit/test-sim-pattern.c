/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The orders of page visits, and the hash of pages that the model keeps its books in. */
#include "device/sim/pagemap.h"
#include "device/sim/pattern.h"
#include "t.h"

#define N 1000

static uint64_t hits[N];

static void count(struct sim_pattern *p, unsigned n_draws)
{
	memset(hits, 0, sizeof(hits));
	for (unsigned i = 0; i < n_draws; i++) {
		uint64_t page = sim_pattern_next(p);

		T_ASSERT(page < p->n_pages);
		hits[page]++;
	}
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void test_seq(void)
{
	struct sim_pattern p;

	sim_pattern_init(&p, SIM_PATTERN_SEQ, 5, 3, 1);
	for (unsigned i = 0; i < 12; i++)
		T_EQ(sim_pattern_next(&p), (i + 3) % 5);
}

static void test_stride(void)
{
	struct sim_pattern p;

	/* A round visits each page once, whatever the number of pages. */
	for (uint64_t n = 1; n < 70; n++) {
		sim_pattern_init(&p, SIM_PATTERN_STRIDE, n, n / 2, 1);
		count(&p, (unsigned)n * 3);
		for (uint64_t i = 0; i < n; i++)
			T_ASSERT(hits[i] >= 2 && hits[i] <= 4);
	}
	sim_pattern_init(&p, SIM_PATTERN_STRIDE, 64, 0, 1);
	T_EQ(sim_pattern_next(&p), 0);
	T_EQ(sim_pattern_next(&p), 16);
}

static void test_random(void)
{
	struct sim_pattern p, same, other;
	unsigned n_equal = 0;

	sim_pattern_init(&p, SIM_PATTERN_RANDOM, N, 0, 7);
	count(&p, N * 100);
	for (unsigned i = 0; i < N; i++)
		T_ASSERT(hits[i] > 40 && hits[i] < 180);
	sim_pattern_init(&p, SIM_PATTERN_RANDOM, N, 0, 7);
	sim_pattern_init(&same, SIM_PATTERN_RANDOM, N, 0, 7);
	sim_pattern_init(&other, SIM_PATTERN_RANDOM, N, 0, 8);
	for (unsigned i = 0; i < 100; i++) {
		uint64_t page = sim_pattern_next(&p);

		T_EQ(page, sim_pattern_next(&same));
		n_equal += page == sim_pattern_next(&other);
	}
	T_ASSERT(n_equal < 20);
}

static void test_zipf(void)
{
	struct sim_pattern p;
	uint64_t top10 = 0;
	unsigned n_seen = 0, first_ten = 0;

	sim_pattern_init(&p, SIM_PATTERN_ZIPF, N, 0, 3);
	count(&p, 200000);
	for (unsigned i = 0; i < N; i++)
		n_seen += hits[i] > 0;
	for (unsigned i = 0; i < 10; i++)
		first_ten += hits[i] > 200000 / 50;
	T_EQ(n_seen, N);
	/* Hot pages do not lie side by side. */
	T_ASSERT(first_ten < 5);
	qsort(hits, N, sizeof(hits[0]), descending);
	/* Sum of k^-0.99 over 1000 is 7.73: the hottest has 12.9 %, the first ten 38 %. */
	T_ASSERT(hits[0] > 24000 && hits[0] < 28000);
	T_ASSERT(hits[1] > 11500 && hits[1] < 15000);
	for (unsigned i = 0; i < 10; i++)
		top10 += hits[i];
	T_ASSERT(top10 > 72000 && top10 < 82000);
	sim_pattern_init(&p, SIM_PATTERN_ZIPF, 1, 0, 3);
	T_EQ(sim_pattern_next(&p), 0);
	sim_pattern_init(&p, SIM_PATTERN_ZIPF, 1ull << 36, 0, 3);
	for (unsigned i = 0; i < 1000; i++)
		T_ASSERT(sim_pattern_next(&p) < 1ull << 36);
}

/* Against a plain array, with keys that collide a lot. */
static void test_pagemap(void)
{
	struct pagemap m = { 0 };
	uint64_t model[512] = { 0 }, random = 1;
	size_t n_used = 0;

	T_EQ(pagemap_find(&m, 3), 0);
	pagemap_remove(&m, 3);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t page = sim_mix(random++) % 512;

		if (sim_mix(random++) % 2) {
			n_used += !model[page];
			model[page] = i + 1;
			T_OK(pagemap_set(&m, page, i + 1));
		} else {
			n_used -= model[page] != 0;
			model[page] = 0;
			pagemap_remove(&m, page);
		}
		T_EQ(m.n_used, n_used);
		page = sim_mix(random++) % 512;
		T_EQ(pagemap_find(&m, page), model[page]);
	}
	/* A short and a long range: by page and by slot. */
	for (unsigned i = 0; i < 512; i++)
		T_OK(pagemap_set(&m, i, 1));
	T_EQ(pagemap_remove_range(&m, 10, 20), 20);
	T_EQ(pagemap_remove_range(&m, 100, 1ull << 40), 412);
	for (unsigned i = 0; i < 512; i++)
		T_EQ(pagemap_find(&m, i), i < 10 || (i >= 30 && i < 100));
	pagemap_clear(&m);
	T_EQ(pagemap_find(&m, 5), 0);
	pagemap_deinit(&m);
}

int main(void)
{
	t_run(test_seq);
	t_run(test_stride);
	t_run(test_random);
	t_run(test_zipf);
	t_run(test_pagemap);
	return 0;
}
