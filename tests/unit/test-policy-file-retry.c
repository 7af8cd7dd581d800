/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Staged files below which system calls fail or stop half way, on command, and what a flush
 * tries again while other requests come. With threads: their system calls are wrapped.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store.h"
#include "t.h"

#define G (64ull << 10)
#define N 8u
#define R IOPFD_ACCESS_READ
#define W IOPFD_ACCESS_WRITE

extern const struct iopfd_policy policy_file;

/* What the next calls do: each takes one off. */
enum { NORMAL, FAIL_EIO, FAIL_EINTR, SHORT, STOP };
static atomic_int script[8], position;
static sem_t stopped, go_on;
static const char *path;
static struct store s;
static char image[N * G], bytes[N * G];

struct io_uring;
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
ssize_t __real_pread(int fd, void *buffer, size_t n, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t n, off_t offset);
ssize_t __wrap_preadv2(int fd, const struct iovec *to, int n, off_t offset, int flags);
ssize_t __real_pwrite(int fd, const void *buffer, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t n, off_t offset);

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	(void)entries;
	(void)ring;
	(void)flags;
	return -ENOSYS;
}

/* True: the call fails with errno. */
static bool obey(size_t *n)
{
	int what = position < 8 ? script[position++] : NORMAL;

	if (what == STOP) {
		sem_post(&stopped);
		while (sem_wait(&go_on) < 0)
			;
	}
	if (what == SHORT)
		*n = 1000;
	errno = what == FAIL_EIO ? EIO : EINTR;
	return what == FAIL_EIO || what == FAIL_EINTR;
}

ssize_t __wrap_pread(int fd, void *buffer, size_t n, off_t offset)
{
	return obey(&n) ? -1 : __real_pread(fd, buffer, n, offset);
}

ssize_t __wrap_pwrite(int fd, const void *buffer, size_t n, off_t offset)
{
	return obey(&n) ? -1 : __real_pwrite(fd, buffer, n, offset);
}

/* The page cache has nothing. */
ssize_t __wrap_preadv2(int fd, const struct iovec *to, int n, off_t offset, int flags)
{
	(void)fd;
	(void)to;
	(void)n;
	(void)offset;
	(void)flags;
	errno = EAGAIN;
	return -1;
}

static void play(int first, int second, int third)
{
	script[0] = first;
	script[1] = second;
	script[2] = third;
	position = 0;
}

static void open_file(void)
{
	char setting[4200];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (char)(i * 7 + i / 4096);
	T_EQ(__real_pwrite(fd, image, sizeof(image), 0), sizeof(image));
	close(fd);
	snprintf(setting, sizeof(setting), "path=%s", path);
	T_EQ(store_open(&s, &policy_file, N * G, G, R | W, (const char *const[]){ setting, NULL }), 0);
	play(NORMAL, NORMAL, NORMAL);
}

static void check_file(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	T_EQ(read(fd, bytes, sizeof(bytes)), sizeof(image));
	T_EQ(memcmp(bytes, image, sizeof(image)), 0);
	close(fd);
}

static void check_memory(const struct iopfd_memory *memory, uint64_t granule, uint64_t n)
{
	store_dma_read(memory, 0, bytes, n * G);
	T_EQ(memcmp(bytes, image + granule * G, n * G), 0);
}

static void scribble(uint64_t granule, char c)
{
	struct iopfd_memory memory;

	T_EQ(store_fill(&s, granule * G, G, R | W, &memory), 0);
	memset(image + granule * G, c, G);
	store_dma_write(&memory, 0, image + granule * G, G);
}

static void test_read_error_half_way(void)
{
	struct iopfd_memory memory;

	open_file();
	play(SHORT, FAIL_EIO, NORMAL);
	T_EQ(store_fill(&s, 2 * G, G, R, &memory), -EIO);
	T_EQ(store_counter(&s, "ReadErrors"), 1);
	T_EQ(store_counter(&s, "BytesRead"), 1000);
	T_EQ(store_counter(&s, "Staged"), 0);
	T_EQ(s.ops->backed_bytes(s.instance), 0);
	play(FAIL_EINTR, SHORT, SHORT);
	T_EQ(store_fill(&s, 2 * G, G, R, &memory), 0);
	check_memory(&memory, 2, 1);
	store_close(&s);
}

