/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files behind areas, as memory of this process. A file is mapped once and whole: a
 * mapping for each area would soon reach the limit of 65530. It stays mapped while areas
 * use it. Not locked.
 *
 * A file must not shrink below an area: the kernel's pages are pinned, these are not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct backing {
	LIST_ENTRY(backing) link;
	dev_t dev;
	ino_t ino;
	char *base;
	uint64_t size;
	bool writable;
	unsigned n_areas;
};

LIST_HEAD(backings, backing);

/* Where [offset, offset + length) of the file is. The range is allocated, as MAP does:
 * -ENOMEM if that fails. -EINVAL: beyond the end, or neither shmem nor hugetlb. -EFAULT:
 * for writing, but the fd or a seal forbids it. Give *ret back with backing_unref(). */
int backing_get(struct backings *list, int fd, uint64_t offset, uint64_t length, uint32_t access,
		struct backing **ret);
void backing_unref(struct backing *b);
