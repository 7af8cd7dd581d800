/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fills that need not wait: of what is there, and of what the kernel has in its page cache,
 * which is copied here and now. To hand that to the engine takes longer than the copy: random
 * reads of 4K, 64 at a time, took 0.41 sleeps and 1.30 of the bare loop's CPU time each by
 * the engine, and take 0.05 and 1.15 by RWF_NOWAIT (B8 on the simulated device).
 *
 * An attempt that finds nothing is a system call in vain, and may start to read ahead, for
 * which a busy disk can make it wait: after some in a row, most fills are not tried.
 */
#include "policy/file.h"

#include <sys/uio.h>

#include "base/util.h"

/* More would keep others waiting: 256K are copied in 35 us. */
#define AT_ONCE_BYTES (256ull << 10)
#define SKIP_MAX 64u

bool file_writes_beyond_end(const struct file *f, struct granules_range range, uint32_t access)
{
	return access & IOPFD_ACCESS_WRITE && f->extend != FILE_EXTEND_YES &&
	       granules_end(range) - f->granule >= f->size;
}

bool file_has_to_wait(const struct file *f, struct granules_range range)
{
	/* There is one retry at a time, so that a sync (length 0) waits for any. */
	if (!f->retry.length || !range.length)
		return f->retry.length;
	return range.offset < granules_end(f->retry) && f->retry.offset < granules_end(range);
}

/* Writable again, it is the core's to have it written. Only read, it still is a flush's. */
void file_take_back(struct file *f, struct granules_range range, uint32_t access)
{
	granules_change(&f->granules, range, 0, access & IOPFD_ACCESS_WRITE ? GRANULE_LEFT : 0);
}

static bool is_there(const struct file *f, struct granules_range range, uint32_t access)
{
	return !file_has_to_wait(f, range) && !granules_find(&f->granules, range, GRANULE_STAGED, 0).length &&
	       slots_piece(&f->slots, range).length == range.length &&
	       (f->direct || !file_writes_beyond_end(f, range, access));
}

/* Nothing of it is staged, so that nobody else has to do with it: it may be read unlocked. */
static bool may_be_read(const struct file *f, struct granules_range range)
{
	return !f->direct && range.length <= AT_ONCE_BYTES && granules_end(range) <= f->size &&
	       granules_find(&f->granules, range, GRANULE_STAGED, 0).length == range.length;
}

static bool read_at_once(struct file *f, struct granules_range range, uint64_t place)
{
	struct iovec to = { f->map + place, range.length };
	ssize_t n;

	if (f->n_skip) {
		f->n_skip--;
		return false;
	}
	n = preadv2(f->fd, &to, 1, (off_t)range.offset, RWF_NOWAIT);
	if (n == (ssize_t)range.length) {
		f->n_misses = 0;
		return true;
	}
	/* Errors are found again by the engine. */
	f->n_skip = f->n_misses;
	f->n_misses = MIN(2 * f->n_misses + 1, SKIP_MAX);
	return false;
}

/* Locked. */
static void set_filled(struct file *f, struct granules_range range, uint32_t access)
{
	file_take_back(f, range, access);
	granules_change(&f->granules, range, GRANULE_FILLED, 0);
}

uint32_t file_take_slot(struct file *f, struct granules_range range)
{
	return range.length == f->granule && f->slots.of && granules_end(range) <= f->size ? slots_take(&f->slots) :
											     SLOTS_NONE;
}

/* Locked. */
static void set_read(struct file *f, struct granules_range range, uint32_t slot)
{
	granules_change(&f->granules, range, GRANULE_STAGED, 0);
	f->bytes_read += range.length;
	if (slot != SLOTS_NONE)
		slots_bind(&f->slots, slot, range.offset);
}

bool file_fill_at_once(struct file *f, struct granules_range range, uint32_t access)
{
	uint32_t slot = SLOTS_NONE;
	bool there, try;

	if (f->direct && !f->populate)
		return true;
	pthread_mutex_lock(&f->lock);
	there = is_there(f, range, access);
	try = !there && may_be_read(f, range);
	if (there)
		set_filled(f, range, access);
	else if (try)
		slot = file_take_slot(f, range);
	pthread_mutex_unlock(&f->lock);
	if (!try)
		return there;

	there = read_at_once(f, range, slot == SLOTS_NONE ? range.offset : slots_start(&f->slots, slot));
	pthread_mutex_lock(&f->lock);
	if (there) {
		set_read(f, range, slot);
		set_filled(f, range, access);
	} else if (slot != SLOTS_NONE) {
		slots_give(&f->slots, slot);
	}
	pthread_mutex_unlock(&f->lock);
	return there;
}