/* Of a run around something that is there, the second read fails: the first goes back. */
static void test_read_error_in_the_second_part(void)
{
	struct iopfd_memory memory;

	open_file();
	scribble(3, 'x');
	T_EQ(store_flush(&s, 3 * G, G), 0);
	scribble(3, 'y');
	play(FAIL_EIO, NORMAL, NORMAL);
	T_EQ(store_release(&s, 3 * G, G, true), -EIO);
	play(NORMAL, FAIL_EIO, NORMAL);
	T_EQ(store_fill(&s, 2 * G, 4 * G, R, &memory), -EIO);
	T_EQ(store_counter(&s, "Staged"), G);
	T_EQ(store_fill(&s, 2 * G, 4 * G, R, &memory), 0);
	check_memory(&memory, 2, 4);
	T_EQ(store_release(&s, 2 * G, 4 * G, false), 0);
	T_EQ(store_counter(&s, "Staged"), 0);
	store_close(&s);
	check_file();
}

static void test_write_error_half_way(void)
{
	struct iopfd_memory memory;

	open_file();
	scribble(1, 'a');
	scribble(2, 'b');
	play(SHORT, FAIL_EIO, NORMAL);
	T_EQ(store_release(&s, 0, 4 * G, true), -EIO);
	T_EQ(store_counter(&s, "WriteErrors"), 1);
	T_EQ(store_counter(&s, "BytesWrittenBack"), 1000);
	T_EQ(store_fill(&s, 1 * G, 2 * G, R, &memory), 0);
	check_memory(&memory, 1, 2);
	play(FAIL_EINTR, SHORT, NORMAL);
	T_EQ(store_release(&s, 1 * G, 2 * G, false), 0);
	store_close(&s);
	check_file();
}

static struct iopfd_request *start_sync(void)
{
	static struct iopfd_request request;

	request = (struct iopfd_request){ 0 };
	play(STOP, NORMAL, NORMAL);
	T_EQ(s.ops->flush(s.instance, &request, 0, 0), IOPFD_PENDING);
	store_submit(&s);
	while (sem_wait(&stopped) < 0)
		;
	return &request;
}

/* While a flush writes what was left, who wants that waits and nobody else does. */
static void test_others_wait_for_what_is_tried_again(void)
{
	struct iopfd_request wanted = { 0 }, second = { 0 }, *sync;
	struct iopfd_memory memory;

	open_file();
	scribble(2, 'c');
	scribble(3, 'd');
	play(FAIL_EIO, NORMAL, NORMAL);
	T_EQ(store_release(&s, 2 * G, 2 * G, true), -EIO);
	sync = start_sync();
	T_EQ(s.ops->fill(s.instance, &wanted, 3 * G, G, R | W, &wanted.memory), IOPFD_PENDING);
	T_EQ(s.ops->flush(s.instance, &second, 0, 0), IOPFD_PENDING);
	store_submit(&s);
	scribble(5, 'e');
	T_EQ(store_fill(&s, 4 * G, G, R | W, &memory), 0);
	T_EQ(store_release(&s, 4 * G, 2 * G, true), 0);
	T_ASSERT(!store_is_completed(&wanted) && !store_is_completed(&second) && !store_is_completed(sync));
	sem_post(&go_on);
	T_EQ(store_wait(&wanted, IOPFD_PENDING), 0);
	T_EQ(store_wait(sync, IOPFD_PENDING), 0);
	T_EQ(store_wait(&second, IOPFD_PENDING), 0);
	check_memory(&wanted.memory, 3, 1);
	T_EQ(store_counter(&s, "Staged"), G);
	T_EQ(store_release(&s, 3 * G, G, false), 0);
	store_close(&s);
	check_file();
}

