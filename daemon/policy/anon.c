/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "anon": zero-filled memory from one sparse memfd for the region; the offset in
 * the file is the offset in the region. The kernel allocates and zeroes a page when it is
 * mapped. Nothing here ever calls fallocate() to allocate: pages made by it are not zeroed
 * until somebody reads them, and a device write before that read is lost (seen on Linux 7.2,
 * tests/rig/README.md, "map").
 *
 * Nor does anything here make pages ahead of the map, which would save the device the time of
 * zeroing: a page of shmem is found in the file before it is zeroed, and MAP_FILE takes what it
 * finds without waiting. A map beside a MADV_POPULATE_WRITE of the same page lost what the device
 * wrote, once in some ten thousand pages (seen on Linux 7.2, two CPUs).
 *
 * An evicted granule stays in the memfd, where it can be swapped out. With discard = yes it
 * is thrown away: scratch memory, whose contents are lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iopfd/policy.h>

#include "base/cleanup.h"
#include "policy/blocks.h"

struct anon {
	const struct iopfd_host *host;
	int fd;
	bool discard;
};

static int anon_create(const struct iopfd_host *host, void **ret_instance)
{
	struct anon *a = malloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	*a = (struct anon){ .host = host, .fd = -1 };
	*ret_instance = a;
	return 0;
}

static int anon_config(void *instance, const char *key, const char *value, char *why, size_t why_size)
{
	struct anon *a = instance;

	if (strcmp(key, "discard"))
		return -ENOENT;
	a->discard = !strcmp(value, "yes");
	if (a->discard || !strcmp(value, "no"))
		return 0;
	snprintf(why, why_size, "expected yes or no");
	return -EINVAL;
}

static int anon_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	struct anon *a = instance;

	a->fd = a->host->make_memory(region->name, region->length, 0, region->numa_node);
	if (a->fd < 0)
		snprintf(why, why_size, "no memory file of %llu bytes: %s", (unsigned long long)region->length,
			 strerror(-a->fd));
	return a->fd < 0 ? a->fd : 0;
}

static int anon_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		     struct iopfd_memory *ret_memory)
{
	struct anon *a = instance;

	(void)request;
	(void)length;
	(void)access;
	*ret_memory = (struct iopfd_memory){ .fd = a->fd, .offset = offset };
	return 0;
}

static int anon_release(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty)
{
	struct anon *a = instance;

	(void)request;
	(void)dirty;
	if (!a->discard)
		return 0;
	return fallocate(a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length) < 0 ? -errno : 0;
}

static int anon_memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct anon *a = instance;

	/* With discard a process would look at other pages than the device. */
	if (a->discard)
		return -EOPNOTSUPP;
	*ret_memory = (struct iopfd_memory){ .fd = a->fd };
	return 0;
}

static uint64_t anon_backed_bytes(void *instance)
{
	struct anon *a = instance;

	return blocks_bytes(a->fd);
}

static void anon_close(void *instance)
{
	struct anon *a = instance;

	close_fd(&a->fd);
	free(a);
}

extern const struct iopfd_policy policy_anon;
const struct iopfd_policy policy_anon = {
	.size = sizeof(policy_anon),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "anon",
	.flags = IOPFD_POLICY_ONE_FILE,
	.create = anon_create,
	.config = anon_config,
	.open = anon_open,
	.fill = anon_fill,
	.release = anon_release,
	.memory = anon_memory,
	.backed_bytes = anon_backed_bytes,
	.close = anon_close,
};
