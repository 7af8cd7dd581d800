/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Staged files: what is read, what is written back, and what happens when neither works.
 * Everything runs three times: with threads, with io_uring, and with all in the page cache.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broken-file.h"
#include "store.h"
#include "t.h"

#define G (64ull << 10)
#define N 16u
#define R IOPFD_ACCESS_READ
#define W IOPFD_ACCESS_WRITE
#define SETTINGS(...) ((const char *const[]){ setting("path", path), ##__VA_ARGS__, NULL })

extern const struct iopfd_policy policy_file;

static const char *path;
static struct store s;
static char image[N * G], bytes[N * G];

/* As a filter of system calls would do it. */
static bool no_uring;
struct io_uring;
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
__attribute__((weak)) int __real_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	return no_uring ? -EPERM : __real_io_uring_queue_init(entries, ring, flags);
}

/* Whether the page cache has what is asked for. */
static bool cached;
static unsigned n_attempts;
ssize_t __wrap_preadv2(int fd, const struct iovec *to, int n, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *to, int n, off_t offset, int flags)
{
	T_EQ(flags, RWF_NOWAIT);
	n_attempts++;
	if (cached)
		return preadv(fd, to, n, offset);
	errno = EAGAIN;
	return -1;
}

static const char *setting(const char *key, const char *value)
{
	static char text[4200];

	snprintf(text, sizeof(text), "%s=%s", key, value);
	return text;
}

static void write_image(uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	T_ASSERT(fd >= 0);
	T_EQ(write(fd, image, size), size);
	close(fd);
}

/* A file of this size, full of what compresses badly, and what it has to be like later. */
static void make_file(uint64_t size)
{
	uint64_t v = 88172645463325252ull;

	for (size_t i = 0; i < sizeof(image); i++) {
		v ^= v << 13;
		v ^= v >> 7;
		v ^= v << 17;
		image[i] = i < size ? (char)v : 0;
	}
	write_image(size);
}

static void open_file(uint64_t n, const char *const *settings)
{
	T_EQ(store_open(&s, &policy_file, n * G, G, R | W, settings), 0);
}

/* The file is `size` bytes of the image. */
static void check_file(uint64_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_size, size);
	T_EQ(read(fd, bytes, sizeof(bytes)), size);
	T_EQ(memcmp(bytes, image, size), 0);
	close(fd);
}

/* Memory of granules is the image. */
static void check_memory(const struct iopfd_memory *memory, uint64_t first, uint64_t n)
{
	store_dma_read(memory, 0, bytes, n * G);
	T_EQ(memcmp(bytes, image + first * G, n * G), 0);
}

static struct iopfd_memory fill(uint64_t first, uint64_t n, uint32_t access)
{
	struct iopfd_memory memory;

	T_EQ(store_fill(&s, first * G, n * G, access, &memory), 0);
	T_EQ(memory.offset % G, 0);
	T_ASSERT(n == 1 || memory.offset == first * G);
	check_memory(&memory, first, n);
	return memory;
}

/* The device writes into a granule, which is filled first. */
static void scribble(uint64_t granule, uint64_t at, uint64_t n)
{
	struct iopfd_memory memory = fill(granule, 1, R | W);

	memset(image + granule * G + at, (int)(granule + 'a'), n);
	store_dma_write(&memory, at, image + granule * G + at, n);
}

static void check_counters(uint64_t read, uint64_t written, uint64_t read_errors, uint64_t write_errors)
{
	T_EQ(store_counter(&s, "BytesRead"), read);
	T_EQ(store_counter(&s, "BytesWrittenBack"), written);
	T_EQ(store_counter(&s, "ReadErrors"), read_errors);
	T_EQ(store_counter(&s, "WriteErrors"), write_errors);
}

static void check_staged(uint64_t n)
{
	T_EQ(store_counter(&s, "Staged"), n * G);
	T_EQ(s.ops->backed_bytes(s.instance), n * G);
}