/* What fails again waits for the next flush; what was filled meanwhile is the core's. */
static void test_failing_again(void)
{
	struct iopfd_request wanted = { 0 }, *sync;

	open_file();
	scribble(1, 'f');
	scribble(4, 'g');
	play(FAIL_EIO, FAIL_EIO, NORMAL);
	T_EQ(store_release(&s, 1 * G, G, true), -EIO);
	T_EQ(store_release(&s, 4 * G, G, true), -EIO);
	sync = start_sync();
	script[1] = FAIL_EIO;
	T_EQ(s.ops->fill(s.instance, &wanted, 4 * G, G, R | W, &wanted.memory), 0);
	sem_post(&go_on);
	T_EQ(store_wait(sync, IOPFD_PENDING), 0);
	T_EQ(store_counter(&s, "Staged"), G);

	T_EQ(store_release(&s, 4 * G, G, false), -EIO);
	sync = start_sync();
	script[1] = FAIL_EIO;
	wanted = (struct iopfd_request){ 0 };
	T_EQ(s.ops->fill(s.instance, &wanted, 0, 5 * G, R, &wanted.memory), IOPFD_PENDING);
	store_submit(&s);
	sem_post(&go_on);
	T_EQ(store_wait(sync, IOPFD_PENDING), 0);
	T_EQ(store_wait(&wanted, IOPFD_PENDING), -EIO);
	T_EQ(store_counter(&s, "Staged"), 0);
	store_close(&s);
	check_file();
}

static void check_still_there(uint64_t granule, const struct iopfd_memory *where)
{
	struct iopfd_request again = { 0 };

	T_EQ(s.ops->fill(s.instance, &again, granule * G, G, R, &again.memory), 0);
	T_EQ(again.memory.fd, where->fd);
	T_EQ(again.memory.offset, where->offset);
	check_memory(where, granule, 1);
}

/* The core flushes what was written since, and this was not: its bytes are the policy's to
 * remember. It stays where a device may have it mapped. */
static void test_flush_that_failed(void)
{
	struct iopfd_memory memory;

	open_file();
	scribble(2, 'h');
	T_EQ(store_fill(&s, 2 * G, G, R, &memory), 0);
	play(FAIL_EIO, NORMAL, NORMAL);
	T_EQ(store_flush(&s, 2 * G, G), -EIO);
	play(FAIL_EIO, NORMAL, NORMAL);
	T_EQ(store_flush(&s, 0, 0), -EIO);
	T_EQ(store_flush(&s, 0, 0), 0);
	check_file();
	check_still_there(2, &memory);
	T_EQ(store_counter(&s, "Staged"), G);
	T_EQ(store_counter(&s, "BytesWrittenBack"), G);
	T_EQ(store_release(&s, 2 * G, G, false), 0);
	T_EQ(store_counter(&s, "BytesWrittenBack"), G);
	T_EQ(store_counter(&s, "Staged"), 0);
	store_close(&s);
	check_file();
}

/* A release that failed, and a device that only reads since: the next flush writes it. */
static void test_read_after_a_failure(void)
{
	struct iopfd_memory memory;

	open_file();
	scribble(2, 'i');
	play(FAIL_EIO, NORMAL, NORMAL);
	T_EQ(store_release(&s, 2 * G, G, true), -EIO);
	T_EQ(store_fill(&s, 2 * G, G, R, &memory), 0);
	T_EQ(store_flush(&s, 0, 0), 0);
	check_file();
	check_still_there(2, &memory);
	T_EQ(store_release(&s, 2 * G, G, false), 0);
	T_EQ(store_counter(&s, "BytesWrittenBack"), G);
	store_close(&s);
}

int main(void)
{
	path = t_write_file("disk.img", "");
	sem_init(&stopped, 0, 0);
	sem_init(&go_on, 0, 0);
	t_run(test_read_error_half_way);
	t_run(test_read_error_in_the_second_part);
	t_run(test_write_error_half_way);
	t_run(test_others_wait_for_what_is_tried_again);
	t_run(test_failing_again);
	t_run(test_flush_that_failed);
	t_run(test_read_after_a_failure);
	return 0;
}
