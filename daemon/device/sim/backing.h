/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files behind areas, as memory of this process. A file is mapped once and whole: a
 * mapping for each area would soon reach the limit of 65530. It stays mapped while areas
 * use it. Any thread.
 *
 * A file must not shrink below an area: the kernel's pages are pinned, these are not.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct backings {
	pthread_mutex_t lock; /* of the list and of n_areas; not held while memory is allocated */
	LIST_HEAD(, backing) list;
};

struct backing {
	LIST_ENTRY(backing) link;
	struct backings *owner;
	dev_t dev;
	ino_t ino;
	char *base;
	uint64_t size;
	bool writable;
	unsigned n_areas;
};

void backings_init(struct backings *b);
void backings_deinit(struct backings *b); /* no area is left */

/* Where [offset, offset + length) of the file is. The range is allocated, as MAP does:
 * -ENOMEM if that fails. -EINVAL: beyond the end, or neither shmem nor hugetlb. -EFAULT:
 * for writing, but the fd or a seal forbids it. Give *ret back with backing_unref(). */
int backing_get(struct backings *owner, int fd, uint64_t offset, uint64_t length, uint32_t access,
		struct backing **ret);
void backing_unref(struct backing *b);
