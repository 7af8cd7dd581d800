/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What will probably be wanted: of a staged file the kernel reads it into its page cache, from
 * where a fill copies it without waiting; of one that is mapped itself the pages are made.
 * One at a time for each region: what comes while one is under way is only a hint.
 */
#include "policy/file.h"

#include "base/util.h"

/* Any thread. */
static void on_ahead(struct io_op *op)
{
	struct file *f = container_of(op, struct file, ahead);

	pthread_mutex_lock(&f->lock);
	if (op->kind == IO_POPULATE && !op->error)
		granules_change(&f->granules, (struct granules_range){ op->offset, op->length }, GRANULE_STAGED, 0);
	f->ahead_busy = false;
	pthread_cond_signal(&f->ahead_ended);
	pthread_mutex_unlock(&f->lock);
}

/* Locked. The part that is not there and that the file has; length 0: none. */
static struct granules_range worth_it(const struct file *f, struct granules_range range)
{
	uint64_t end = MIN(granules_end(range), align_down(f->size, f->granule));

	range.length = range.offset < end ? end - range.offset : 0;
	return range.length ? granules_find(&f->granules, range, GRANULE_STAGED, 0) : range;
}

void file_prefetch(struct file *f, struct granules_range range)
{
	pthread_mutex_lock(&f->lock);
	range = worth_it(f, range);
	if (f->ahead_busy || !range.length || (f->direct && !f->populate)) {
		pthread_mutex_unlock(&f->lock);
		return;
	}
	f->ahead_busy = true;
	pthread_mutex_unlock(&f->lock);
	f->ahead = (struct io_op){
		.kind = f->direct ? IO_POPULATE : IO_AHEAD,
		.fd = f->fd,
		.offset = range.offset,
		.length = range.length,
		.buffer = f->map + range.offset,
		.done = on_ahead,
	};
	/* It will be there to be found. */
	f->n_skip = f->n_misses = 0;
	io_submit(f->io, &f->ahead);
	io_kick(f->io);
}

void file_end_prefetch(struct file *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->ahead_busy)
		pthread_cond_wait(&f->ahead_ended, &f->lock);
	pthread_mutex_unlock(&f->lock);
}
