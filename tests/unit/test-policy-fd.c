/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "fd": which memory is taken and which is not, and that a granule is read before
 * its first map (memory made with fallocate() is zeroed by nobody else).
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "t-host.h"
#include "t.h"

#define MIB (1ull << 20)
#define GRANULE 65536u
#define PAGE 4096u
#define HUGE_2M (21u << 26)

extern const struct iopfd_policy policy_fd;

static const struct iopfd_region region = {
	.size = sizeof(region),
	.access = IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE,
	.name = "space/region",
	.iova = 1ull << 32,
	.length = 4 * MIB,
	.granule = GRANULE,
	.numa_node = -1,
};

static const char *number(int fd)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", fd);
	return text;
}

static int make(uint64_t length, int seals)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	T_ASSERT(fd >= 0);
	T_EQ(ftruncate(fd, (off_t)length), 0);
	T_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int reopen(int fd, int flags)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = open(path, flags | O_CLOEXEC);
	T_ASSERT(r >= 0);
	return r;
}

static void refused(int fd, uint32_t access, int error, const char *words)
{
	struct iopfd_region r = region;

	r.access = access;
	t_policy_refuses(&policy_fd, &r, error, words, "fd", number(fd), NULL);
}

static void taken(int fd, uint32_t access)
{
	struct iopfd_region r = region;

	r.access = access;
	policy_fd.close(t_policy_open(&policy_fd, &r, "fd", number(fd), NULL));
}

static void keys_are_checked(void)
{
	char why[128] = "";
	void *f;

	T_OK(policy_fd.create(&t_host, &f));
	T_EQ(policy_fd.config(f, "path", "/", why, sizeof(why)), -ENOENT);
	T_EQ(policy_fd.config(f, "fd", "-1", why, sizeof(why)), -EINVAL);
	T_EQ(policy_fd.config(f, "fd", "", why, sizeof(why)), -EINVAL);
	T_EQ(policy_fd.config(f, "fd", "4294967296", why, sizeof(why)), -EINVAL);
	T_EQ(policy_fd.config(f, "offset", "4K", why, sizeof(why)), -EINVAL);
	T_EQ(policy_fd.config(f, "offset", "99999999999999999999", why, sizeof(why)), -EINVAL);
	policy_fd.close(f);
	t_policy_refuses(&policy_fd, &region, -EINVAL, "no memory was handed over", NULL);
	t_policy_refuses(&policy_fd, &region, -EBADF, "fd 1000000", "fd", "1000000", NULL);
}

static void files_are_checked(void)
{
	_cleanup_close_ int small = make(region.length - PAGE, F_SEAL_SHRINK);
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int proc = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int good = make(region.length + GRANULE, F_SEAL_SHRINK);

	refused(null, IOPFD_ACCESS_READ, -EINVAL, "is no memory");
	refused(dir, IOPFD_ACCESS_READ, -EINVAL, "is no memory");
	refused(proc, IOPFD_ACCESS_READ, -EINVAL, "is no memory");
	refused(small, IOPFD_ACCESS_READ, -EINVAL, "has 4190208 bytes, the region needs 4194304");
	t_policy_refuses(&policy_fd, &region, -EINVAL, "from offset 131072", "fd", number(good), "offset", "131072",
			 NULL);
	t_policy_refuses(&policy_fd, &region, -EINVAL, "from offset 9223372036854775807", "fd", number(good), "offset",
			 "9223372036854775807", NULL);
	t_policy_refuses(&policy_fd, &region, -EINVAL, "not a multiple of the granule", "fd", number(good), "offset",
			 "4096", NULL);
	taken(good, IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE);
}

