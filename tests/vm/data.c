/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenarios in which everything must go well: the device moves data both ways over IOVAs
 * that nobody mapped before, and every byte is compared with the memory of the daemon.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "drive.h"

static uint64_t memory_sum(const uint8_t *memory, uint64_t size)
{
	const uint64_t *words = (const void *)memory;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < size / 8; i++)
		sum += words[i];
	return sum;
}

/* After the first job on a fresh window. requests= demands an exact number of page requests,
 * overflow=yes that the IOMMU's queue had no room at least once. */
static void report(const struct setup *s, const char *what, uint64_t start_ns)
{
	uint64_t ms = (clock_now_ns() - start_ns) / NSEC_PER_MSEC;
	uint64_t wanted = option_number("requests", UINT64_MAX);
	bool overflow = !strcmp(option("overflow", "no"), "yes");
	uint64_t requests = 0, full = 0;

	for (size_t i = 0; i < s->n_targets; i++) {
		struct iopf_result r;

		setup_result(s, &s->targets[i], &r);
		requests += r.page_requests;
		full += iopf_dma_counter(&s->targets[i].dma, IOPF_QUEUE_FULL);
	}
	if (wanted != UINT64_MAX && requests != wanted)
		die("%" PRIu64 " page requests instead of %" PRIu64, requests, wanted);
	if (overflow && !full)
		die("the page request queue never overflowed");
	printf("%s: %zu device(s), %" PRIu64 " MiB, %" PRIu64 " page requests in %" PRIu64 " ms\n", what,
	       s->n_targets, s->size >> 20, requests, ms);
	fflush(stdout);
}

static void check_and_sum(const struct setup *s)
{
	setup_run(s, IOPF_CHECK);
	setup_must_be_right(s, "check");
	for (size_t i = 0; i < s->n_targets; i++)
		setup_compare(s, &s->targets[i], s->size, 0);
	setup_run(s, IOPF_SUM);
	setup_must_be_right(s, "sum");
	for (size_t i = 0; i < s->n_targets; i++) {
		struct iopf_result r;

		setup_result(s, &s->targets[i], &r);
		if (r.sum != memory_sum(s->targets[i].memory, s->size))
			die("%s reads other bytes than are in memory", s->targets[i].device);
	}
}

/* Fill by the device, check by the device, compare with the memory, sum. */
void scenario_data(struct client *c)
{
	struct setup s;
	uint64_t start;

	setup_open(c, &s);
	start = clock_now_ns();
	setup_run(&s, IOPF_FILL);
	setup_must_be_right(&s, "fill");
	report(&s, "data", start);
	check_and_sum(&s);
	setup_close(&s);
}

/* The other way round: we write the memory before the device ever saw it. */
void scenario_read_first(struct client *c)
{
	struct setup s;
	uint64_t start;

	setup_open(c, &s);
	for (size_t i = 0; i < s.n_targets; i++)
		for (uint64_t at = 0; at < s.size; at += IOPF_PAGE)
			iopf_pattern(s.job.seed, s.iova + at, 0, (void *)(s.targets[i].memory + at));
	start = clock_now_ns();
	setup_run(&s, IOPF_CHECK);
	setup_must_be_right(&s, "check");
	report(&s, "read-first", start);
	check_and_sum(&s);
	setup_close(&s);
}

/* A bit that we flip in memory is seen by the device, and nothing else is. */
static void flip_one_bit(const struct setup *s, const struct target *t)
{
	uint64_t at = s->size / 2 / IOPF_PAGE * IOPF_PAGE;
	struct iopf_result r;

	t->memory[at + 5] ^= 1;
	setup_run(s, IOPF_CHECK);
	t->memory[at + 5] ^= 1;
	setup_result(s, t, &r);
	if (r.mismatch != 1 || r.bad != s->iova + at)
		die("%s does not see a flipped bit: %" PRIu64 " pages wrong, the first at 0x%" PRIx64, t->device,
		    r.mismatch, r.bad);
}

/* The device's own page of memory goes to every page of the window, then every page of the
 * window to it: the last one stays there. */