static void test_fill_reads(void)
{
	struct iopfd_request request = { 0 };
	struct iopfd_memory memory;

	make_file(N * G);
	open_file(N, SETTINGS());
	check_staged(0);
	fill(3, 1, R);
	check_counters(G, 0, 0, 0);
	check_staged(1);

	/* What is there is not read again, and what is there in part only where it is not. */
	T_EQ(s.ops->fill(s.instance, &request, 3 * G, G, R | W, &memory), 0);
	check_memory(&memory, 3, 1);
	fill(2, 4, R);
	check_counters(4 * G, 0, 0, 0);
	fill(0, N, R);
	check_counters(N * G, 0, 0, 0);
	T_EQ(s.ops->memory(s.instance, &memory), -EOPNOTSUPP);

	T_EQ(store_release(&s, 0, N * G, false), 0);
	check_staged(0);
	check_counters(N * G, 0, 0, 0);
	fill(7, 2, R);
	store_close(&s);
	check_file(N * G);
}

static void test_release_writes_what_is_dirty(void)
{
	make_file(N * G);
	open_file(N, SETTINGS("write-back=on-evict"));
	fill(0, 8, R);
	scribble(1, 0, G);
	scribble(3, 100, 17);
	T_EQ(store_release(&s, 1 * G, G, true), 0);
	T_EQ(store_release(&s, 3 * G, G, true), 0);
	T_EQ(store_release(&s, 0, G, false), 0);
	check_counters(8 * G, 2 * G, 0, 0);
	check_staged(5);
	check_file(N * G);
	fill(0, 4, R | W);
	T_EQ(store_release(&s, 0, 8 * G, false), 0);
	check_staged(0);
	check_counters(11 * G, 2 * G, 0, 0);
	store_close(&s);
	check_file(N * G);
}

static void test_flush(void)
{
	make_file(N * G);
	open_file(N, SETTINGS("write-back=10s"));
	scribble(5, 0, G);
	T_EQ(store_flush(&s, 5 * G, G), 0);
	T_EQ(store_flush(&s, 0, 0), 0);
	check_file(N * G);
	check_staged(1);
	check_counters(G, G, 0, 0);
	scribble(5, 7, 9);
	T_EQ(store_flush(&s, 5 * G, G), 0);
	T_EQ(store_release(&s, 5 * G, G, false), 0);
	check_counters(G, 2 * G, 0, 0);
	check_staged(0);
	store_close(&s);
	check_file(N * G);
}

/* The granule of the file's end: all of it is the device's, what fits is the file's. */
static void test_last_granule_in_part(void)
{
	uint64_t size = 2 * G + 1000;

	make_file(size);
	open_file(3, SETTINGS());
	fill(0, 3, R);
	scribble(2, 500, G - 500);
	T_EQ(store_flush(&s, 2 * G, G), 0);
	check_counters(size, 1000, 0, 0);
	check_file(size);
	T_EQ(store_release(&s, 0, 3 * G, false), 0);
	check_staged(1);
	fill(2, 1, R | W);
	scribble(2, 0, 1);
	T_EQ(store_release(&s, 2 * G, G, true), 0);
	fill(2, 1, R);
	check_counters(size, 2000, 0, 0);
	store_close(&s);
	check_file(size);
}

static void test_beyond_the_end(void)
{
	struct iopfd_memory memory;
	uint64_t size = 2 * G + 1000;

	make_file(size);
	open_file(8, SETTINGS("extend=no"));
	T_EQ(store_fill(&s, 5 * G, G, W, &memory), -EFBIG);
	T_EQ(store_fill(&s, 2 * G, 2 * G, R | W, &memory), -EFBIG);
	check_staged(0);
	fill(4, 2, R);
	T_EQ(store_fill(&s, 5 * G, G, W, &memory), -EFBIG);
	T_EQ(store_release(&s, 4 * G, 2 * G, false), 0);
	check_counters(0, 0, 0, 0);

	/* Somebody else made it longer. */
	T_EQ(truncate(path, 6 * G), 0);
	scribble(5, 0, 10);
	T_EQ(store_release(&s, 5 * G, G, true), 0);
	store_close(&s);
	check_file(6 * G);
}

