/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "fd": memory that somebody else made and handed over as an fd, such as a guest's.
 * Its owner goes on using it, so nothing is believed: the kernel maps a file for a device
 * whatever its seals and its open mode say (seen on Linux 7.2), and a file that shrinks
 * would leave the device with pages that nobody else sees. Both are checked here, once. A
 * writable mapping of ours keeps a write seal from being added later.
 *
 * Pages that the owner made with fallocate() are not zeroed until somebody reads them; a
 * device's write before that read would be lost. So each granule is read before its first
 * map, which may swap in or zero, and is done by a helper thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <iopfd/policy.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "policy/helper.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

struct fd {
	const struct iopfd_host *host;
	struct helper *helper;
	int number; /* the caller's; -1 = not given */
	int fd;     /* our duplicate */
	uint64_t offset;
	uint64_t length;
	uint64_t granule;
	bool is_huge;
	char *base;         /* the region's part of the file */
	uint8_t *populated; /* one for each granule */
};

/* Where a refusal is explained. */
struct why {
	char *text;
	size_t size;
};

static int refuse(const struct why *why, int error, const char *format, ...) PRINTF_LIKE(3, 4);

static int refuse(const struct why *why, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why->text, why->size, format, ap);
	va_end(ap);
	return error;
}

static int fd_create(const struct iopfd_host *host, void **ret_instance)
{
	struct fd *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct fd){ .host = host, .number = -1, .fd = -1, .base = MAP_FAILED };
	*ret_instance = f;
	return 0;
}

static void fd_close(void *instance)
{
	struct fd *f = instance;

	helper_free(f->helper);
	if (f->base != MAP_FAILED)
		munmap(f->base, f->length);
	close_fd(&f->fd);
	free(f->populated);
	free(f);
}

/* Both keys come from a program, not from a person: decimal, without units. */
static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *ret > max ? -EINVAL : 0;
}

static int fd_config(void *instance, const char *key, const char *value, char *text, size_t size)
{
	const struct why why = { text, size };
	struct fd *f = instance;
	uint64_t v;

	if (!strcmp(key, "fd")) {
		if (parse_number(value, INT32_MAX, &v) < 0)
			return refuse(&why, -EINVAL, "expected the number of an open file");
		f->number = (int)v;
		return 0;
	}
	if (!strcmp(key, "offset")) {
		if (parse_number(value, INT64_MAX, &v) < 0)
			return refuse(&why, -EINVAL, "expected a number of bytes");
		f->offset = v;
		return 0;
	}
	return -ENOENT;
}

/* The file has the bytes, and pages that the granule is made of. */
static int check_file(struct fd *f, const struct iopfd_region *region, const struct why *why)
{
	struct statfs fs;
	struct stat st;

	if (fstat(f->fd, &st) < 0 || fstatfs(f->fd, &fs) < 0)
		return refuse(why, -errno, "cannot be looked at: %s", strerror(errno));
	if (!S_ISREG(st.st_mode) || (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC))
		return refuse(why, -EINVAL, "is no memory: hand over a memfd");
	if (f->offset > (uint64_t)st.st_size || region->length > (uint64_t)st.st_size - f->offset)
		return refuse(why, -EINVAL, "has %" PRIu64 " bytes, the region needs %" PRIu64 " from offset %" PRIu64,
			      (uint64_t)st.st_size, region->length, f->offset);
	if (f->offset % region->granule)
		return refuse(why, -EINVAL, "offset %" PRIu64 " is not a multiple of the granule, %" PRIu64 " bytes; choose a smaller granule",
			      f->offset, region->granule);
	if (fs.f_type == HUGETLBFS_MAGIC && (uint64_t)fs.f_bsize > region->granule)
		return refuse(why, -EINVAL, "has pages of %" PRIu64 " bytes; the granule must be at least as large", (uint64_t)fs.f_bsize);
	f->is_huge = fs.f_type == HUGETLBFS_MAGIC;
	return 0;
}

