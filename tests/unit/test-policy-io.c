/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engines for I/O on files, each held to the same contract, and the choice between them.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "policy/io.h"
#include "store.h"
#include "t.h"

#define PAGE 65536u /* or a part of that */

static struct io *io;
static sem_t ended;
static atomic_uint n_ended;
static pthread_t main_thread;

/* As a filter of system calls would do it. */
static int uring_error;
struct io_uring;
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
__attribute__((weak)) int __real_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	return uring_error ? uring_error : __real_io_uring_queue_init(entries, ring, flags);
}

static void on_done(struct io_op *op)
{
	(void)op;
	T_ASSERT(!pthread_equal(pthread_self(), main_thread));
	sem_post(&ended);
}

static void wait_for_one(void)
{
	while (sem_wait(&ended) < 0)
		;
}

/* One operation; its error. */
static int run(struct io_op *op, enum io_kind kind, int fd, uint64_t offset, void *buffer, uint64_t length)
{
	*op = (struct io_op){
		.kind = kind,
		.fd = fd,
		.offset = offset,
		.length = length,
		.buffer = buffer,
		.done = on_done,
		.error = -EXDEV,
	};
	io_submit(io, op);
	io_kick(io);
	wait_for_one();
	return op->error;
}

static int new_file(const char *name, uint64_t size)
{
	int fd = open(t_write_file(name, ""), O_RDWR | O_CLOEXEC);

	T_ASSERT(fd >= 0);
	T_EQ(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void test_read_and_write(void)
{
	static char bytes[3 * PAGE], back[3 * PAGE];
	int fd = new_file("data", 0);
	struct io_op op;

	memset(bytes, 'x', sizeof(bytes));
	T_EQ(run(&op, IO_WRITE, fd, 100, bytes, sizeof(bytes)), 0);
	T_EQ(op.n_done, sizeof(bytes));
	T_EQ(run(&op, IO_SYNC, fd, 0, NULL, 0), 0);
	T_EQ(run(&op, IO_AHEAD, fd, PAGE, NULL, PAGE), 0);
	T_EQ(op.n_done, PAGE);
	T_EQ(run(&op, IO_READ, fd, 100, back, sizeof(back)), 0);
	T_EQ(op.n_done, sizeof(back));
	T_EQ(memcmp(bytes, back, sizeof(back)), 0);

	/* The end comes early, or before the beginning. */
	T_EQ(run(&op, IO_READ, fd, 100 + PAGE, back, sizeof(back)), 0);
	T_EQ(op.n_done, 2 * PAGE);
	T_EQ(run(&op, IO_READ, fd, 10 * PAGE, back, sizeof(back)), 0);
	T_EQ(op.n_done, 0);
	close(fd);
}

static void test_longer_than_one_call(void)
{
	size_t n = (5u << 20) + 7;
	char *bytes = malloc(n), *back = calloc(1, n);
	int fd = new_file("long", 0);
	struct io_op op;

	T_ASSERT(bytes && back);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 4096);
	T_EQ(run(&op, IO_WRITE, fd, 3, bytes, n), 0);
	T_EQ(op.n_done, n);
	T_EQ(run(&op, IO_READ, fd, 3, back, n), 0);
	T_EQ(op.n_done, n);
	T_EQ(memcmp(bytes, back, n), 0);
	free(bytes);
	free(back);
	close(fd);
}

static void test_errors(void)
{
	int full = open("/dev/full", O_RDWR | O_CLOEXEC), fd = new_file("closed", PAGE);
	int write_only = open("/dev/null", O_WRONLY | O_CLOEXEC), pipes[2];
	char byte = 0;
	struct io_op op;

	T_EQ(pipe2(pipes, O_CLOEXEC), 0);
	T_EQ(run(&op, IO_WRITE, full, 0, &byte, 1), -ENOSPC);
	T_EQ(run(&op, IO_READ, write_only, 0, &byte, 1), -EBADF);
	T_EQ(run(&op, IO_SYNC, pipes[0], 0, NULL, 0), -EINVAL);
	T_EQ(run(&op, IO_PUNCH, full, 0, NULL, PAGE), -ENODEV);
	T_EQ(run(&op, IO_READ, fd, 0, NULL, PAGE), -EFAULT);
	close(fd);
	T_EQ(run(&op, IO_READ, fd, 0, &byte, 1), -EBADF);
	T_EQ(run(&op, IO_WRITE, fd, 0, &byte, 1), -EBADF);
	T_EQ(run(&op, IO_SYNC, fd, 0, NULL, 0), -EBADF);
	T_EQ(run(&op, IO_PUNCH, fd, 0, NULL, PAGE), -EBADF);
	T_EQ(op.n_done, 0);
	close(full);
	close(write_only);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_memory(void)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	struct io_op op;
	struct stat st;
	char *map;

	T_EQ(ftruncate(fd, 8 * PAGE), 0);
	map = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	T_ASSERT(map != MAP_FAILED);
	T_EQ(run(&op, IO_POPULATE, fd, 2 * PAGE, map + 2 * PAGE, 3 * PAGE), 0);
	T_EQ(op.n_done, 3 * PAGE);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_blocks * 512, 3 * PAGE);
	T_EQ(run(&op, IO_PUNCH, fd, 3 * PAGE, NULL, PAGE), 0);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_blocks * 512, 2 * PAGE);
	T_EQ(st.st_size, 8 * PAGE);
	T_EQ(ftruncate(fd, PAGE), 0);
	T_EQ(run(&op, IO_POPULATE, fd, 0, map, 8 * PAGE), -EFAULT);
	munmap(map, 8 * PAGE);
	close(fd);
}

