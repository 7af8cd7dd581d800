/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a file gives to a program that does nothing but read pages of it at random, with so
 * many reads in flight: no store of pages is faster.
 *
 *	path=, size=    the file
 *	count=, depth=  reads, and how many at once (64)
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure.h"
#include "options.h"
#include "vm/iopf-dma.h"

#define PAGE 4096ull
#define SEED 1

struct reads {
	struct io_uring ring;
	int fd;
	uint8_t *memory; /* a page for each that is in flight */
	uint64_t n_started, count;
	uint32_t n_pages;
};

static void start_read(struct reads *r, uint64_t slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	io_uring_prep_read(sqe, r->fd, r->memory + slot * PAGE, PAGE,
			   iopf_random_page(SEED, r->n_started++, r->n_pages) * PAGE);
	io_uring_sqe_set_data(sqe, r->memory + slot * PAGE);
}

static void take_result(struct reads *r, struct io_uring_cqe *cqe)
{
	uint8_t *page = io_uring_cqe_get_data(cqe);

	if (cqe->res != (int)PAGE)
		die("read: %s", strerror(-cqe->res));
	io_uring_cqe_seen(&r->ring, cqe);
	if (r->n_started < r->count)
		start_read(r, (uint64_t)(page - r->memory) / PAGE);
}

static void run(struct reads *r, uint64_t depth)
{
	uint64_t n_done = 0, begin = clock_now_ns();

	for (uint64_t i = 0; i < depth; i++)
		start_read(r, i);
	while (n_done < r->count) {
		struct io_uring_cqe *cqe;

		MUST(io_uring_submit_and_wait(&r->ring, 1));
		while (!io_uring_peek_cqe(&r->ring, &cqe)) {
			take_result(r, cqe);
			n_done++;
		}
	}
	print_result("reads_per_s", (double)r->count * (double)NSEC_PER_SEC / (double)(clock_now_ns() - begin));
}

int main(int argc, char **argv)
{
	const char *path;
	struct reads r;
	uint64_t depth;

	options_init("reads", argv + 1, (size_t)argc - 1);
	path = option("path", NULL);
	depth = option_number("depth", 64);
	r = (struct reads){
		.fd = open(path, O_RDONLY | O_CLOEXEC),
		.memory = aligned_alloc(PAGE, depth * PAGE),
		.n_pages = (uint32_t)(option_number("size", PAGE) / PAGE),
		.count = option_number("count", 10000),
	};
	if (r.fd < 0 || !r.memory || r.count < depth)
		die("%s: %s", path, strerror(errno));
	MUST(io_uring_queue_init((unsigned)depth, &r.ring, 0));
	run(&r, depth);
	io_uring_queue_exit(&r.ring);
	free(r.memory);
	close(r.fd);
	return options_check();
}
