/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (c): memory of a program served in user space with userfaultfd, in the shape
 * that libraries for it have: one thread reads the faults, fillers copy one page for each,
 * and what was filled first is thrown away first when the buffer is full to the high water
 * mark, down to the low one. The device is played by threads that write a word to each page,
 * in turn over the pages, so that as many faults are in flight.
 *
 *	size=, capacity=    bytes; of the window, and of what may be in memory (all)
 *	depth=N             threads that touch (16)
 *	fillers=N           (2)
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure.h"
#include "options.h"

#define PAGE 4096ull
#define MAX_THREADS 64
#define MAX_MESSAGES 64
#define QUEUE_SIZE 4096u /* more than threads that touch */
#define HIGH_WATER(capacity) ((capacity) * 90 / 100)
#define LOW_WATER(capacity) ((capacity) * 70 / 100)

static struct {
	int fd;
	uint8_t *memory;
	uint64_t size, n_pages, capacity; /* capacity in pages */
	uint64_t depth;
	uint8_t zeroes[PAGE];

	pthread_mutex_t lock;
	pthread_cond_t work;
	uint64_t queue[QUEUE_SIZE]; /* addresses, from head to tail */
	uint64_t head, tail;
	bool end;
	uint64_t *filled;           /* a ring of pages in the order in which they came */
	uint64_t oldest, newest;
} u = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER };

/* Under the lock. */
static void make_room(void)
{
	if (u.newest - u.oldest < HIGH_WATER(u.capacity))
		return;
	while (u.newest - u.oldest > LOW_WATER(u.capacity))
		madvise((void *)(uintptr_t)u.filled[u.oldest++ % u.n_pages], PAGE, MADV_DONTNEED);
}

static void *fill(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&u.lock);
	for (;;) {
		struct uffdio_copy copy = { .src = (uintptr_t)u.zeroes, .len = PAGE };

		while (u.head == u.tail && !u.end)
			pthread_cond_wait(&u.work, &u.lock);
		if (u.head == u.tail)
			break;
		copy.dst = u.queue[u.head++ % QUEUE_SIZE];
		make_room();
		u.filled[u.newest++ % u.n_pages] = copy.dst;
		pthread_mutex_unlock(&u.lock);
		if (ioctl(u.fd, UFFDIO_COPY, &copy) < 0 && errno != EEXIST)
			die("UFFDIO_COPY: %s", strerror(errno));
		pthread_mutex_lock(&u.lock);
	}
	pthread_mutex_unlock(&u.lock);
	return NULL;
}

static void *read_faults(void *end_fd)
{
	struct pollfd p[] = { { .fd = u.fd, .events = POLLIN }, { .fd = *(int *)end_fd, .events = POLLIN } };
	struct uffd_msg messages[MAX_MESSAGES];

	for (;;) {
		ssize_t n;

		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		n = read(u.fd, messages, sizeof(messages));
		if (n <= 0)
			continue;
		pthread_mutex_lock(&u.lock);
		for (size_t i = 0; i < (size_t)n / sizeof(*messages); i++)
			u.queue[u.tail++ % QUEUE_SIZE] = messages[i].arg.pagefault.address & ~(PAGE - 1);
		pthread_cond_broadcast(&u.work);
		pthread_mutex_unlock(&u.lock);
	}
}

static void *touch(void *first)
{
	for (uint64_t page = (uintptr_t)first; page < u.n_pages; page += u.depth)
		*(volatile uint64_t *)(volatile void *)(u.memory + page * PAGE) = page;
	return NULL;
}

static void open_memory(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range;

	u.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u.fd < 0 || ioctl(u.fd, UFFDIO_API, &api) < 0)
		die("userfaultfd: %s", strerror(errno));
	u.memory = mmap(NULL, u.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	range = (struct uffdio_register){ .range = { .start = (uintptr_t)u.memory, .len = u.size },
					  .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (u.memory == MAP_FAILED || ioctl(u.fd, UFFDIO_REGISTER, &range) < 0)
		die("memory: %s", strerror(errno));
}

static void start(pthread_t *thread, void *(*run)(void *), void *userdata)
{
	if (pthread_create(thread, NULL, run, userdata))
		die("no thread");
}

static uint64_t touch_all(void)
{
	pthread_t threads[MAX_THREADS];
	uint64_t begin = clock_now_ns();

	for (uint64_t i = 0; i < u.depth; i++)
		start(&threads[i], touch, (void *)(uintptr_t)i);
	for (uint64_t i = 0; i < u.depth; i++)
		pthread_join(threads[i], NULL);
	return clock_now_ns() - begin;
}

static void end_fillers(pthread_t *fillers, uint64_t n)
{
	pthread_mutex_lock(&u.lock);
	u.end = true;
	pthread_cond_broadcast(&u.work);
	pthread_mutex_unlock(&u.lock);
	for (uint64_t i = 0; i < n; i++)
		pthread_join(fillers[i], NULL);
}

int main(int argc, char **argv)
{
	pthread_t reader, fillers[MAX_THREADS];
	uint64_t n_fillers, ns;
	int end[2];

	options_init("umap", argv + 1, (size_t)argc - 1);
	u.size = option_number("size", PAGE);
	u.n_pages = u.size / PAGE;
	u.capacity = option_number("capacity", 2 * u.size) / PAGE;
	u.depth = option_number("depth", 16);
	n_fillers = option_number("fillers", 2);
	u.filled = calloc(u.n_pages, sizeof(*u.filled));
	if (!u.depth || u.depth > MAX_THREADS || !n_fillers || n_fillers > MAX_THREADS || !u.filled || pipe(end) < 0)
		die("depth= or fillers= out of range");
	open_memory();
	start(&reader, read_faults, &end[0]);
	for (uint64_t i = 0; i < n_fillers; i++)
		start(&fillers[i], fill, NULL);
	ns = touch_all();
	close(end[1]);
	pthread_join(reader, NULL);
	end_fillers(fillers, n_fillers);
	print_result("bytes_per_s", (double)u.size * (double)NSEC_PER_SEC / (double)ns);
	print_result("faults_per_s", (double)u.n_pages * (double)NSEC_PER_SEC / (double)ns);
	print_result("cpu_ns_per_page", (double)process_cpu_ns(getpid()) / (double)u.n_pages);
	munmap(u.memory, u.size);
	free(u.filled);
	close(u.fd);
	return options_check();
}
