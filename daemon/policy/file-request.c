/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The story of a fill, a release or a flush that needs I/O. A request is a chain of single
 * operations: whenever one has ended, file_next_step() looks at the granules of the range and
 * says which is the next, until nothing is left to do. So a range that is there in part, a
 * write that fails in the middle and a repetition all go the same way.
 *
 * Invariants: the core never asks for two things on one granule at a time. What a flush
 * tries again by itself (LEFT: dirty after a failure, and no device can write to it) is
 * f->retry meanwhile, and requests on it wait.
 *
 * What does not wait is done by whoever has found out that it is next, the shard too: how
 * long the file is, and to give back a little memory. The engine would have a thread of the
 * kernel do both. So a clean release ends at once.
 */
#include "policy/file-request.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

/* 256K of pages are given back in 10 us. */
#define PUNCH_AT_ONCE_BYTES (256ull << 10)

/* The request is nobody's any more when this returns, and with the last one the file may
 * be gone too. */
static void end(struct file_request *q)
{
	struct iopfd_memory memory = { .fd = -1 };
	const struct iopfd_host *host = q->file->host;
	struct iopfd_request *request = q->request;
	int result = q->result;

	if (q->kind == FILE_FILL)
		memory = file_memory(q->file, q->range.offset);
	free(q);
	host->complete(request, result, &memory);
}

static bool advance(struct file_request *q, bool done);

/* Waits where it has to; it begins when the retry that it waits for has ended. True: it has
 * ended, with q->result. */
static bool begin(struct file_request *q)
{
	struct file *f = q->file;
	bool waits;

	pthread_mutex_lock(&f->lock);
	waits = file_has_to_wait(f, q->range);
	if (waits)
		STAILQ_INSERT_TAIL(&f->parked, q, link);
	else if (q->kind == FILE_FILL)
		file_take_back(f, q->range, q->access);
	pthread_mutex_unlock(&f->lock);
	return !waits && advance(q, false);
}

static bool is_done_at_once(struct io_op *op)
{
	if (op->kind != IO_PUNCH || op->length > PUNCH_AT_ONCE_BYTES)
		return false;
	op->error = io_punch(op);
	return true;
}

/* A thread of the engine. */
static void on_done(struct io_op *op)
{
	struct file_request *q = container_of(op, struct file_request, op);

	if (advance(q, true))
		end(q);
}

/* done: an operation has ended. True as for begin(). */
static bool advance(struct file_request *q, bool done)
{
	struct file_request_list unparked = STAILQ_HEAD_INITIALIZER(unparked);
	struct file *f = q->file;
	struct file_request *other;
	bool goes_on;

	do {
		pthread_mutex_lock(&f->lock);
		if (done)
			file_step_done(q);
		goes_on = file_next_step(q, &unparked);
		pthread_mutex_unlock(&f->lock);
		done = true;
	} while (goes_on && is_done_at_once(&q->op));
	if (goes_on) {
		q->op.done = on_done;
		io_submit(f->io, &q->op);
	}
	while ((other = STAILQ_FIRST(&unparked))) {
		STAILQ_REMOVE_HEAD(&unparked, link);
		if (begin(other))
			end(other);
	}
	return !goes_on;
}

int file_request_start(struct file *f, enum file_request_kind kind, struct iopfd_request *request,
		       struct granules_range range, uint32_t access)
{
	struct file_request *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		pthread_mutex_lock(&f->lock);
		if (kind == FILE_RELEASE)
			file_leave(f, range);
		pthread_mutex_unlock(&f->lock);
		return -ENOMEM;
	}
	q->file = f;
	q->kind = kind;
	q->request = request;
	q->range = range;
	q->access = access;
	if (!begin(q))
		return IOPFD_PENDING;
	r = q->result;
	free(q);
	return r;
}
