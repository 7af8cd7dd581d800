/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much of a file there is: of shmem and hugetlb, in memory or in swap.
 */
#pragma once

#include <stdint.h>
#include <sys/stat.h>

/* fd: -1 = 0 bytes. */
static inline uint64_t blocks_bytes(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}
