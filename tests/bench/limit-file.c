/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (b) for memory that is a file's: one read of all records, for each granule that
 * is not mapped a pread() into shared memory and a map, one write of all answers. When
 * budget= bytes are mapped, the granule that came first goes: unmapped, written back,
 * because nothing says that the device did not write it, and thrown away. With batch=1 it
 * is comparator (a).
 *
 * usage: limit-file path=FILE budget=BYTES granule=BYTES batch=N KEY=VALUE... (lib/server.h)
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"
#include "server.h"

#define MAX_BATCH 64

static struct {
	int fd;
	uint8_t *memory;
	uint64_t granule, budget; /* budget in granules */
	bool *mapped;             /* for each granule */
	uint64_t *order;          /* a ring: in which they came */
	uint64_t oldest, newest, n_granules;
	uint64_t written, batch;
} f;

static void evict(struct server *s)
{
	uint64_t offset = f.order[f.oldest++ % f.n_granules] * f.granule;
	struct ioas *a = s->queues[0];

	MUST(a->ops->unmap(a, s->iova + offset, f.granule));
	if (pwrite(f.fd, f.memory + offset, f.granule, (off_t)offset) != (ssize_t)f.granule)
		die("write: %s", strerror(errno));
	if (fallocate(s->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)f.granule) < 0)
		die("punch: %s", strerror(errno));
	f.mapped[offset / f.granule] = false;
	f.written += f.granule;
}

static void make_present(struct server *s, uint64_t granule)
{
	uint64_t offset = granule * f.granule;

	if (f.mapped[granule])
		return;
	if (f.newest - f.oldest == f.budget)
		evict(s);
	if (pread(f.fd, f.memory + offset, f.granule, (off_t)offset) != (ssize_t)f.granule)
		die("read: %s", strerror(errno));
	MUST(server_map(s, 0, offset, f.granule));
	s->maps++;
	f.mapped[granule] = true;
	f.order[f.newest++ % f.n_granules] = granule;
}

static bool serve(struct server *s)
{
	struct uapi_fault_record records[MAX_BATCH];
	struct uapi_answer answers[MAX_BATCH];
	struct ioas *a = s->queues[0];
	ssize_t bytes = a->ops->read(a, records, f.batch * sizeof(*records));
	size_t n = bytes < 0 ? 0 : (size_t)bytes / sizeof(*records), n_answers = 0;

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		make_present(s, (records[i].addr - s->iova) / f.granule);
		if (records[i].flags & UAPI_FAULT_LAST_PAGE)
			answers[n_answers++] = (struct uapi_answer){ .cookie = records[i].cookie,
								     .code = UAPI_ANSWER_SUCCESS };
	}
	if (a->ops->write(a, answers, n_answers * sizeof(*answers)) < 0)
		die("write");
	s->faults += n;
	return n == f.batch;
}

static void open_file(const struct server *s)
{
	f.batch = option_number("batch", MAX_BATCH);
	if (!f.batch || f.batch > MAX_BATCH)
		die("batch= out of range");
	f.granule = option_number("granule", PAGE);
	f.n_granules = s->size / f.granule;
	f.budget = option_number("budget", s->size) / f.granule;
	f.fd = open(option("path", NULL), O_RDWR | O_CLOEXEC);
	f.memory = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
	f.mapped = calloc(f.n_granules, sizeof(*f.mapped));
	f.order = calloc(f.n_granules, sizeof(*f.order));
	if (f.fd < 0 || f.memory == MAP_FAILED || !f.mapped || !f.order || s->n_queues != 1)
		die("%s: %s", option("path", NULL), strerror(errno));
}

int main(int argc, char **argv)
{
	size_t queues[MAX_QUEUES];
	struct server s;

	options_init("limit-file", argv + 1, (size_t)argc - 1);
	server_open(&s);
	open_file(&s);
	server_ready(&s);
	while (server_wait(&s, queues))
		while (serve(&s))
			;
	print_result("bytes_written", (double)f.written);
	server_close(&s);
	munmap(f.memory, s.size);
	free(f.mapped);
	free(f.order);
	close(f.fd);
	return options_check();
}
