/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which operation is the next one of a request, and what follows from its end. All of it is
 * locked.
 *
 * Invariants: a DIRTY, KEPT or FILLED granule is never punched, and what is in a slot is
 * STAGED. Without extend nothing is written beyond the end that the file has when the request
 * begins.
 */
#include "policy/file-request.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

/* place: in the memory; of a punch it is all there is to know. */
static bool step(struct file_request *q, enum io_kind kind, uint64_t place, uint64_t length)
{
	struct file *f = q->file;

	q->op = (struct io_op){
		.kind = kind,
		.fd = kind == IO_PUNCH ? f->memory_fd : f->fd,
		.offset = kind == IO_PUNCH ? place : q->run.offset,
		.length = length,
		.buffer = f->map + place,
	};
	return true;
}

/* The pages of a slot that keeps them beyond the limit. */
static bool next_surplus(struct file_request *q)
{
	struct slots *s = &q->file->slots;
	uint32_t slot = slots_surplus(s);

	q->run.length = 0;
	return slot != SLOTS_NONE && step(q, IO_PUNCH, slots_start(s, slot), q->file->granule);
}

/* Gives back what is staged and neither to be written nor the only copy, nor in use. Slots
 * keep their pages, up to a limit. */
static bool next_punch(struct file_request *q, struct granules_range range)
{
	const unsigned mask = GRANULE_STAGED | GRANULE_DIRTY | GRANULE_KEPT | GRANULE_FILLED;
	struct file *f = q->file;

	for (;;) {
		q->run = slots_piece(&f->slots, granules_find(&f->granules, range, mask, GRANULE_STAGED));
		if (!q->run.length)
			return next_surplus(q);
		if (slots_is_home(&f->slots, q->run.offset))
			return step(q, IO_PUNCH, q->run.offset, q->run.length);
		slots_leave(&f->slots, q->run.offset);
		granules_change(&f->granules, q->run, 0, GRANULE_STAGED);
	}
}

static void fail_to_read(struct file_request *q, int error)
{
	q->file->read_errors++;
	q->result = error;
}

/* What is to be mapped as one has to be in one piece. That happens seldom: before more than it
 * is filled, a granule was given back, unless it could not be written or may not be. */
static int bring_home(struct file *f, struct granules_range range)
{
	uint64_t at = range.offset, place;
	ssize_t n;

	if (slots_piece(&f->slots, range).length == range.length)
		return 0;
	for (; at < granules_end(range); at += f->granule) {
		place = slots_place(&f->slots, at);
		if (place == at)
			continue;
		n = pwrite(f->memory_fd, f->map + place, f->granule, (off_t)at);
		if (n != (ssize_t)f->granule)
			return n < 0 ? -errno : -ENOMEM;
		slots_leave(&f->slots, at);
	}
	return 0;
}

static bool next_read(struct file_request *q)
{
	struct file *f = q->file;
	bool warm;

	q->run = granules_find(&f->granules, q->range, GRANULE_STAGED, 0);
	if (!q->run.length)
		return next_surplus(q);
	if (f->direct)
		return step(q, IO_POPULATE, q->run.offset, q->run.length);
	q->slot = file_take_slot(f, q->range, &warm);
	if (q->slot != SLOTS_NONE)
		return step(q, IO_READ, slots_start(&f->slots, q->slot), q->run.length);
	if (!q->read.length)
		q->read.offset = q->run.offset;
	q->read.length = granules_end(q->run) - q->read.offset;
	return step(q, IO_READ, q->run.offset, q->run.length);
}

static void fail_to_write(struct file_request *q, int error)
{
	q->file->write_errors++;
	q->file->write_error = error;
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
	if (q->result == 0) {
		int r = bring_home(f, q->range);

		if (r < 0)
			fail_to_read(q, r);
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
	return step(q, IO_WRITE, slots_place(&f->slots, q->run.offset), length);
}

/* Of a release or a flush: writes first, then gives memory back. */
static bool next_of_release(struct file_request *q)
{
	struct file *f = q->file;

	if (q->result < 0)
		return false;
	q->run = slots_piece(&f->slots, granules_find(&f->granules, q->range, GRANULE_DIRTY, GRANULE_DIRTY));
	if (q->run.length)
		return next_write(q);
	if (q->kind == FILE_FLUSH)
		return false;
	return next_punch(q, q->range);
}

void file_leave(struct file *f, struct granules_range range)
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
		file_leave(f, q->range);
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
	return step(q, IO_SYNC, 0, 0);
}

bool file_next_step(struct file_request *q, struct file_request_list *unparked)
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
		file_leave(q->file, q->range);
	return false;
}

static void on_punched(struct file_request *q)
{
	/* Surplus that is kept is nobody's concern, and a fill has its own error. */
	if (q->op.error && q->run.length && q->kind != FILE_FILL)
		q->result = q->op.error;
	/* After a read that failed they are not what the file has, punched or not. */
	if (!q->op.error || q->kind == FILE_FILL)
		granules_change(&q->file->granules, q->run, 0, GRANULE_STAGED);
}

static void on_read(struct file_request *q)
{
	const struct io_op *op = &q->op;
	struct file *f = q->file;
	bool in_slot = q->slot != SLOTS_NONE;

	f->bytes_read += op->n_done;
	if (!op->error && op->n_done < op->length) {
		/* What lies beyond the end was a hole of the memfd and reads as zeroes. */
		f->size = op->offset + op->n_done;
		q->size_known = true;
	}
	if (in_slot && op->n_done < op->length) {
		/* It had other bytes there: unless it failed, it is read again, to its home. */
		slots_give(&f->slots, q->slot);
	} else {
		/* In part, if it failed: then it is punched next. */
		granules_change(&f->granules, q->run, GRANULE_STAGED, 0);
		if (in_slot)
			slots_bind(&f->slots, q->slot, q->run.offset);
	}
	/* The buffer is ours: EFAULT is a lack of memory for it. */
	if (op->error)
		fail_to_read(q, op->error == -EFAULT ? -ENOMEM : op->error);
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

void file_step_done(struct file_request *q)
{
	static void (*const handlers[])(struct file_request *q) = {
		[IO_READ] = on_read,
		[IO_WRITE] = on_written,
		[IO_SYNC] = on_synced,
		[IO_PUNCH] = on_punched,
		[IO_POPULATE] = on_populated,
	};

	handlers[q->op.kind](q);
}
