/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The story of a fill, a release or a flush that needs I/O. A request is a chain of single
 * operations: whenever one has ended, next_step() looks at the granules of the range and
 * says which is the next, until nothing is left to do. So a range that is there in part, a
 * write that fails in the middle and a repetition all go the same way.
 *
 * Invariants: the core never asks for two things on one granule at a time. What a flush
 * tries again by itself (LEFT: dirty after a failure, and no device can write to it) is
 * f->retry meanwhile, and requests on it wait. A DIRTY, KEPT or FILLED granule is never
 * punched. Without extend nothing is written beyond the end that the file has when the
 * request begins.
 *
 * What does not wait is done by whoever has found out that it is next, the shard too: how
 * long the file is, and to give back a little memory. The engine would have a thread of the
 * kernel do both. So a clean release ends at once.
 */
#include "policy/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/util.h"

/* 256K of pages are given back in 10 us. */
#define PUNCH_AT_ONCE_BYTES (256ull << 10)

struct file_request {
	struct io_op op; /* the operation under way */
	struct file *file;
	struct iopfd_request *request;
	enum file_request_kind kind;
	struct granules_range range; /* SYNC: what is tried again */
	struct granules_range run;   /* the part that the operation is about */
	struct granules_range read;  /* FILL: from the first to the last that was read for it */
	uint32_t access;
	bool size_known; /* the file was asked for it since the request began */
	bool synced;
	uint64_t cursor; /* SYNC: how far it has looked for what to try again */
	int result;
	int retry_result; /* SYNC: the first failure of what was tried again */
	STAILQ_ENTRY(file_request) link;
};

static void on_done(struct io_op *op);

static bool step(struct file_request *q, enum io_kind kind, int fd, uint64_t length)
{
	q->op = (struct io_op){
		.kind = kind,
		.fd = fd,
		.offset = q->run.offset,
		.length = length,
		.buffer = q->file->map + q->run.offset,
		.done = on_done,
	};
	return true;
}

/* Gives back what is staged and neither to be written nor the only copy, nor in use. */
static bool next_punch(struct file_request *q, struct granules_range range)
{
	const unsigned mask = GRANULE_STAGED | GRANULE_DIRTY | GRANULE_KEPT | GRANULE_FILLED;

	q->run = granules_find(&q->file->granules, range, mask, GRANULE_STAGED);
	return q->run.length && step(q, IO_PUNCH, q->file->memory_fd, q->run.length);
}

static bool next_read(struct file_request *q)
{
	struct file *f = q->file;

	q->run = granules_find(&f->granules, q->range, GRANULE_STAGED, 0);
	if (!q->run.length)
		return false;
	if (f->direct)
		return step(q, IO_POPULATE, f->fd, q->run.length);
	if (!q->read.length)
		q->read.offset = q->run.offset;
	q->read.length = granules_end(q->run) - q->read.offset;
	return step(q, IO_READ, f->fd, q->run.length);
}

static void fail_to_write(struct file_request *q, int error)
{
	q->file->write_errors++;
	q->file->write_error = error;
	q->result = error;
}

static void fail_to_read(struct file_request *q, int error)
{
	q->file->read_errors++;
	q->result = error;
}

/* What the kernel knows of it, without asking a server. */
static int find_size(struct file_request *q)
{
	const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct statx st;

	if (q->size_known)
		return 0;
	if (statx(q->file->fd, "", flags, STATX_SIZE, &st) < 0)
		return -errno;
	q->file->size = st.stx_size;
	q->size_known = true;
	return 0;
}

/* The next operation of a fill; false: ended. */
static bool next_of_fill(struct file_request *q)
{
	struct file *f = q->file;

	if (q->result == 0 && !f->direct && file_writes_beyond_end(f, q->range, q->access)) {
		/* It may have grown since it was seen last. */
		int r = find_size(q);

		if (r < 0)
			fail_to_read(q, r);
		else if (file_writes_beyond_end(f, q->range, q->access))
			q->result = -EFBIG;
	}
	/* After a failure no release comes: what was read for nothing goes back at once. */
	return q->result < 0 ? next_punch(q, q->read) : next_read(q);
}

