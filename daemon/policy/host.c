/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif
#define HUGE_SHIFT 26 /* where memfd_create() wants the logarithm of the page size */
#define NODES_MAX 1024

static void host_complete(struct iopfd_request *request, int result, const struct iopfd_memory *memory)
{
	struct policy_request *rq = (struct policy_request *)(void *)request;
	int expected = REQUEST_UNDER_WAY;

	if (atomic_load_explicit(&rq->state, memory_order_relaxed) == REQUEST_UNDER_WAY) {
		rq->result = result;
		rq->memory = (struct iopfd_memory){ .fd = -1 };
		if (memory)
			memcpy(&rq->memory, memory, rq->memory_size);
	}
	if (atomic_compare_exchange_strong(&rq->state, &expected, REQUEST_COMPLETED))
		rq->done(rq);
	else
		log_error("a policy completed a call that was not pending; ignored");
}

/* EINVAL: it does not exist, or has no memory, or is not for us (cpuset). */
static void tell_node(int32_t node, int error)
{
	const char *advice = error == EPERM ? " (in the unit's sandbox use NUMAPolicy= instead)" : "";
	char nodes[128] = "";
	FILE *f;

	if (error == ENOSYS) {
		log_warning("numa-node = %d has no effect: this kernel knows no NUMA nodes", node);
		return;
	}
	if (error != EINVAL) {
		log_warning_errno(-error, "numa-node = %d has no effect%s", node, advice);
		return;
	}
	f = fopen("/sys/devices/system/node/has_memory", "re");
	if (f && fgets(nodes, sizeof(nodes), f))
		nodes[strcspn(nodes, "\n")] = 0;
	if (f)
		fclose(f);
	log_warning("numa-node = %d has no effect: there is no such node with memory (those with memory: %s)", node,
		    *nodes ? nodes : "unknown");
}

/* The pages of a shmem file follow the policy of a mapping they were first seen through. */
static void prefer_node(int fd, uint64_t length, int32_t node)
{
	unsigned long mask[NODES_MAX / (8 * sizeof(long))] = { 0 };
	void *at;
	long r;

	if (node < 0 || node >= NODES_MAX)
		return;
	at = mmap(NULL, length, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (at == MAP_FAILED)
		return;
	mask[(size_t)node / (8 * sizeof(long))] |= 1ul << ((size_t)node % (8 * sizeof(long)));
	r = syscall(SYS_mbind, at, length, MPOL_PREFERRED, mask, NODES_MAX, 0);
	if (r < 0)
		tell_node(node, errno);
	munmap(at, length);
}

static int host_make_memory(const char *name, uint64_t length, uint64_t page_size, int32_t numa_node)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	_cleanup_close_ int fd = -1;

	if (page_size)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(page_size) << HUGE_SHIFT;
	fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)length) < 0)
		return -errno;
	/* A process that shares the memory must not be able to take pages from under a map. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	prefer_node(fd, length, numa_node);
	return TAKE_FD(fd);
}

static void host_log(int level, const char *message)
{
	log_with(level, 0, NULL, "%s", message);
}

const struct iopfd_host policy_host = {
	.size = sizeof(policy_host),
	.complete = host_complete,
	.make_memory = host_make_memory,
	.log = host_log,
};