static void test_extend(void)
{
	uint64_t size = 2 * G + 1000;

	make_file(size);
	open_file(N, SETTINGS("extend=yes"));
	fill(0, N, R | W);
	T_EQ(store_release(&s, 8 * G, 8 * G, false), 0);
	check_file(size);
	scribble(5, G - 1, 1);
	T_EQ(store_flush(&s, 5 * G, G), 0);
	check_counters(size, G, 0, 0);
	check_file(6 * G);
	T_EQ(store_release(&s, 0, 8 * G, false), 0);
	check_staged(0);
	fill(0, 8, R);
	store_close(&s);
	check_file(6 * G);
}

static void test_empty_file_grows(void)
{
	make_file(0);
	open_file(N, SETTINGS("extend=yes"));
	scribble(0, 0, 1);
	T_EQ(store_release(&s, 0, G, true), 0);
	store_close(&s);
	check_file(G);
}

static void test_sparse_file(void)
{
	int fd;

	make_file(G);
	memset(image + 9 * G + 100, 'x', 10);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	T_EQ(pwrite(fd, image + 9 * G + 100, 10, 9 * (off_t)G + 100), 10);
	T_EQ(ftruncate(fd, N * G), 0);
	close(fd);
	open_file(N, SETTINGS());
	scribble(9, 104, 20);
	fill(0, N, R);
	T_EQ(store_release(&s, 9 * G, G, true), 0);
	check_counters(N * G, G, 0, 0);
	store_close(&s);
	check_file(N * G);
}

static void test_truncated_under_us(void)
{
	struct iopfd_memory memory;

	make_file(N * G);
	open_file(N, SETTINGS());
	scribble(0, 0, 1);
	scribble(5, 3, 8);
	T_EQ(truncate(path, G), 0);
	T_EQ(store_release(&s, 5 * G, G, true), -EFBIG);
	T_EQ(store_flush(&s, 0, 0), -EFBIG);
	check_counters(2 * G, 0, 0, 2);
	T_EQ(store_release(&s, 0, G, true), 0);
	check_file(G);
	check_staged(1);
	T_EQ(store_fill(&s, 8 * G, G, R | W, &memory), -EFBIG);
	check_staged(1);

	/* The bytes are still here, and go when they can. */
	fill(5, 1, R);
	T_EQ(store_release(&s, 5 * G, G, false), -EFBIG);
	write_image(N * G);
	T_EQ(truncate(path, 5 * G), 0);
	T_EQ(truncate(path, N * G), 0);
	T_EQ(store_flush(&s, 0, 0), 0);
	check_staged(0);
	check_counters(2 * G, 2 * G, 0, 3);
	memset(image + 6 * G, 0, 10 * G);
	check_file(N * G);
	store_close(&s);
}

static void test_read_errors(void)
{
	struct iopfd_memory memory;
	struct broken_file broken;

	make_file(N * G);
	open_file(N, SETTINGS());
	fill(2, 1, R | W);
	broken = broken_file(path, path, O_WRONLY);
	T_EQ(store_fill(&s, 0, 4 * G, R, &memory), -EBADF);
	T_EQ(store_fill(&s, 8 * G, G, R, &memory), -EBADF);
	check_counters(G, 0, 2, 0);
	check_staged(1);
	broken_file_mend(broken);
	fill(0, 9, R);
	check_counters(9 * G, 0, 2, 0);
	store_close(&s);
}

static void test_write_errors(void)
{
	struct broken_file broken;

	make_file(N * G);
	open_file(N, SETTINGS("extend=yes"));
	scribble(2, 0, G);
	scribble(6, 0, G);
	broken = broken_file(path, "/dev/full", O_RDWR);
	T_EQ(store_flush(&s, 2 * G, G), -ENOSPC);
	T_EQ(store_release(&s, 6 * G, G, true), -ENOSPC);
	T_EQ(store_flush(&s, 0, 0), -ENOSPC);
	check_counters(2 * G, 0, 0, 5); /* and /dev/full cannot be synchronised */
	check_staged(2);
	fill(6, 1, R | W);
	T_EQ(store_release(&s, 6 * G, G, false), -ENOSPC);
	broken_file_mend(broken);

	/* One is mapped, if only for reading, and stays; the other is ours alone. */
	T_EQ(store_flush(&s, 0, 0), 0);
	check_counters(2 * G, 2 * G, 0, 6);
	check_staged(1);
	T_EQ(store_release(&s, 2 * G, G, false), 0);
	check_counters(2 * G, 2 * G, 0, 6);
	check_staged(0);
	store_close(&s);
	check_file(N * G);
}

