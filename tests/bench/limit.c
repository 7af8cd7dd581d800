/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (b), the limit: what a fault costs when nobody asks for anything but an answer.
 * One read of as many records as there are, pages that follow each other become one map, one
 * write of all answers. It knows one bit for each granule, whether it is mapped; no policy,
 * no statistics, no clock.
 *
 * usage: limit batch=N merge=BYTES granule=BYTES KEY=VALUE... (lib/server.h)
 */
#include <errno.h>
#include <stdlib.h>

#include "server.h"

#define MAX_BATCH 2048

static struct uapi_fault_record records[MAX_BATCH];
static struct uapi_answer answers[MAX_BATCH];
static uint8_t *mapped; /* a bit for each granule of each queue */
static uint64_t granule, merge, batch;

static bool test_and_set(uint64_t bit)
{
	bool was = mapped[bit / 8] >> bit % 8 & 1;

	mapped[bit / 8] |= (uint8_t)(1u << bit % 8);
	return was;
}

static void map_run(struct server *s, size_t queue, uint64_t first, uint64_t end)
{
	int r;

	if (first == end)
		return;
	r = server_map(s, queue, first * granule, (end - first) * granule);
	if (r < 0)
		die("map: %s", strerror(-r));
	s->maps++;
}

static void map_all(struct server *s, size_t queue, size_t n)
{
	uint64_t n_granules = s->size / granule, first = 0, end = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t g = (records[i].addr - s->iova) / granule;

		if (test_and_set(queue * n_granules + g))
			continue;
		if (g != end || (end + 1 - first) * granule > merge) {
			map_run(s, queue, first, end);
			first = g;
		}
		end = g + 1;
	}
	map_run(s, queue, first, end);
}

/* A function of its own: instructions.sh looks at it. */
static __attribute__((noinline)) bool serve(struct server *s, size_t queue)
{
	struct ioas *a = s->queues[queue];
	ssize_t bytes = a->ops->read(a, records, batch * sizeof(*records));
	size_t n = bytes < 0 ? 0 : (size_t)bytes / sizeof(*records), n_answers = 0;

	if (!n)
		return false;
	map_all(s, queue, n);
	for (size_t i = 0; i < n; i++) {
		if (!(records[i].flags & UAPI_FAULT_LAST_PAGE))
			continue;
		answers[n_answers++] = (struct uapi_answer){ .cookie = records[i].cookie, .code = UAPI_ANSWER_SUCCESS };
	}
	if (a->ops->write(a, answers, n_answers * sizeof(*answers)) != (ssize_t)(n_answers * sizeof(*answers)))
		die("write");
	s->faults += n;
	return n == batch;
}

int main(int argc, char **argv)
{
	size_t queues[MAX_QUEUES], n;
	struct server s;

	options_init("limit", argv + 1, (size_t)argc - 1);
	granule = option_number("granule", PAGE);
	merge = option_number("merge", granule);
	batch = option_number("batch", 64);
	if (batch < 1 || batch > MAX_BATCH)
		die("batch= out of range");
	server_open(&s);
	mapped = calloc(s.size / granule * s.n_queues / 8 + 1, 1);
	if (!mapped)
		die("out of memory");
	server_ready(&s);
	while ((n = server_wait(&s, queues)))
		for (size_t i = 0; i < n; i++)
			while (serve(&s, queues[i]))
				;
	server_close(&s);
	free(mapped);
	return options_check();
}
