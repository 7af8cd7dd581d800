/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The eviction of iopfd beside others, on recorded sequences of page visits, and the bytes of
 * book-keeping for each mapped extent. What misses a goal is marked.
 *
 * usage: evict-trace
 */
#include "caches.h"
#include "device/device.h"
#include "fault/extents.h"
#include "t.h"

#define CAPACITY 20000u
#define N_VISITS 1000000u

static double of_100(size_t n_hits, const struct trace *t)
{
	return 100. * (double)n_hits / (double)t->n_visits;
}

/* Where all are equally good, chance decides about so much. */
#define FIFO_SLACK 0.1

static void compare(size_t kind)
{
	struct trace t = trace_make(kind, (struct trace_size){ CAPACITY, N_VISITS });
	double fifo = of_100(fifo_hits(&t), &t), lru = of_100(lru_hits(&t), &t);
	double apart = of_100(extents_hits(&t, 16, 1), &t), dense = of_100(extents_hits(&t, 1, 16), &t);
	double worse = apart < dense ? apart : dense;

	printf("%-27s %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f", t.name, apart, dense, fifo, of_100(random_hits(&t), &t),
	       lru, of_100(optimum_hits(&t), &t));
	if (lru > 0)
		printf("   %.3f", worse / lru);
	if (worse < fifo - FIFO_SLACK)
		printf("  MISSED: below FIFO");
	if (!strncmp(t.name, "zipf 0.99, 2x", 13) && worse < 0.9 * lru)
		printf("  MISSED: below 0.9 of LRU");
	printf("\n");
	trace_free(&t);
}

static void add(struct extents *e, uint64_t first, unsigned n)
{
	T_OK(extents_reserve(e));
	extents_add(e, 0, first, n, ACCESS_READ | ACCESS_WRITE, 0);
}

/* Half is evicted in the end, if asked, and as much comes elsewhere. */
static double bytes_each(unsigned n_extents, unsigned n, unsigned stride, bool churn)
{
	struct extents *e;
	double bytes;

	T_OK(extents_new(&e, 0));
	for (uint64_t i = 0; i < n_extents; i++)
		add(e, i * stride, n);
	for (uint64_t i = 0; churn && i < n_extents / 2; i++) {
		extents_remove(e, 0, i * 2 * stride, true);
		add(e, (n_extents + i) * stride, n);
	}
	bytes = (double)extents_footprint(e) / n_extents;
	extents_free(e);
	return bytes;
}

static void print_bytes(const char *what, double bytes, double limit)
{
	printf("  %-46s %6.2f of %2.0f%s\n", what, bytes, limit, bytes > limit ? "  MISSED" : "");
}

static void print_footprint(void)
{
	static const unsigned sizes[] = { 5000, 100000, 1000000 };
	char what[64];

	printf("\nbytes of book-keeping\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(what, sizeof(what), "for each of %u isolated extents", sizes[i]);
		print_bytes(what, bytes_each(sizes[i], 1, 100, false), 32);
		snprintf(what, sizeof(what), "... after half of them were replaced");
		print_bytes(what, bytes_each(sizes[i], 1, 100, true), 32);
	}
	print_bytes("for each 4K of a dense region of 4G", bytes_each(1 << 20, 1, 1, false), 4);
	print_bytes("for each 64K extent of merged 4K, 4G", bytes_each(1 << 16, 16, 16, false), 32);
}

int main(void)
{
	printf("hits of 100 visits; %u pages fit, %u visits; ours sees faults only, with pages far apart\n"
	       "and dense; goals: not below FIFO (by more than %.1f), on zipf 2x 0.9 of LRU\n",
	       CAPACITY, N_VISITS, FIFO_SLACK);
	printf("%-27s %7s %7s %7s %7s %7s %7s   %s\n", "", "ours", "dense", "FIFO", "random", "LRU", "optimum",
	       "ours/LRU");
	for (size_t i = 0; i < n_traces(); i++)
		compare(i);
	print_footprint();
	return 0;
}