static void test_what_is_lost_is_told(void)
{
	unsigned before;
	struct broken_file broken;

	make_file(N * G);
	open_file(N, SETTINGS("extend=yes"));
	scribble(2, 0, 1);
	broken = broken_file(path, "/dev/full", O_RDWR);
	T_EQ(store_release(&s, 2 * G, G, true), -ENOSPC);
	broken_file_mend(broken);
	before = store_n_logged;
	store_close(&s);
	T_EQ(store_n_logged, before + 1);
	T_ASSERT(strstr(store_logged, path) && strstr(store_logged, "65536 bytes"));
	T_ASSERT(strstr(store_logged, "No space left on device"));
}

static void test_never_keeps_what_was_written(void)
{
	char pristine[100];
	unsigned n_logged;

	make_file(N * G);
	open_file(N, SETTINGS("write-back=never"));
	n_logged = store_n_logged;
	fill(0, 4, R);
	memcpy(pristine, image + G, 50);
	memcpy(pristine + 50, image + 3 * G, 50);
	scribble(1, 0, 50);
	scribble(3, 0, 50);
	T_EQ(store_flush(&s, G, G), 0);
	T_EQ(store_flush(&s, 0, 0), 0);
	T_EQ(store_release(&s, G, G, false), 0);
	T_EQ(store_release(&s, 3 * G, G, true), 0);
	T_EQ(store_release(&s, 0, G, false), 0);
	T_EQ(store_release(&s, 2 * G, G, false), 0);
	check_staged(2);
	fill(0, 4, R | W);
	check_counters(6 * G, 0, 0, 0);
	store_close(&s);
	T_EQ(store_n_logged, n_logged);
	memcpy(image + G, pristine, 50);
	memcpy(image + 3 * G, pristine + 50, 50);
	check_file(N * G);
}

static void test_many_at_once(void)
{
	struct iopfd_request requests[64] = { 0 };
	uint64_t g = 16384, n = 64;
	int r = cached ? 0 : IOPFD_PENDING;

	make_file(N * G);
	T_EQ(store_open(&s, &policy_file, n * g, g, R | W, SETTINGS()), 0);
	for (int round = 0; round < 50; round++) {
		memset(requests, 0, sizeof(requests));
		for (uint64_t i = 0; i < n; i++)
			T_EQ(s.ops->fill(s.instance, &requests[i], i * g, g, R | W, &requests[i].memory), r);
		store_submit(&s);
		for (uint64_t i = 0; i < n; i++) {
			T_EQ(store_wait(&requests[i], r), 0);
			T_ASSERT(cached || !pthread_equal(requests[i].thread, pthread_self()));
			store_dma_read(&requests[i].memory, 0, bytes, g);
			T_EQ(memcmp(bytes, image + i * g, g), 0);
			memset(image + i * g, round, g);
			store_dma_write(&requests[i].memory, 0, image + i * g, g);
		}
		memset(requests, 0, sizeof(requests));
		for (uint64_t i = 0; i < n; i++)
			T_EQ(s.ops->release(s.instance, &requests[i], i * g, g, 1), IOPFD_PENDING);
		store_submit(&s);
		for (uint64_t i = 0; i < n; i++)
			T_EQ(store_wait(&requests[i], IOPFD_PENDING), 0);
	}
	check_staged(0);
	store_close(&s);
	check_file(N * G);
}

