/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O by a few threads that make plain system calls: works everywhere. Operations wait in
 * one list, first come, first served, and are their own list entries, so that submitting
 * cannot fail. More threads than CPUs are of use, as they sleep most of the time.
 */
#include "policy/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/util.h"

#define N_THREADS 4u

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

struct io_pool {
	struct io io;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct io_list queue;
	bool stop;
	pthread_t threads[N_THREADS];
	unsigned n_threads;
};

static struct io_pool *to_pool(struct io *io)
{
	return container_of(io, struct io_pool, io);
}

/* Bytes, or a negative errno. */
static int64_t call(struct io_op *op)
{
	uint64_t rest = op->length - op->n_done;
	off_t offset = (off_t)(op->offset + op->n_done);
	char *at = op->buffer + op->n_done;
	int64_t r = -1;

	switch (op->kind) {
	case IO_READ:
		r = pread(op->fd, at, rest, offset);
		break;
	case IO_WRITE:
		r = pwrite(op->fd, at, rest, offset);
		break;
	case IO_AHEAD:
		/* This one returns the error itself. */
		errno = posix_fadvise(op->fd, offset, (off_t)rest, POSIX_FADV_WILLNEED);
		r = errno ? -1 : (int64_t)rest;
		break;
	case IO_SYNC:
		r = fdatasync(op->fd);
		break;
	case IO_PUNCH:
		return io_punch(op);
	case IO_POPULATE:
		r = madvise(at, rest, MADV_POPULATE_READ) < 0 ? -1 : (int64_t)rest;
		break;
	}
	return r < 0 ? -errno : r;
}

static void *pool_main(void *userdata)
{
	struct io_pool *p = userdata;
	struct io_op *op;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!(op = STAILQ_FIRST(&p->queue)) && !p->stop)
			pthread_cond_wait(&p->wake, &p->lock);
		if (!op)
			break;
		STAILQ_REMOVE_HEAD(&p->queue, link);
		pthread_mutex_unlock(&p->lock);
		while (!io_op_advance(op, call(op)))
			;
		op->done(op);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void pool_submit(struct io *io, struct io_op *op)
{
	struct io_pool *p = to_pool(io);

	pthread_mutex_lock(&p->lock);
	STAILQ_INSERT_TAIL(&p->queue, op, link);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

static void pool_close(struct io *io)
{
	struct io_pool *p = to_pool(io);

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int pool_open(struct io **ret, const char **ret_reason)
{
	struct io_pool *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	STAILQ_INIT(&p->queue);
	while (p->n_threads < N_THREADS && r == 0) {
		r = thread_start(&p->threads[p->n_threads], "iopfd-io", pool_main, p);
		p->n_threads += r == 0;
	}
	/* Fewer do as well. */
	if (p->n_threads == 0) {
		pool_close(&p->io);
		*ret_reason = "no thread can be started";
		return r;
	}
	*ret = &p->io;
	return 0;
}

const struct io_engine io_pool_engine = {
	.name = "threads",
	.open = pool_open,
	.submit = pool_submit,
	.close = pool_close,
};
