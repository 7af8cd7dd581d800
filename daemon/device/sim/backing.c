/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that grew is mapped again, with room for more: areas keep the mapping that they
 * were made with, and its pages are the same ones.
 */
#include "device/sim/backing.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "device/device.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static int map_file(int fd, const struct stat *st, bool grew, struct backing **ret)
{
	uint64_t size = (uint64_t)st->st_size;
	bool writable = true;
	struct backing *b;
	struct statfs fs;
	void *base;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC)
		return -EINVAL;
	/* Not for hugetlb, where a mapping that reaches beyond the end makes the file longer. */
	if (grew && fs.f_type == TMPFS_MAGIC)
		size *= 2;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED && (errno == EACCES || errno == EPERM)) {
		writable = false;
		base = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	}
	if (base == MAP_FAILED)
		return errno == ENOMEM ? -ENOMEM : -EFAULT;
	b = malloc(sizeof(*b));
	if (!b) {
		munmap(base, size);
		return -ENOMEM;
	}
	*b = (struct backing){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.base = base,
		.size = size,
		.writable = writable,
	};
	*ret = b;
	return 0;
}

/* Locked. */
static int find(struct backings *owner, int fd, uint64_t end, uint32_t access, struct backing **ret)
{
	bool known = false;
	struct backing *b;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || end > (uint64_t)st.st_size)
		return -EINVAL;
	LIST_FOREACH(b, &owner->list, link) {
		if (b->dev != st.st_dev || b->ino != st.st_ino)
			continue;
		known = true;
		if (end <= b->size && (b->writable || !(access & ACCESS_WRITE))) {
			*ret = b;
			return 0;
		}
	}
	r = map_file(fd, &st, known, &b);
	if (r < 0)
		return r;
	b->owner = owner;
	LIST_INSERT_HEAD(&owner->list, b, link);
	*ret = b;
	return 0;
}

static int populate(struct backing *b, uint64_t offset, uint64_t length)
{
	int advice = b->writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	while (madvise(b->base + offset, length, advice) < 0) {
		if (errno == EINVAL)
			return 0; /* a kernel before 5.14: pages come when they are touched */
		if (errno != EINTR && errno != EAGAIN)
			return -ENOMEM;
	}
	return 0;
}

int backing_get(struct backings *owner, int fd, uint64_t offset, uint64_t length, uint32_t access,
		struct backing **ret)
{
	struct backing *b = NULL;
	int r;

	if (offset + length < offset)
		return -EOVERFLOW;
	pthread_mutex_lock(&owner->lock);
	r = find(owner, fd, offset + length, access, &b);
	if (r >= 0)
		b->n_areas++;
	pthread_mutex_unlock(&owner->lock);
	if (r < 0)
		return r;
	r = b->writable || !(access & ACCESS_WRITE) ? populate(b, offset, length) : -EFAULT;
	if (r < 0) {
		backing_unref(b);
		return r;
	}
	*ret = b;
	return 0;
}

void backing_unref(struct backing *b)
{
	struct backings *owner = b->owner;
	bool last;

	pthread_mutex_lock(&owner->lock);
	last = !--b->n_areas;
	if (last)
		LIST_REMOVE(b, link);
	pthread_mutex_unlock(&owner->lock);
	if (!last)
		return;
	munmap(b->base, b->size);
	free(b);
}

void backings_init(struct backings *b)
{
	pthread_mutex_init(&b->lock, NULL);
	LIST_INIT(&b->list);
}

void backings_deinit(struct backings *b)
{
	pthread_mutex_destroy(&b->lock);
}
