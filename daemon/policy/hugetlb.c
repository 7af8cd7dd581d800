/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * By fallocate(): for hugetlb that zeroes at once (for shmem it does not, see anon.c), says
 * that the pool is empty instead of raising SIGBUS, and needs no mapping.
 */
#include "policy/hugetlb.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define NODES_MAX 1024

int hugetlb_allocate(int fd, uint64_t offset, uint64_t length)
{
	while (fallocate(fd, 0, (off_t)offset, (off_t)length) < 0) {
		if (errno == ENOMEM)
			return -ENOSPC;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

void hugetlb_give_back(int fd, uint64_t offset, uint64_t length)
{
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
}

int hugetlb_prefer_node(int32_t node)
{
	const size_t bits = 8 * sizeof(long);
	unsigned long mask[NODES_MAX / (8 * sizeof(long))] = { 0 };

	if (node < 0 || node >= NODES_MAX)
		return 0;
	mask[(size_t)node / bits] = 1ul << ((size_t)node % bits);
	return syscall(SYS_set_mempolicy, MPOL_PREFERRED, mask, NODES_MAX) < 0 && errno != EINVAL ? -errno : 0;
}

int hugetlb_move(int fd, int to, uint64_t offset, uint64_t length)
{
	char *from = mmap(NULL, length, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
	uint64_t done = 0;
	int r = 0;

	if (from == MAP_FAILED)
		return -errno;
	while (!r && done < length) {
		ssize_t n = pwrite(to, from + done, length - done, (off_t)(offset + done));

		if (n > 0)
			done += (uint64_t)n;
		else if (n == 0 || errno != EINTR)
			r = n ? -errno : -EIO;
	}
	munmap(from, length);
	if (!r)
		hugetlb_give_back(fd, offset, length);
	return r;
}