/* Who does not find what he looks for looks less and less often, and more often again. */
static void test_attempts_become_rare(void)
{
	bool was_cached = cached;

	make_file(N * G);
	open_file(N, SETTINGS());
	cached = false;
	n_attempts = 0;
	for (unsigned i = 0; i < N; i++)
		fill(i, 1, R);
	T_EQ(n_attempts, 5); /* the 1st, 2nd, 4th, 8th and 16th */
	cached = true;
	for (unsigned i = 0; i < N; i++)
		T_EQ(store_release(&s, i * G, G, false), 0);
	for (unsigned i = 0; i < N; i++)
		fill(i, 1, R);
	T_EQ(n_attempts, 6); /* 15 were left out after the last one */
	for (unsigned i = 0; i < N; i++)
		T_EQ(store_release(&s, i * G, G, false), 0);
	for (unsigned i = 0; i < N; i++)
		fill(i, 1, R);
	T_EQ(n_attempts, 6 + N);
	fill(0, N, R);
	T_EQ(n_attempts, 6 + N);
	check_counters(3 * N * G, 0, 0, 0);
	store_close(&s);
	cached = was_cached;
}

/* Nothing is staged by it, and what is wished for in vain is no error. */
static void test_wishes(void)
{
	make_file(N * G - 100);
	open_file(2 * N, SETTINGS("extend=no"));
	for (uint64_t i = 0; i < 2 * N; i++)
		s.ops->prefetch(s.instance, i * G, 2 * N * G - i * G);
	fill(3, 2, R | W);
	s.ops->prefetch(s.instance, 2 * G, 4 * G);
	check_counters(2 * G, 0, 0, 0);
	check_staged(2);
	s.ops->prefetch(s.instance, 0, N * G);
	store_close(&s);
	check_file(N * G - 100);
}

static void test_closed_right_after_the_last_completion(void)
{
	struct iopfd_memory memory;
	struct store other;

	make_file(N * G);
	for (int i = 0; i < 50; i++) {
		open_file(N, SETTINGS());
		T_EQ(store_fill(&s, 0, G, R, &memory), 0);
		if (i % 2)
			T_EQ(store_open(&other, &policy_file, G, G, R, SETTINGS()), 0);
		store_close(&s);
		if (i % 2)
			store_close(&other);
	}
}

/* What is given back serves for what comes next, whose bytes are its own all the same. */
static void test_memory_is_handed_on(void)
{
	struct iopfd_memory memory[8];

	make_file(N * G);
	open_file(N, SETTINGS());
	for (uint64_t i = 0; i < 8; i++)
		memory[i] = fill(i + 4, 1, R);
	T_EQ(store_release(&s, 4 * G, G, false), 0);
	T_EQ(store_counter(&s, "Staged"), 7 * G);
	T_EQ(s.ops->backed_bytes(s.instance), 8 * G);
	T_EQ(fill(12, 1, R).offset, memory[0].offset);

	/* The file has become shorter, and of what it lacks nobody else's bytes are seen. */
	T_EQ(store_release(&s, 5 * G, G, false), 0);
	T_EQ(truncate(path, 2 * G + 100), 0);
	memset(image + 2 * G + 100, 0, G - 100);
	fill(2, 1, R);

	T_EQ(store_release(&s, 0, N * G, false), 0);
	check_staged(0);
	store_close(&s);
}

int main(void)
{
	path = t_write_file("disk.img", "");
	for (int pass = 0; pass < 3; pass++) {
		no_uring = pass == 0;
		cached = pass == 2;
		t_run(test_fill_reads);
		t_run(test_release_writes_what_is_dirty);
		t_run(test_flush);
		t_run(test_last_granule_in_part);
		t_run(test_beyond_the_end);
		t_run(test_extend);
		t_run(test_empty_file_grows);
		t_run(test_sparse_file);
		t_run(test_truncated_under_us);
		t_run(test_read_errors);
		t_run(test_write_errors);
		t_run(test_never_keeps_what_was_written);
		t_run(test_what_is_lost_is_told);
		t_run(test_many_at_once);
		t_run(test_memory_is_handed_on);
		t_run(test_attempts_become_rare);
		t_run(test_wishes);
		t_run(test_closed_right_after_the_last_completion);
	}
	return 0;
}
