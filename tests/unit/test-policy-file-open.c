/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files policy "file" takes and which it refuses, in which words; and files that are
 * shared memory, which it maps as they are.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "store.h"
#include "t.h"

#define G (64ull << 10)
#define R IOPFD_ACCESS_READ
#define W IOPFD_ACCESS_WRITE

extern const struct iopfd_policy policy_file;

static struct store s;
static const char *path;
static char image[16 * G], bytes[16 * G];

/* What open() of the file under test fails with. */
static int open_error;
int __real_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (open_error && !strcmp(name, path)) {
		errno = open_error;
		return -1;
	}
	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return __real_open(name, flags, mode);
}

/* open() of a region; settings besides the path: one or none. */
static int try_open(const char *file, uint64_t length, uint64_t granule, uint32_t access, const char *setting)
{
	char text[4300];

	snprintf(text, sizeof(text), "path=%s", file);
	return store_open(&s, &policy_file, length, granule, access, (const char *const[]){ text, setting, NULL });
}

static void expect_refusal(int r, int error, const char *words)
{
	T_EQ(r, error);
	if (!strstr(s.why, words))
		t_fail(__FILE__, __LINE__, "\"%s\" is not in \"%s\"", words, s.why);
	store_close(&s);
}

#define REFUSED(file, access, setting, error, words) \
	expect_refusal(try_open(file, 4 * G, G, access, setting), error, words)

static void make_file(uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	T_ASSERT(fd >= 0);
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (char)(i * 13 + i / 4096);
	T_EQ(write(fd, image, size), size);
	close(fd);
}

static void check_key(const char *key, const char *value, int result, const char *words)
{
	char why[256] = "";
	void *instance;

	T_OK(policy_file.create(&store_host, &instance));
	T_EQ(policy_file.config(instance, key, value, why, sizeof(why)), result);
	if (!strstr(why, words))
		t_fail(__FILE__, __LINE__, "%s = %s: \"%s\" is not in \"%s\"", key, value, words, why);
	policy_file.close(instance);
}

