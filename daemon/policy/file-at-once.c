/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fills that need not wait: of what is there, and of what the kernel has in its page cache,
 * which is copied here and now. To hand that to the engine takes longer than the copy: random
 * reads of 4K, 64 at a time, took 0.41 sleeps and 1.30 of the bare loop's CPU time each by
 * the engine, and take 0.05 and 1.0 by RWF_NOWAIT (B8 on the simulated device).
 *
 * An attempt that finds nothing is a system call in vain, and may start to read ahead, for
 * which a busy disk can make it wait: after some in a row, most fills are not tried.
 */
#include "policy/file.h"

#include <sys/uio.h>
#include <unistd.h>

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

uint32_t file_take_slot(struct file *f, struct granules_range range, bool *ret_warm)
{
	*ret_warm = false;
	return range.length == f->granule && f->slots.of && granules_end(range) <= f->size ?
		       slots_take(&f->slots, ret_warm) : SLOTS_NONE;
}

/* None of it is missing. */
static bool is_there(const struct file *f, struct granules_range range, uint32_t access)
{
	return !file_has_to_wait(f, range) && slots_piece(&f->slots, range).length == range.length &&
	       (f->direct || !file_writes_beyond_end(f, range, access));
}

/* All of it is missing, so that nobody else has to do with it: it may be read unlocked. */
static bool may_be_read(struct file *f, struct granules_range range)
{
	if (f->direct || range.length > AT_ONCE_BYTES || granules_end(range) > f->size)
		return false;
	if (!f->n_skip)
		return true;
	f->n_skip--;
	return false;
}

static bool read_cached(const struct file *f, void *buffer, uint64_t length, uint64_t offset)
{
	struct iovec to = { buffer, length };

	return preadv2(f->fd, &to, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)length;
}

/* To where there are no pages yet: to write makes them without a fault, and does not zero what
 * is written then. A small buffer stays in the CPU's cache. 4K take 2.6 us so, and 3.5 us if
 * they are read to the mapping; 64K take 30 us and 48 us. */
static bool read_by_buffer(struct file *f, struct granules_range range, uint64_t place)
{
	uint64_t n;

	for (uint64_t done = 0; done < range.length; done += n) {
		n = MIN(range.length - done, FILE_BUFFER_BYTES);
		if (!read_cached(f, f->buffer, n, range.offset + done) ||
		    pwrite(f->memory_fd, f->buffer, n, (off_t)(place + done)) != (ssize_t)n)
			return false;
	}
	return true;
}

static bool read_at_once(struct file *f, struct granules_range range, uint32_t slot, bool warm)
{
	uint64_t place = slot == SLOTS_NONE ? range.offset : slots_start(&f->slots, slot);

	if (warm ? read_cached(f, f->map + place, range.length, range.offset) : read_by_buffer(f, range, place)) {
		f->n_misses = 0;
		return true;
	}
	/* Errors are found again by the engine. */
	f->n_skip = f->n_misses;
	f->n_misses = MIN(2 * f->n_misses + 1, SKIP_MAX);
	return false;
}

/* Locked. flags: that it has not had. */
static void set_filled(struct file *f, struct granules_range range, unsigned flags, uint32_t access)
{
	granules_change(&f->granules, range, GRANULE_FILLED | flags, access & IOPFD_ACCESS_WRITE ? GRANULE_LEFT : 0);
}

static void finish(struct file *f, struct granules_range range, uint32_t access, uint32_t slot, bool read)
{
	pthread_mutex_lock(&f->lock);
	if (read) {
		set_filled(f, range, GRANULE_STAGED, access);
		f->bytes_read += range.length;
	}
	if (slot != SLOTS_NONE && read)
		slots_bind(&f->slots, slot, range.offset);
	else if (slot != SLOTS_NONE)
		slots_give(&f->slots, slot);
	pthread_mutex_unlock(&f->lock);
}

bool file_fill_at_once(struct file *f, struct granules_range range, uint32_t access)
{
	bool there = false, try, warm;
	uint32_t slot = SLOTS_NONE;
	uint64_t missing;

	if (f->direct && !f->populate)
		return true;
	pthread_mutex_lock(&f->lock);
	missing = granules_find(&f->granules, range, GRANULE_STAGED, 0).length;
	try = missing == range.length && may_be_read(f, range);
	if (try)
		slot = file_take_slot(f, range, &warm);
	else if (!missing && (there = is_there(f, range, access)))
		set_filled(f, range, 0, access);
	pthread_mutex_unlock(&f->lock);
	if (try) {
		there = read_at_once(f, range, slot, warm);
		finish(f, range, access, slot, there);
	}
	return there;
}
