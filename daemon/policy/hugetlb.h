/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages of hugetlb files: taken from the kernel's pool, given back, moved elsewhere. Offsets
 * and lengths are multiples of the page size. All of it takes long: not for the shard.
 */
#pragma once

#include <stdint.h>

/* What is there already is skipped. -ENOSPC: the pool, or the cgroup's share, is used up; then
 * a part may be there. */
int hugetlb_allocate(int fd, uint64_t offset, uint64_t length);

void hugetlb_give_back(int fd, uint64_t offset, uint64_t length);

/* From here on this thread's pages come from the node, as far as it has any: a hugetlb file has
 * no memory policy of its own. A node that does not exist is nothing new: make_memory() has told. */
int hugetlb_prefer_node(int32_t node);

/* Copies the range to the same place in another file, and gives its pages back. */
int hugetlb_move(int fd, int to, uint64_t offset, uint64_t length);