void scenario_buffer(struct client *c)
{
	uint64_t page[IOPF_PAGE_WORDS], seen[IOPF_PAGE_WORDS];
	const struct target *t;
	struct setup s;
	uint64_t start;

	setup_open(c, &s);
	t = &s.targets[0];
	iopf_pattern(~s.job.seed, s.iova, 0, page);
	iopf_dma_write_buffer(&t->dma, page);
	start = clock_now_ns();
	setup_run(&s, IOPF_FROM_BUFFER);
	setup_must_be_right(&s, "from the buffer");
	report(&s, "buffer", start);
	for (uint64_t at = 0; at < s.size; at += IOPF_PAGE) {
		if (memcmp(t->memory + at, page, IOPF_PAGE))
			die("%s: the buffer did not reach 0x%" PRIx64, t->device, s.iova + at);
		iopf_pattern(s.job.seed, s.iova + at, 0, (void *)(t->memory + at));
	}
	setup_run(&s, IOPF_TO_BUFFER);
	setup_must_be_right(&s, "to the buffer");
	iopf_dma_read_buffer(&t->dma, seen);
	if (memcmp(t->memory + s.size - IOPF_PAGE, seen, IOPF_PAGE))
		die("%s: the last page did not reach the buffer", t->device);
	setup_close(&s);
}

/* The other operations, on pages that nobody touched. */
void scenario_ops(struct client *c)
{
	static const enum iopf_op touches[] = { IOPF_TOUCH_READ, IOPF_TOUCH_WRITE };
	const struct target *t;
	struct setup s;

	setup_open(c, &s);
	t = &s.targets[0];
	for (size_t i = 0; i < 2; i++) {
		setup_run(&s, touches[i]);
		setup_must_be_right(&s, "touch");
	}
	setup_run(&s, IOPF_FILL);
	setup_must_be_right(&s, "fill");
	flip_one_bit(&s, t);
	setup_run(&s, IOPF_ADD_ONE);
	setup_must_be_right(&s, "add one");
	setup_compare(&s, t, s.size, 1);
	printf("ops: touch, fill, flip, add one\n");
	setup_close(&s);
}

static void compare_random(const struct setup *s, const struct target *t)
{
	static const uint64_t zeroes[IOPF_PAGE_WORDS];
	uint32_t n_pages = (uint32_t)(s->size / IOPF_PAGE);
	uint64_t page[IOPF_PAGE_WORDS];
	bool *visited = calloc(n_pages, sizeof(*visited));

	if (!visited)
		abort();
	for (uint64_t i = 0; i < s->job.count; i++)
		visited[iopf_random_page(s->job.seed, i, n_pages)] = true;
	for (uint32_t i = 0; i < n_pages; i++) {
		uint64_t at = (uint64_t)i * IOPF_PAGE;

		iopf_pattern(s->job.seed, s->iova + at, 0, page);
		if (memcmp(t->memory + at, visited[i] ? page : zeroes, IOPF_PAGE))
			die("%s: random: wrong bytes behind 0x%" PRIx64, t->device, s->iova + at);
	}
	free(visited);
}

/* Pages come again, also while they are being served; some never come and stay zero. The
 * window must be fresh. */
void scenario_random(struct client *c)
{
	struct setup s;
	uint64_t start;

	setup_open(c, &s);
	if (s.channels != 1)
		die("one channel at a time, please");
	s.job.flags |= IOPF_RANDOM;
	s.job.count = option_number("count", s.size / IOPF_PAGE);
	start = clock_now_ns();
	setup_run(&s, IOPF_FILL);
	setup_must_be_right(&s, "fill");
	report(&s, "random", start);
	setup_run(&s, IOPF_CHECK);
	setup_must_be_right(&s, "check");
	for (size_t i = 0; i < s.n_targets; i++)
		compare_random(&s, &s.targets[i]);
	setup_close(&s);
}

/* Memory that nobody else can look at: fill and check by the device alone. count= for pages
 * at random instead of all in order. */
void scenario_blind(struct client *c)
{
	struct setup s;
	uint64_t start;

	setup_open(c, &s);
	s.job.count = option_number("count", 0);
	if (s.job.count)
		s.job.flags |= IOPF_RANDOM;
	start = clock_now_ns();
	setup_run(&s, IOPF_FILL);
	setup_must_be_right(&s, "fill");
	report(&s, "blind", start);
	setup_run(&s, IOPF_CHECK);
	setup_must_be_right(&s, "check");
	setup_close(&s);
}