static void test_keys(void)
{
	static const char *const good[] = { "never", "on-evict", "1us", "250ms", "3s", "3", "5min", "2h" };
	static const char *const bad[] = { "", "always", "-1s", "1 s", "1.5s", "5m", "s", "010", "0x10", "10s " };
	static const char *const huge[] = { "0", "0ms", "9999999999999999999999", "9999999999999min" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check_key("write-back", good[i], 0, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_key("write-back", bad[i], -EINVAL, "is not valid, expected never, on-evict or a time");
	for (size_t i = 0; i < sizeof(huge) / sizeof(*huge); i++)
		check_key("write-back", huge[i], -EINVAL, "is out of range, expected");
	check_key("extend", "Yes", 0, "");
	check_key("extend", "off", 0, "");
	check_key("extend", "maybe", -EINVAL, "'maybe' is not valid, expected yes or no");
	check_key("path", "/a", 0, "");
	check_key("path", "a/b", -EINVAL, "'a/b' is not an absolute path, expected /DIR/FILE");
	check_key("pfad", "/a", -ENOENT, "");
}

static void test_what_is_no_file(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[sizeof(address.sun_path) + 1];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect_refusal(store_open(&s, &policy_file, G, G, R, (const char *const[]){ NULL }), -EINVAL,
		       "path = /DIR/FILE is required");
	snprintf(name, sizeof(name), "%s/none", t_tmpdir());
	REFUSED(name, R, NULL, -ENOENT, "/none does not exist");
	REFUSED(t_tmpdir(), R, NULL, -EISDIR, "is a directory, not a file");
	REFUSED("/dev/null", R, NULL, -EINVAL, "/dev/null is a device, not a file");
	snprintf(name, sizeof(name), "%s/fifo", t_tmpdir());
	T_EQ(mkfifo(name, 0600), 0);
	REFUSED(name, R, NULL, -EINVAL, "/fifo is a fifo, not a file");
	snprintf(name, sizeof(name), "%s/socket", t_tmpdir());
	T_ASSERT(snprintf(address.sun_path, sizeof(address.sun_path), "%s", name) < (int)sizeof(address.sun_path));
	T_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	REFUSED(name, R, NULL, -EINVAL, "/socket is a socket, not a file");
	close(fd);
}

static void test_what_may_not_be_opened(void)
{
	char words[4200];

	make_file(4 * G);
	unsetenv("INVOCATION_ID");
	open_error = EACCES;
	REFUSED(path, R | W, NULL, -EACCES,
		"cannot be opened for reading and writing: Permission denied; access = r and write-back = never only read it");
	REFUSED(path, R | W, "write-back=never", -EACCES, "cannot be opened for reading: Permission denied");
	REFUSED(path, R, NULL, -EACCES, "cannot be opened for reading: Permission denied");

	setenv("INVOCATION_ID", "0123456789abcdef0123456789abcdef", 1);
	snprintf(words, sizeof(words),
		 "the unit's sandbox keeps it read-only or hidden: add a drop-in with ReadWritePaths=%s", t_tmpdir());
	REFUSED(path, R | W, NULL, -EACCES, words);
	open_error = EROFS;
	REFUSED(path, R | W, NULL, -EROFS, words);
	REFUSED(path, R | W, NULL, -EROFS, "Read-only file system");
	open_error = 0;
	snprintf(words, sizeof(words), "%s/none", t_tmpdir());
	REFUSED(words, R, NULL, -ENOENT, "/none does not exist, or the unit's sandbox hides it");
	unsetenv("INVOCATION_ID");
}

static void test_sizes(void)
{
	make_file(4 * G + 1);
	expect_refusal(try_open(path, 8 * G, 8 * G, R, "extend=no"), -EINVAL,
		       "the granule (524288 bytes) is larger than");
	expect_refusal(try_open(path, 6 * G, G, R, NULL), -EINVAL, "(393216 bytes) is longer than");
	expect_refusal(try_open(path, 6 * G, G, R | W, NULL), -EINVAL, "(262145 bytes): shorten it, or set extend = yes");
	T_EQ(try_open(path, 5 * G, G, R | W, NULL), 0);
	store_close(&s);
	T_EQ(try_open(path, 6 * G, G, R | W, "extend=no"), 0);
	store_close(&s);
	T_EQ(try_open(path, 8 * G, 8 * G, R | W, "extend=yes"), 0);
	store_close(&s);
	T_EQ(try_open(path, 2 * G, G, R | W, NULL), 0);
	store_close(&s);
}

/* A region that nothing is written to does not even open its file for writing. */
static void test_read_only(void)
{
	static const char *const settings[] = { NULL, "write-back=never" };
	struct iopfd_memory memory;

	make_file(4 * G);
	T_EQ(chmod(path, 0400), 0);
	for (uint32_t i = 0; i < 2; i++) {
		T_EQ(try_open(path, 4 * G, G, i ? R | W : R, settings[i]), 0);
		T_EQ(store_fill(&s, G, G, R, &memory), 0);
		store_dma_read(&memory, 0, bytes, G);
		T_EQ(memcmp(bytes, image + G, G), 0);
		T_EQ(store_release(&s, G, G, i), 0);
		T_EQ(store_flush(&s, 0, 0), 0);
		store_close(&s);
	}
	T_EQ(chmod(path, 0600), 0);
}

/* A memfd of the image, and its path. */
static int new_memfd(uint64_t size, char *ret_path, unsigned flags)
{
	int fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	T_ASSERT(fd >= 0);
	if (!flags)
		T_EQ(write(fd, image, size), size);
	sprintf(ret_path, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_direct(int fd, uint32_t access, int flags)
{
	struct iopfd_memory memory;
	struct stat a, b;

	T_EQ(s.ops->memory(s.instance, &memory), 0);
	T_EQ(memory.offset, 0);
	T_EQ(fcntl(memory.fd, F_GETFL) & O_ACCMODE, flags);
	T_EQ(fstat(fd, &a), 0);
	T_EQ(fstat(memory.fd, &b), 0);
	T_ASSERT(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	T_EQ(store_fill(&s, G, 2 * G, access, &memory), 0);
	T_EQ(memory.offset, G);
	store_dma_read(&memory, 0, bytes, 2 * G);
	T_EQ(memcmp(bytes, image + G, 2 * G), 0);
}

static void test_shared_memory_is_mapped(void)
{
	struct iopfd_request request = { 0 };
	struct iopfd_memory memory;
	char name[64];
	int fd = new_memfd(4 * G, name, 0);

	T_EQ(try_open(name, 4 * G, G, R | W, NULL), 0);
	check_direct(fd, R | W, O_RDWR);
	s.ops->prefetch(s.instance, 0, 4 * G);
	T_EQ(store_fill(&s, G, 2 * G, R | W, &memory), 0);
	T_EQ(s.ops->fill(s.instance, &request, G, G, R, &memory), 0);
	memset(image + G, 'x', 10);
	store_dma_write(&memory, 0, "xxxxxxxxxx", 10);
	T_EQ(store_flush(&s, G, G), 0);
	T_EQ(store_release(&s, G, 2 * G, true), 0);
	T_EQ(store_flush(&s, 0, 0), 0);
	T_EQ(store_counter(&s, "BytesRead") + store_counter(&s, "BytesWrittenBack") + store_counter(&s, "Staged"), 0);
	T_EQ(s.ops->backed_bytes(s.instance), 4 * G);
	store_close(&s);
	T_EQ(pread(fd, bytes, 4 * G, 0), 4 * G);
	T_EQ(memcmp(bytes, image, 4 * G), 0);

	/* A part of it only. */
	T_EQ(try_open(name, 3 * G, G, R, NULL), 0);
	check_direct(fd, R, O_RDONLY);
	T_EQ(s.ops->backed_bytes(s.instance), 3 * G);
	store_close(&s);
	close(fd);
}

/* A fill makes pages up to date before they are mapped, and finds out where they end. */
static void test_shared_memory_is_populated(void)
{
	struct iopfd_memory memory;
	char name[64];
	int fd = new_memfd(0, name, 0);
	struct stat st;

	T_EQ(ftruncate(fd, 8 * G), 0);
	T_EQ(try_open(name, 8 * G, G, R | W, NULL), 0);
	T_EQ(s.ops->backed_bytes(s.instance), 0);
	T_EQ(store_fill(&s, 2 * G, G, R | W, &memory), 0);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_blocks * 512, G);
	T_EQ(store_fill(&s, 0, 4 * G, R | W, &memory), 0);
	T_EQ(s.ops->backed_bytes(s.instance), 4 * G);
	T_EQ(ftruncate(fd, 4 * G), 0);
	T_EQ(store_fill(&s, 6 * G, G, R, &memory), -ENODATA);
	T_EQ(store_fill(&s, 3 * G, G, R, &memory), 0);
	T_EQ(store_counter(&s, "ReadErrors"), 1);
	T_EQ(ftruncate(fd, 8 * G), 0);
	T_EQ(store_fill(&s, 6 * G, G, R, &memory), 0);
	store_close(&s);
	close(fd);
}

/* What cannot be mapped whole, or must not be changed, is staged. */
static void test_shared_memory_that_is_staged(void)
{
	struct iopfd_memory memory;
	char name[64];
	int fd = new_memfd(3 * G + 5, name, 0);

	T_EQ(try_open(name, 4 * G, G, R | W, NULL), 0);
	T_EQ(s.ops->memory(s.instance, &memory), -EOPNOTSUPP);
	T_EQ(store_fill(&s, 3 * G, G, R | W, &memory), 0);
	memset(image + 3 * G, 'y', 9);
	store_dma_write(&memory, 0, "yyyyyyyyy", 9);
	T_EQ(store_release(&s, 3 * G, G, true), 0);
	store_close(&s);
	T_EQ(pread(fd, bytes, 4 * G, 0), 3 * G + 5);
	T_EQ(memcmp(bytes, image, 3 * G + 5), 0);

	T_EQ(try_open(name, 2 * G, G, R | W, "write-back=never"), 0);
	T_EQ(s.ops->memory(s.instance, &memory), -EOPNOTSUPP);
	store_close(&s);
	T_EQ(try_open(name, 3 * G, G, R, "write-back=never"), 0);
	check_direct(fd, R, O_RDONLY);
	store_close(&s);
	close(fd);
}

static void test_seals(void)
{
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_FUTURE_WRITE };
	char name[64];
	int fd;

	for (size_t i = 0; i < 2; i++) {
		fd = new_memfd(4 * G, name, 0);
		T_EQ(fcntl(fd, F_ADD_SEALS, seals[i]), 0);
		REFUSED(name, R | W, NULL, -EPERM, "is sealed against writing: use access = r or write-back = never");
		T_EQ(try_open(name, 4 * G, G, R, NULL), 0);
		check_direct(fd, R, O_RDONLY);
		store_close(&s);
		T_EQ(try_open(name, 4 * G, G, R | W, "write-back=never"), 0);
		store_close(&s);
		close(fd);
	}
	fd = new_memfd(3 * G, name, 0);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
	REFUSED(name, R | W, "extend=yes", -EPERM, "is sealed against growing: extend = yes cannot work");
	T_EQ(try_open(name, 3 * G, G, R | W, "extend=yes"), 0);
	check_direct(fd, R, O_RDWR);
	store_close(&s);
	close(fd);
}

/* Needs no huge page: nothing is touched. */
static void test_huge_pages(void)
{
	uint64_t huge = 2ull << 20;
	struct iopfd_request request = { 0 };
	struct iopfd_memory memory;
	char name[64];
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	if (fd < 0) {
		printf("no huge pages of 2M here: %s\n", strerror(errno));
		return;
	}
	close(fd);
	fd = new_memfd(0, name, MFD_HUGETLB | MFD_HUGE_2MB);
	T_EQ(ftruncate(fd, (off_t)(2 * huge)), 0);
	expect_refusal(try_open(name, huge, G, R | W, NULL), -EINVAL,
		       "is made of pages of 2048K: set granule = 2048K or more");
	expect_refusal(try_open(name, 4 * huge, huge, R | W, "extend=yes"), -EINVAL,
		       "has 4194304 bytes and a file on hugetlbfs cannot be lengthened");
	T_EQ(try_open(name, 2 * huge, huge, R | W, NULL), 0);
	T_EQ(s.ops->fill(s.instance, &request, huge, huge, R | W, &memory), 0);
	T_EQ(memory.offset, huge);
	T_EQ(s.ops->memory(s.instance, &memory), 0);
	store_close(&s);
	T_EQ(try_open(name, 2 * huge, G, R | W, "write-back=never"), 0);
	T_EQ(store_fill(&s, 3 * G, G, R, &memory), 0);
	T_EQ(s.ops->memory(s.instance, &memory), -EOPNOTSUPP);
	store_close(&s);
	close(fd);
}

int main(void)
{
	path = t_write_file("disk.img", "");
	t_run(test_keys);
	t_run(test_what_is_no_file);
	t_run(test_what_may_not_be_opened);
	t_run(test_sizes);
	t_run(test_read_only);
	t_run(test_shared_memory_is_mapped);
	t_run(test_shared_memory_is_populated);
	t_run(test_shared_memory_that_is_staged);
	t_run(test_seals);
	t_run(test_huge_pages);
	return 0;
}