static bool next_write(struct file_request *q)
{
	struct file *f = q->file;
	uint64_t length = q->run.length;

	if (f->extend != FILE_EXTEND_YES) {
		int r = find_size(q);

		if (r >= 0 && q->run.offset >= f->size)
			r = -EFBIG;
		if (r < 0) {
			fail_to_write(q, r);
			return false;
		}
		/* Granules of which the file has nothing come next, and fail. */
		q->run.length = MIN(length, align_down(f->size - q->run.offset + f->granule - 1, f->granule));
		length = MIN(length, f->size - q->run.offset);
	}
	return step(q, IO_WRITE, f->fd, length);
}

/* Of a release or a flush: writes first, then gives memory back. */
static bool next_of_release(struct file_request *q)
{
	struct file *f = q->file;

	if (q->result < 0)
		return false;
	q->run = granules_find(&f->granules, q->range, GRANULE_DIRTY, GRANULE_DIRTY);
	if (q->run.length)
		return next_write(q);
	if (q->kind == FILE_FLUSH)
		return false;
	return next_punch(q, q->range);
}

/* What of the range is still dirty is left for a later flush. */
static void leave(struct file *f, struct granules_range range)
{
	granules_mark(&f->granules, range, GRANULE_DIRTY, GRANULE_LEFT);
}

static bool begin_retry(struct file_request *q)
{
	struct file *f = q->file;

	if (!f->granules.n_left)
		return false;
	q->range = granules_find(&f->granules, (struct granules_range){ q->cursor, f->length - q->cursor }, GRANULE_LEFT,
				 GRANULE_LEFT);
	q->cursor = granules_end(q->range);
	f->retry = q->range;
	granules_change(&f->granules, q->range, 0, GRANULE_LEFT);
	q->size_known = false;
	return q->range.length;
}

static void end_retry(struct file_request *q, struct file_request_list *unparked)
{
	struct file *f = q->file;

	if (q->result < 0) {
		leave(f, q->range);
		q->retry_result = q->retry_result ? q->retry_result : q->result;
		q->result = 0;
	}
	q->range.length = f->retry.length = 0;
	STAILQ_CONCAT(unparked, &f->parked);
}

static bool next_of_sync(struct file_request *q, struct file_request_list *unparked)
{
	while (!q->synced && (q->range.length || begin_retry(q))) {
		if (next_of_release(q))
			return true;
		end_retry(q, unparked);
	}
	if (q->synced) {
		q->result = q->retry_result ? q->retry_result : q->result;
		return false;
	}
	q->synced = true;
	return step(q, IO_SYNC, q->file->fd, 0);
}

/* Locked. False: the request has ended, with q->result. */
static bool next_step(struct file_request *q, struct file_request_list *unparked)
{
	switch (q->kind) {
	case FILE_FILL:
		if (next_of_fill(q))
			return true;
		granules_change(&q->file->granules, q->range, q->result < 0 ? 0 : GRANULE_FILLED, 0);
		break;
	case FILE_RELEASE:
	case FILE_FLUSH:
		if (next_of_release(q))
			return true;
		break;
	case FILE_SYNC:
		return next_of_sync(q, unparked);
	}
	if (q->result < 0)
		leave(q->file, q->range);
	return false;
}

/* The request is nobody's any more when this returns, and with the last one the file may
 * be gone too. */
static void end(struct file_request *q)
{
	struct iopfd_memory memory = file_memory(q->file, q->range.offset);
	const struct iopfd_host *host = q->file->host;
	struct iopfd_request *request = q->request;
	int result = q->result;

	free(q);
	host->complete(request, result, &memory);
}

