/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "traces.h"

#include <math.h>
#include <stdlib.h>

#include "t.h"

/* splitmix64 */
uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((next_random(state) >> 32) * n >> 32);
}

static void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	T_ASSERT(p);
	return p;
}

/* Popularity falls with the rank: rank r is visited in proportion to 1 / r^0.99. */
struct zipf {
	uint32_t n;
	double *cumulated;
	uint32_t *page_of_rank;
	uint64_t seed;
};

/* scattered: neighbours in popularity are no neighbours in address. */
static struct zipf zipf_new(uint32_t n, bool scattered, uint64_t seed)
{
	struct zipf z = { n, must_alloc(n, sizeof(double)), must_alloc(n, sizeof(uint32_t)), seed };
	double sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		z.cumulated[i] = sum += 1 / pow(i + 1, 0.99);
		z.page_of_rank[i] = i;
	}
	for (uint32_t i = n - 1; scattered && i > 0; i--) {
		uint32_t j = below(&z.seed, i + 1), page = z.page_of_rank[i];

		z.page_of_rank[i] = z.page_of_rank[j];
		z.page_of_rank[j] = page;
	}
	return z;
}

static uint32_t zipf_next(struct zipf *z)
{
	double x = (double)(next_random(&z->seed) >> 11) / 0x1p53 * z->cumulated[z->n - 1];
	uint32_t low = 0, high = z->n - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (z->cumulated[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return z->page_of_rank[low];
}

static void zipf_free(struct zipf *z)
{
	free(z->cumulated);
	free(z->page_of_rank);
}

static void fill_zipf(struct trace *t, uint64_t seed, bool scattered)
{
	struct zipf z = zipf_new(t->n_pages, scattered, seed);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = zipf_next(&z);
	zipf_free(&z);
}

static void zipf_scattered(struct trace *t, uint64_t seed)
{
	fill_zipf(t, seed, true);
}

static void zipf_sorted(struct trace *t, uint64_t seed)
{
	fill_zipf(t, seed, false);
}

static void uniform(struct trace *t, uint64_t seed)
{
	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = below(&seed, t->n_pages);
}

/* Over and over; once if there are as many pages as visits. */
static void loop(struct trace *t, uint64_t seed)
{
	(void)seed;
	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = (uint32_t)(i % t->n_pages);
}

/* Three visits of five go to the popular half, the others walk through the rest. */
static void zipf_and_scan(struct trace *t, uint64_t seed)
{
	uint32_t half = t->n_pages / 2, at = 0;
	struct zipf z = zipf_new(half, true, seed);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = below(&seed, 5) < 3 ? zipf_next(&z) : half + at++ % (t->n_pages - half);
	zipf_free(&z);
}

/* As above, but what walks comes in bursts as long as all that fits. */
static void zipf_then_scan(struct trace *t, uint64_t seed)
{
	uint32_t half = t->n_pages / 2, at = 0;
	struct zipf z = zipf_new(half, true, seed);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = i / t->capacity % 4 != 3 ? zipf_next(&z) : half + at++ % (t->n_pages - half);
	zipf_free(&z);
}

/* Popularity moves on: ten times in a trace, by a tenth of the pages. */
static void shifting(struct trace *t, uint64_t seed)
{
	struct zipf z = zipf_new(t->n_pages, true, seed);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = (zipf_next(&z) + (uint32_t)(i * 10 / t->n_visits) * (t->n_pages / 10)) % t->n_pages;
	zipf_free(&z);
}

/* A new page is the most popular one all the time, and the others become less so. */
static void drifting(struct trace *t, uint64_t seed)
{
	struct zipf z = zipf_new(t->n_pages, false, seed);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = (uint32_t)((zipf_next(&z) + (t->n_visits - i) * t->n_pages / t->n_visits) % t->n_pages);
	zipf_free(&z);
}

/* A working set that fits, and is another one ten times in a trace. */
static void phases(struct trace *t, uint64_t seed)
{
	uint32_t set = t->capacity / 10 * 8;

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = (uint32_t)((below(&seed, set) + i * 10 / t->n_visits * set) % t->n_pages);
}

/* Two devices, each with pages of its own: one runs a popular set, one loops. */
static void two_devices(struct trace *t, uint64_t seed)
{
	uint32_t half = t->n_pages / 2, at = 0;
	struct zipf z = zipf_new(half, true, seed);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = i & 1 ? half + at++ % half : zipf_next(&z);
	zipf_free(&z);
}

/* Two devices on the same pages, but not the same ones are popular. */
static void two_devices_shared(struct trace *t, uint64_t seed)
{
	struct zipf a = zipf_new(t->n_pages, true, seed), b = zipf_new(t->n_pages, true, seed + 1000);

	for (size_t i = 0; i < t->n_visits; i++)
		t->visits[i] = zipf_next(i & 1 ? &a : &b);
	zipf_free(&a);
	zipf_free(&b);
}

/* permille: pages there are for each thousand that fit; 0 = as many as visits. */
static const struct {
	const char *name;
	unsigned permille;
	void (*fill)(struct trace *t, uint64_t seed);
	uint64_t seed;
} kinds[] = {
	{ "zipf 0.99, 2x, seed 1", 2000, zipf_scattered, 1 },
	{ "zipf 0.99, 2x, seed 2", 2000, zipf_scattered, 2 },
	{ "zipf 0.99, 2x, seed 3", 2000, zipf_scattered, 3 },
	{ "zipf 0.99, 2x, sorted", 2000, zipf_sorted, 4 },
	{ "zipf 0.99, 3x", 3000, zipf_scattered, 5 },
	{ "zipf 0.99, 1.3x", 1300, zipf_scattered, 6 },
	{ "zipf 0.99, 10x", 10000, zipf_scattered, 7 },
	{ "uniform, 2x", 2000, uniform, 8 },
	{ "sequential, once", 0, loop, 0 },
	{ "loop, 1.1x", 1100, loop, 0 },
	{ "loop, 2x", 2000, loop, 0 },
	{ "zipf mixed with scan", 3000, zipf_and_scan, 9 },
	{ "zipf, then scan", 3000, zipf_then_scan, 10 },
	{ "shifting zipf", 2000, shifting, 11 },
	{ "drifting zipf", 2000, drifting, 15 },
	{ "phases that fit", 2000, phases, 12 },
	{ "two devices, zipf and loop", 2000, two_devices, 13 },
	{ "two devices, one memory", 2000, two_devices_shared, 14 },
};

size_t n_traces(void)
{
	return sizeof(kinds) / sizeof(*kinds);
}

struct trace trace_make(size_t kind, struct trace_size size)
{
	struct trace t = {
		.name = kinds[kind].name,
		.n_pages = (uint32_t)((uint64_t)size.capacity * kinds[kind].permille / 1000),
		.capacity = size.capacity,
		.n_visits = size.n_visits,
	};

	if (!t.n_pages)
		t.n_pages = (uint32_t)t.n_visits;
	t.visits = must_alloc(t.n_visits, sizeof(*t.visits));
	kinds[kind].fill(&t, kinds[kind].seed);
	return t;
}

void trace_free(struct trace *t)
{
	free(t->visits);
	*t = (struct trace){ 0 };
}
