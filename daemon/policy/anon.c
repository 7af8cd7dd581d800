/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "anon": zero-filled memory from one sparse memfd for the region; the offset in
 * the file is the offset in the region. The kernel allocates and zeroes a page when it is
 * mapped. Nothing here ever calls fallocate(): pages made by it are not zeroed until
 * somebody reads them, and a device write before that read is lost (seen on Linux 7.2,
 * tests/rig/README.md, "map").
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iopfd/policy.h>

#include "base/cleanup.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif

struct anon {
	int fd;
};

static int anon_create(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

static int anon_open(const struct iopfd_region *region, void **ret_instance)
{
	_cleanup_free_ struct anon *a = malloc(sizeof(*a));
	_cleanup_close_ int fd = anon_create(region->name);

	if (!a)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)region->length) < 0)
		return -errno;
	/* A process that shares the memory must not be able to take pages from under a map. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	a->fd = TAKE_FD(fd);
	*ret_instance = TAKE_PTR(a);
	return 0;
}

static int anon_fill(void *instance, uint64_t offset, uint64_t length, uint32_t access, struct iopfd_memory *ret_memory)
{
	struct anon *a = instance;

	(void)length;
	(void)access;
	*ret_memory = (struct iopfd_memory){ .fd = a->fd, .offset = offset };
	return 0;
}

static int anon_memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct anon *a = instance;

	*ret_memory = (struct iopfd_memory){ .fd = a->fd };
	return 0;
}

static void anon_close(void *instance)
{
	struct anon *a = instance;

	close(a->fd);
	free(a);
}

extern const struct iopfd_policy policy_anon;
const struct iopfd_policy policy_anon = {
	.size = sizeof(policy_anon),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "anon",
	.open = anon_open,
	.fill = anon_fill,
	.memory = anon_memory,
	.close = anon_close,
};