static bool advance(struct file_request *q, void (*handler)(struct file_request *q));

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
	return !waits && advance(q, NULL);
}

static void on_punched(struct file_request *q)
{
	if (q->op.error)
		q->result = q->op.error;
	/* After a read that failed they are not what the file has, punched or not. */
	if (!q->op.error || q->kind == FILE_FILL)
		granules_change(&q->file->granules, q->run, 0, GRANULE_STAGED);
}

static bool is_done_at_once(struct io_op *op)
{
	if (op->kind != IO_PUNCH || op->length > PUNCH_AT_ONCE_BYTES)
		return false;
	op->error = io_punch(op);
	return true;
}

/* handler: of the operation that has ended. True as for begin(). */
static bool advance(struct file_request *q, void (*handler)(struct file_request *q))
{
	struct file_request_list unparked = STAILQ_HEAD_INITIALIZER(unparked);
	struct file *f = q->file;
	struct file_request *other;
	bool goes_on;

	do {
		pthread_mutex_lock(&f->lock);
		if (handler)
			handler(q);
		goes_on = next_step(q, &unparked);
		pthread_mutex_unlock(&f->lock);
		handler = on_punched;
	} while (goes_on && is_done_at_once(&q->op));
	if (goes_on)
		io_submit(f->io, &q->op);
	while ((other = STAILQ_FIRST(&unparked))) {
		STAILQ_REMOVE_HEAD(&unparked, link);
		if (begin(other))
			end(other);
	}
	return !goes_on;
}

static void on_read(struct file_request *q)
{
	const struct io_op *op = &q->op;
	struct file *f = q->file;

	f->bytes_read += op->n_done;
	/* In part, if it failed: then it is punched next. */
	granules_change(&f->granules, q->run, GRANULE_STAGED, 0);
	/* The buffer is ours: EFAULT is a lack of memory for it. */
	if (op->error)
		fail_to_read(q, op->error == -EFAULT ? -ENOMEM : op->error);
	else if (op->n_done < op->length) {
		/* What lies beyond the end was a hole of the memfd and reads as zeroes. */
		f->size = op->offset + op->n_done;
		q->size_known = true;
	}
}

static void on_written(struct file_request *q)
{
	const struct io_op *op = &q->op;
	struct file *f = q->file;
	struct granules_range last = { granules_end(q->run) - f->granule, f->granule };

	f->bytes_written += op->n_done;
	if (op->error) {
		fail_to_write(q, op->error);
		return;
	}
	granules_change(&f->granules, q->run, 0, GRANULE_DIRTY | GRANULE_LEFT);
	/* The file has no room for the rest of the last granule, and the device wants it back. */
	if (op->length < q->run.length)
		granules_change(&f->granules, last, GRANULE_KEPT, 0);
}

static void on_synced(struct file_request *q)
{
	if (q->op.error)
		fail_to_write(q, q->op.error);
}

static void on_populated(struct file_request *q)
{
	if (!q->op.error)
		granules_change(&q->file->granules, q->run, GRANULE_STAGED, 0);
	else /* EFAULT: the file ends before. */
		fail_to_read(q, q->op.error == -EFAULT ? -ENODATA : q->op.error);
}

/* A thread of the engine. */
static void on_done(struct io_op *op)
{
	static void (*const handlers[])(struct file_request *q) = {
		[IO_READ] = on_read,
		[IO_WRITE] = on_written,
		[IO_SYNC] = on_synced,
		[IO_PUNCH] = on_punched,
		[IO_POPULATE] = on_populated,
	};
	struct file_request *q = container_of(op, struct file_request, op);

	if (advance(q, handlers[op->kind]))
		end(q);
}

int file_request_start(struct file *f, enum file_request_kind kind, struct iopfd_request *request,
		       struct granules_range range, uint32_t access)
{
	struct file_request *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		pthread_mutex_lock(&f->lock);
		if (kind == FILE_RELEASE)
			leave(f, range);
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