static int check_rights(const struct fd *f, const struct iopfd_region *region, const struct why *why)
{
	bool writes = region->access & IOPFD_ACCESS_WRITE;
	int mode = fcntl(f->fd, F_GETFL);
	int seals;

	if (mode < 0 || mode & O_PATH || (mode & O_ACCMODE) == O_WRONLY || (writes && (mode & O_ACCMODE) != O_RDWR))
		return refuse(why, -EACCES, "is not open for %s: open it so, or restrict the region's access",
			      writes ? "reading and writing" : "reading");
	seals = fcntl(f->fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return refuse(why, -EPERM, "could be made shorter while a device uses it: add the seal F_SEAL_SHRINK (memfd_create with MFD_ALLOW_SEALING)");
	if (writes && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return refuse(why, -EPERM, "is sealed against writing: the region must have access = r");
	return 0;
}

/* Virtual, until something is read. Writable, where the device may write, so that
 * F_SEAL_WRITE is refused to the owner (EBUSY) as long as the region exists. */
static int map(struct fd *f, const struct iopfd_region *region, const struct why *why)
{
	int rights = PROT_READ | (region->access & IOPFD_ACCESS_WRITE ? PROT_WRITE : 0);

	f->length = region->length;
	f->base = mmap(NULL, f->length, rights, MAP_SHARED | MAP_NORESERVE, f->fd, (off_t)f->offset);
	return f->base == MAP_FAILED ? refuse(why, -errno, "cannot be mapped: %s", strerror(errno)) : 0;
}

static void answer(const struct fd *f, uint64_t offset, struct iopfd_memory *ret)
{
	*ret = (struct iopfd_memory){
		.fd = f->fd,
		.offset = f->offset + offset,
		.flags = f->is_huge ? IOPFD_MEMORY_POPULATED : 0, /* and never swapped out */
	};
}

/* On the helper. What was read is taken out of our own page tables at once: memory of
 * others must not count as ours when the kernel looks for somebody to kill. */
static int populate(void *instance, uint64_t offset, uint64_t length, struct iopfd_memory *ret)
{
	struct fd *f = instance;

	while (madvise(f->base + offset, length, MADV_POPULATE_READ) < 0) {
		if (errno == EFAULT) /* it would have been a SIGBUS: no page can be had */
			return -ENOMEM;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	madvise(f->base + offset, length, MADV_DONTNEED);
	memset(f->populated + offset / f->granule, true, length / f->granule);
	answer(f, offset, ret);
	return 0;
}

static int fd_open(void *instance, const struct iopfd_region *region, char *text, size_t size)
{
	const struct why why = { text, size };
	struct fd *f = instance;
	int r;

	if (f->number < 0)
		return refuse(&why, -EINVAL, "no memory was handed over: a configuration file cannot name any");
	f->fd = fcntl(f->number, F_DUPFD_CLOEXEC, 3);
	if (f->fd < 0)
		return refuse(&why, -errno, "fd %d: %s", f->number, strerror(errno));
	r = check_file(f, region, &why);
	if (r >= 0)
		r = check_rights(f, region, &why);
	if (r >= 0)
		r = map(f, region, &why);
	/* Once more: a seal may have come between the look and the mapping. */
	if (r >= 0)
		r = check_rights(f, region, &why);
	if (r < 0)
		return r;
	f->granule = region->granule;
	f->populated = calloc(region->length / region->granule, 1);
	if (!f->populated)
		return refuse(&why, -ENOMEM, "out of memory");
	r = helper_new("iopfd-fd", f->host, populate, f, &f->helper);
	return r < 0 ? refuse(&why, r, "no thread can be made for it: %s", strerror(-r)) : 0;
}

static int fd_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		   struct iopfd_memory *ret_memory)
{
	struct fd *f = instance;

	(void)access;
	if (memchr(f->populated + offset / f->granule, 0, length / f->granule))
		return helper_submit(f->helper, request, offset, length);
	answer(f, offset, ret_memory);
	return 0;
}

static void fd_submit(void *instance)
{
	struct fd *f = instance;

	helper_begin(f->helper);
}

static int fd_memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct fd *f = instance;

	*ret_memory = (struct iopfd_memory){ .fd = f->fd, .offset = f->offset };
	return 0;
}

/* No backed_bytes: the memory is somebody else's. */
extern const struct iopfd_policy policy_fd;
const struct iopfd_policy policy_fd = {
	.size = sizeof(policy_fd),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.flags = IOPFD_POLICY_SUBMITS,
	.name = "fd",
	.create = fd_create,
	.config = fd_config,
	.open = fd_open,
	.fill = fd_fill,
	.memory = fd_memory,
	.close = fd_close,
	.submit = fd_submit,
};
