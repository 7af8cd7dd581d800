/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of every kind: on a disk, staged by io_uring and by threads; the same, but never
 * written; on a tmpfs and on hugetlbfs, where they are mapped themselves (memfds, which
 * are of these kinds, by their names in /proc).
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy-fixture.h"
#include "t.h"

#define GRANULE (16ull << 10)
#define N 32
#define HUGE (2ull << 20)
#define N_HUGE 6
#define MFD_2M (21u << 26)

static char path[PATH_MAX];
static bool on_disk; /* the path is to be removed */
static int file = -1;

/* As a filter of system calls would do it. */
static bool no_uring;
struct io_uring;
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
__attribute__((weak)) int __real_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	return no_uring ? -EPERM : __real_io_uring_queue_init(entries, ring, flags);
}

/* Half of what is asked for is in the page cache. */
static unsigned n_attempts;
ssize_t __wrap_preadv2(int fd, const struct iovec *to, int n, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *to, int n, off_t offset, int flags)
{
	T_EQ(flags, RWF_NOWAIT);
	if (n_attempts++ % 2)
		return preadv(fd, to, n, offset);
	errno = EAGAIN;
	return -1;
}

void fixture_fill(uint64_t offset, uint8_t *bytes, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += 8) {
		uint64_t word = (offset + i + 1) * 0x9e3779b97f4a7c15u;

		memcpy(bytes + i, &word, 8);
	}
}

/* Through a mapping: files of huge pages know no write(). */
static void fill_file(int fd, uint64_t size)
{
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	T_ASSERT(map != MAP_FAILED);
	fixture_fill(0, map, size);
	munmap(map, size);
}

int fixture_memfd(uint64_t size, unsigned flags)
{
	int fd = memfd_create("fixture", MFD_CLOEXEC | flags);

	T_ASSERT(fd >= 0);
	T_EQ(ftruncate(fd, (off_t)size), 0);
	fill_file(fd, size);
	return fd;
}

static bool make_in(const char *folder, uint64_t size)
{
	struct statfs fs;

	T_EQ(statfs(folder, &fs), 0);
	if (fs.f_type == TMPFS_MAGIC)
		return false;
	snprintf(path, sizeof(path), "%s/iopfd-XXXXXX", folder);
	file = mkostemp(path, O_CLOEXEC);
	if (file < 0)
		return false;
	on_disk = true;
	T_EQ(ftruncate(file, (off_t)size), 0);
	fill_file(file, size);
	return true;
}

/* $TMPDIR may be a tmpfs, and then the folder of this program is not, maybe. */
static bool make_on_disk(char *why, size_t why_size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	T_ASSERT(n > 0);
	self[n] = 0;
	if (make_in(t_tmpdir(), N * GRANULE) || make_in(dirname(self), N * GRANULE))
		return true;
	snprintf(why, why_size, "no folder that is on a disk");
	return false;
}

static void use_memfd(uint64_t size, unsigned flags)
{
	file = fixture_memfd(size, flags);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
}

static void give_path(struct policy_case *ret)
{
	*ret = (struct policy_case){ &policy_file, { { "path", path } }, 1 };
}

static bool set_up_staged(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	if (!make_on_disk(why, why_size))
		return false;
	T_EQ(fchmod(file, access & IOPFD_ACCESS_WRITE ? 0600 : 0400), 0);
	give_path(ret);
	return true;
}

static bool set_up_uring(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	no_uring = false;
	return set_up_staged(access, ret, why, why_size);
}

static bool set_up_threads(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	no_uring = true;
	return set_up_staged(access, ret, why, why_size);
}

/* Staged on a tmpfs too, as the file must not change. */
static bool set_up_never(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	(void)access;
	(void)why;
	(void)why_size;
	no_uring = false;
	use_memfd(N * GRANULE, 0);
	T_EQ(fchmod(file, 0400), 0);
	give_path(ret);
	ret->settings[ret->n_settings++] = (struct policy_setting){ "write-back", "never" };
	return true;
}

static bool set_up_tmpfs(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	(void)why;
	(void)why_size;
	no_uring = false;
	use_memfd(N * GRANULE, 0);
	T_EQ(fchmod(file, access & IOPFD_ACCESS_WRITE ? 0600 : 0400), 0);
	give_path(ret);
	return true;
}

static bool set_up_hugetlbfs(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	(void)access;
	if (!fixture_huge_pages(N_HUGE, why, why_size))
		return false;
	use_memfd(N_HUGE * HUGE, MFD_HUGETLB | MFD_2M);
	give_path(ret);
	return true;
}

static void tear_down(void)
{
	close_fd(&file);
	if (on_disk)
		unlink(path);
	on_disk = false;
}

static void durable(uint64_t offset, uint8_t *bytes, uint64_t n)
{
	T_EQ(pread(file, bytes, n, (off_t)offset), n);
}

const struct policy_fixture policy_file_uring_fixture = {
	.name = "file, staged",
	.granule = GRANULE,
	.n_granules = N,
	.is_private = true,
	.backing = BACKING_FILLED,
	.amount = "Staged",
	.set_up = set_up_uring,
	.tear_down = tear_down,
	.untouched = fixture_fill,
	.durable = durable,
};

const struct policy_fixture policy_file_threads_fixture = {
	.name = "file, staged by threads",
	.granule = GRANULE,
	.n_granules = N,
	.is_private = true,
	.backing = BACKING_FILLED,
	.amount = "Staged",
	.set_up = set_up_threads,
	.tear_down = tear_down,
	.untouched = fixture_fill,
	.durable = durable,
};

const struct policy_fixture policy_file_never_fixture = {
	.name = "file, never written",
	.granule = GRANULE,
	.n_granules = N,
	.unchanged = true,
	.is_private = true,
	.backing = BACKING_KEPT,
	.amount = "Staged",
	.set_up = set_up_never,
	.tear_down = tear_down,
	.untouched = fixture_fill,
	.durable = durable,
};

const struct policy_fixture policy_file_tmpfs_fixture = {
	.name = "file, tmpfs",
	.granule = GRANULE,
	.n_granules = N,
	.backing = BACKING_WHOLE,
	.amount = "Staged",
	.set_up = set_up_tmpfs,
	.tear_down = tear_down,
	.untouched = fixture_fill,
	.durable = durable,
};

const struct policy_fixture policy_file_hugetlbfs_fixture = {
	.name = "file, hugetlbfs",
	.granule = HUGE,
	.n_granules = N_HUGE,
	.backing = BACKING_WHOLE,
	.amount = "Staged",
	.set_up = set_up_hugetlbfs,
	.tear_down = tear_down,
	.untouched = fixture_fill,
	.durable = durable,
};