static void seals_and_mode_are_checked(void)
{
	const uint32_t both = IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE;
	_cleanup_close_ int bare = make(region.length, 0);
	_cleanup_close_ int fixed = make(region.length, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	_cleanup_close_ int sealed = make(region.length, F_SEAL_SHRINK | F_SEAL_WRITE);
	_cleanup_close_ int future = make(region.length, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	_cleanup_close_ int reader = reopen(fixed, O_RDONLY);
	_cleanup_close_ int writer = reopen(fixed, O_WRONLY);
	_cleanup_close_ int path = reopen(fixed, O_PATH);

	refused(bare, IOPFD_ACCESS_READ, -EPERM, "F_SEAL_SHRINK");
	taken(fixed, both);
	refused(sealed, both, -EPERM, "is sealed against writing");
	refused(sealed, IOPFD_ACCESS_WRITE, -EPERM, "is sealed against writing");
	taken(sealed, IOPFD_ACCESS_READ);
	refused(future, both, -EPERM, "is sealed against writing");
	taken(future, IOPFD_ACCESS_READ);
	refused(reader, both, -EACCES, "is not open for reading and writing");
	taken(reader, IOPFD_ACCESS_READ);
	refused(writer, IOPFD_ACCESS_READ, -EACCES, "is not open for reading");
	refused(writer, IOPFD_ACCESS_WRITE, -EACCES, "is not open for reading and writing");
	refused(path, IOPFD_ACCESS_READ, -EACCES, "is not open for reading");
}

static void huge_pages_need_a_granule(void)
{
	struct iopfd_region r = region;
	_cleanup_close_ int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | HUGE_2M);

	if (fd < 0) {
		printf("    LEFT OUT: this kernel has no huge pages\n");
		return;
	}
	T_EQ(ftruncate(fd, (off_t)r.length), 0);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	t_policy_refuses(&policy_fd, &r, -EINVAL, "has pages of 2097152 bytes", "fd", number(fd), NULL);
	r.granule = 2 * MIB;
	policy_fd.close(t_policy_open(&policy_fd, &r, "fd", number(fd), NULL));
}

/* The kernel would map it for a device all the same. */
static void nobody_seals_it_while_it_is_used(void)
{
	_cleanup_close_ int fd = make(region.length, F_SEAL_SHRINK);
	void *f = t_policy_open(&policy_fd, &region, "fd", number(fd), NULL);

	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	T_EQ(errno, EBUSY);
	policy_fd.close(f);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

static void the_fd_is_a_duplicate(void)
{
	int fd = make(region.length + 2 * GRANULE, F_SEAL_SHRINK);
	void *f = t_policy_open(&policy_fd, &region, "fd", number(fd), "offset", "131072", NULL);
	struct iopfd_memory memory, filled;
	struct stat a, b;

	T_EQ(fstat(fd, &a), 0);
	T_EQ(pwrite(fd, "x", 1, 131072 + GRANULE), 1);
	close(fd);
	T_OK(policy_fd.memory(f, &memory));
	T_EQ(fstat(memory.fd, &b), 0);
	T_EQ(a.st_ino, b.st_ino);
	T_EQ(memory.offset, 131072);
	T_EQ(fcntl(memory.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	T_OK(t_policy_fill(&policy_fd, f, GRANULE, GRANULE, IOPFD_ACCESS_WRITE, &filled, NULL));
	T_EQ(filled.fd, memory.fd);
	T_EQ(filled.offset, 131072 + GRANULE);
	policy_fd.close(f);
}

/* Pages of the range that are up to date, that is, that a read would not zero any more. */
static unsigned n_up_to_date(int fd, uint64_t offset, uint64_t length)
{
	unsigned char vector[4 * MIB / PAGE];
	unsigned n = 0;
	void *at = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)offset);

	T_ASSERT(at != MAP_FAILED);
	T_EQ(mincore(at, length, vector), 0);
	for (uint64_t i = 0; i < length / PAGE; i++)
		n += vector[i] & 1;
	munmap(at, length);
	return n;
}

/* Linux 7.2: a device wrote into pages that fallocate() had made, and the first read by the
 * CPU cleared them. After a fill every page has been read; what is written from then on,
 * here by the CPU, stays. (tests/vm/test-hugepage.sh does it with a device.) */
static void preallocated_memory_is_read_first(void)
{
	_cleanup_close_ int fd = make(region.length, F_SEAL_SHRINK);
	struct iopfd_memory memory;
	bool pending;
	char *bytes;
	void *f;

	T_EQ(fallocate(fd, 0, 0, (off_t)region.length), 0);
	T_EQ(n_up_to_date(fd, 0, region.length), 0); /* as the finding says */
	f = t_policy_open(&policy_fd, &region, "fd", number(fd), NULL);
	T_OK(t_policy_fill(&policy_fd, f, 2 * GRANULE, 3 * GRANULE, IOPFD_ACCESS_WRITE, &memory, &pending));
	T_ASSERT(pending);
	T_EQ(n_up_to_date(fd, 2 * GRANULE, 3 * GRANULE), 3 * GRANULE / PAGE);
	T_EQ(n_up_to_date(fd, 2 * MIB, 2 * MIB), 0); /* (pages could be of 2M) */

	bytes = mmap(NULL, 3 * GRANULE, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, (off_t)memory.offset);
	T_ASSERT(bytes != MAP_FAILED);
	memset(bytes, 0x5a, 3 * GRANULE);
	/* Read once, not again; in part read: again. */
	T_OK(t_policy_fill(&policy_fd, f, 3 * GRANULE, GRANULE, IOPFD_ACCESS_WRITE, &memory, &pending));
	T_ASSERT(!pending);
	T_EQ(memory.offset, 3 * GRANULE);
	T_OK(t_policy_fill(&policy_fd, f, GRANULE, 2 * GRANULE, IOPFD_ACCESS_READ, &memory, &pending));
	T_ASSERT(pending);
	for (size_t i = 0; i < 3 * GRANULE; i++)
		T_EQ(bytes[i], 0x5a);
	munmap(bytes, 3 * GRANULE);
	policy_fd.close(f);
}

/* Only what is asked for is read (pages could be of 2M). */
static void holes_stay(void)
{
	_cleanup_close_ int fd = make(region.length, F_SEAL_SHRINK);
	void *f = t_policy_open(&policy_fd, &region, "fd", number(fd), NULL);
	struct iopfd_memory memory;
	struct stat st;

	T_OK(t_policy_fill(&policy_fd, f, MIB, MIB, IOPFD_ACCESS_READ, &memory, NULL));
	T_EQ(fstat(fd, &st), 0);
	T_ASSERT(st.st_blocks * 512 >= (long long)MIB && st.st_blocks * 512 <= 2 * (long long)MIB);
	policy_fd.close(f);
}

static void many_at_once(void)
{
	_cleanup_close_ int fd = make(region.length, F_SEAL_SHRINK);
	void *f = t_policy_open(&policy_fd, &region, "fd", number(fd), NULL);
	struct iopfd_memory memories[64];
	uint64_t offsets[64];
	int results[64];

	for (uint64_t i = 0; i < 64; i++)
		offsets[i] = (i * 7 % 64) * GRANULE;
	t_policy_fill_many(&policy_fd, f, offsets, 64, GRANULE, results, memories);
	for (size_t i = 0; i < 64; i++) {
		T_OK(results[i]);
		T_EQ(memories[i].offset, offsets[i]);
	}
	policy_fd.close(f);
}

int main(void)
{
	t_run(keys_are_checked);
	t_run(files_are_checked);
	t_run(seals_and_mode_are_checked);
	t_run(huge_pages_need_a_granule);
	t_run(nobody_seals_it_while_it_is_used);
	t_run(the_fd_is_a_duplicate);
	t_run(preallocated_memory_is_read_first);
	t_run(holes_stay);
	t_run(many_at_once);
	return 0;
}