/* Each operation that ends starts the next one of its chain. */
struct chain {
	struct io_op op;
	unsigned left;
};

static void on_link_done(struct io_op *op)
{
	struct chain *c = container_of(op, struct chain, op);

	T_EQ(op->error, 0);
	T_EQ(op->n_done, op->length);
	n_ended++;
	op->offset += op->length;
	if (--c->left)
		io_submit(io, op);
	else
		sem_post(&ended);
}

static void test_more_than_a_ring_takes(void)
{
	enum { N = 1000, LINKS = 5, SIZE = 64 };
	static struct chain chains[N];
	static char buffers[N][SIZE];
	int fd = new_file("chains", N * LINKS * SIZE);

	n_ended = 0;
	for (unsigned i = 0; i < N; i++) {
		chains[i].left = LINKS;
		chains[i].op = (struct io_op){
			.kind = i % 2 ? IO_READ : IO_WRITE,
			.fd = fd,
			.offset = i * LINKS * SIZE,
			.length = SIZE,
			.buffer = buffers[i],
			.done = on_link_done,
		};
		io_submit(io, &chains[i].op);
		/* Not always: more than one is begun by one kick. */
		if (i % 7 == 0)
			io_kick(io);
	}
	io_kick(io);
	for (unsigned i = 0; i < N; i++)
		wait_for_one();
	T_EQ(n_ended, N * LINKS);
	close(fd);
}

static void test_idle_and_again(void)
{
	int fd = new_file("idle", PAGE);
	struct io_op op;
	char byte;

	for (int i = 0; i < 20; i++) {
		t_sleep_ms(1);
		T_EQ(run(&op, IO_READ, fd, 0, &byte, 1), 0);
	}
	close(fd);
}

static bool test_engine(const struct io_engine *engine)
{
	const char *reason = NULL;
	int r = engine->open(&io, &reason);

	if (r < 0) {
		printf("no %s here: %s\n", engine->name, reason ? reason : strerror(-r));
		return false;
	}
	printf("%s:\n", engine->name);
	io->engine = engine;
	t_run(test_read_and_write);
	t_run(test_longer_than_one_call);
	t_run(test_errors);
	t_run(test_memory);
	t_run(test_more_than_a_ring_takes);
	t_run(test_idle_and_again);
	engine->close(io);
	return true;
}

/* One engine for all; the preferred one where it works, told about once where not. */
static bool works[8];
static void test_choice(void)
{
	struct io *first, *second;
	unsigned n = 0;

	while (io_engines[n])
		n++;
	T_EQ(io_get(&store_host, &first), 0);
	T_EQ(io_get(&store_host, &second), 0);
	T_ASSERT(first == second);
	T_ASSERT(first->engine == io_engines[works[0] ? 0 : n - 1]);
	io_put(first);
	io_put(second);
	T_EQ(store_n_logged, works[0] ? 0 : 1);

	for (int i = 0; i < 2; i++) {
		uring_error = -EPERM;
		T_EQ(io_get(&store_host, &first), 0);
		T_ASSERT(first->engine == &io_pool_engine);
		io_put(first);
	}
	T_EQ(store_n_logged, n > 1);
	T_ASSERT(n == 1 || !works[0] || strstr(store_logged, "without io_uring: kernel.io_uring_disabled or a seccomp"));
}

int main(void)
{
	main_thread = pthread_self();
	sem_init(&ended, 0, 0);
	for (unsigned i = 0; io_engines[i]; i++)
		works[i] = test_engine(io_engines[i]);
	t_run(test_choice);
	return 0;
}
