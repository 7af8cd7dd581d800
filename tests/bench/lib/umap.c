/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "umap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "measure.h"
#include "options.h"

#define MAX_QUEUES 16
#define MAX_FILLERS 16
#define MAX_MESSAGES 64
#define WORK_SIZE 4096u /* more than threads that touch */
#define HIGH_WATER(capacity) ((capacity) * 90 / 100)
#define LOW_WATER(capacity) ((capacity) * 70 / 100)

enum page_state {
	PAGE_ABSENT,
	PAGE_FILLING,
	PAGE_PRESENT,
};

/* A fault; page counts through all windows. */
struct work {
	uint32_t page;
	bool protected; /* a write to a page that is on its way out */
};

struct window {
	struct umap *umap;
	uint8_t *memory;
	int fd;
	pthread_t reader;
};

struct umap {
	uint64_t n_pages, n_queues, capacity, n_fillers; /* n_pages: of a window */
	struct window windows[MAX_QUEUES];
	int file; /* -1: zeroes */
	int end[2];
	pthread_t fillers[MAX_FILLERS];

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t is_work;
	struct work work[WORK_SIZE]; /* from head to tail */
	uint64_t head, tail;
	bool ends;
	uint8_t *states;  /* enum page_state of each page */
	uint32_t *filled; /* a ring of pages in the order in which they came */
	uint64_t oldest, newest;
	uint64_t bytes_written;
};

static struct window *window_of(struct umap *u, uint32_t page)
{
	return &u->windows[page / u->n_pages];
}

static uint8_t *address_of(struct umap *u, uint32_t page)
{
	return window_of(u, page)->memory + page % u->n_pages * UMAP_PAGE;
}

/* Nobody writes to it while it is on its way to the file. It is dirty: only writes touch it. */
static void write_back(struct umap *u, uint32_t page)
{
	struct uffdio_writeprotect protect = {
		.range = { .start = (uintptr_t)address_of(u, page), .len = UMAP_PAGE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(window_of(u, page)->fd, UFFDIO_WRITEPROTECT, &protect) < 0)
		die("UFFDIO_WRITEPROTECT: %s", strerror(errno));
	if (pwrite(u->file, address_of(u, page), UMAP_PAGE, (off_t)(page * UMAP_PAGE)) != (ssize_t)UMAP_PAGE)
		die("write: %s", strerror(errno));
	u->bytes_written += UMAP_PAGE;
}

/* Under the lock. */
static void make_room(struct umap *u)
{
	if (u->newest - u->oldest < HIGH_WATER(u->capacity))
		return;
	while (u->newest - u->oldest > LOW_WATER(u->capacity)) {
		uint32_t page = u->filled[u->oldest++ % (u->n_pages * u->n_queues)];

		if (u->file >= 0)
			write_back(u, page);
		madvise(address_of(u, page), UMAP_PAGE, MADV_DONTNEED);
		u->states[page] = PAGE_ABSENT;
	}
}

static void copy_page(struct umap *u, uint32_t page, void *contents)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)address_of(u, page), .src = (uintptr_t)contents, .len = UMAP_PAGE };

	if (u->file >= 0 && pread(u->file, contents, UMAP_PAGE, (off_t)(page * UMAP_PAGE)) != (ssize_t)UMAP_PAGE)
		die("read: %s", strerror(errno));
	if (ioctl(window_of(u, page)->fd, UFFDIO_COPY, &copy) < 0)
		die("UFFDIO_COPY: %s", strerror(errno));
}

/* Under the lock, which copying is not. */
static void serve(struct umap *u, const struct work *w, void *contents)
{
	struct uffdio_range range = { .start = (uintptr_t)address_of(u, w->page), .len = UMAP_PAGE };

	if (w->protected) { /* it has gone by now: the access shall find that out */
		ioctl(window_of(u, w->page)->fd, UFFDIO_WAKE, &range);
		return;
	}
	if (u->states[w->page] != PAGE_ABSENT) /* who waits for it is woken by the one copy */
		return;
	make_room(u);
	u->states[w->page] = PAGE_FILLING;
	pthread_mutex_unlock(&u->lock);
	copy_page(u, w->page, contents);
	pthread_mutex_lock(&u->lock);
	u->states[w->page] = PAGE_PRESENT;
	u->filled[u->newest++ % (u->n_pages * u->n_queues)] = w->page;
}

static void *fill(void *userdata)
{
	uint8_t contents[UMAP_PAGE] __attribute__((aligned(UMAP_PAGE))) = { 0 };
	struct umap *u = userdata;

	pthread_mutex_lock(&u->lock);
	for (;;) {
		struct work w;

		while (u->head == u->tail && !u->ends)
			pthread_cond_wait(&u->is_work, &u->lock);
		if (u->head == u->tail)
			break;
		w = u->work[u->head++ % WORK_SIZE];
		serve(u, &w, contents);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

static void hand_over(struct window *w, const struct uffd_msg *messages, size_t n)
{
	struct umap *u = w->umap;
	uint32_t first = (uint32_t)((w - u->windows) * u->n_pages);

	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < n; i++)
		u->work[u->tail++ % WORK_SIZE] = (struct work){
			.page = first + (uint32_t)((messages[i].arg.pagefault.address - (uintptr_t)w->memory) / UMAP_PAGE),
			.protected = messages[i].arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP,
		};
	pthread_cond_broadcast(&u->is_work);
	pthread_mutex_unlock(&u->lock);
}

static void *read_faults(void *userdata)
{
	struct window *w = userdata;
	struct pollfd p[] = { { .fd = w->fd, .events = POLLIN }, { .fd = w->umap->end[0], .events = POLLIN } };
	struct uffd_msg messages[MAX_MESSAGES];

	for (;;) {
		ssize_t n;

		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		n = read(w->fd, messages, sizeof(messages));
		if (n > 0)
			hand_over(w, messages, (size_t)n / sizeof(*messages));
	}
}

static void open_window(struct umap *u, struct window *w)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range;
	size_t size = u->n_pages * UMAP_PAGE;

	w->umap = u;
	w->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (w->fd < 0 || ioctl(w->fd, UFFDIO_API, &api) < 0)
		die("userfaultfd: %s", strerror(errno));
	w->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	range = (struct uffdio_register){
		.range = { .start = (uintptr_t)w->memory, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING | (u->file < 0 ? 0 : UFFDIO_REGISTER_MODE_WP),
	};
	if (w->memory == MAP_FAILED || ioctl(w->fd, UFFDIO_REGISTER, &range) < 0)
		die("memory: %s", strerror(errno));
	MUST(thread_start(&w->reader, "umap-read", read_faults, w));
}

static void open_file(struct umap *u)
{
	const char *path = option("path", "");

	u->file = *path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (*path && u->file < 0)
		die("%s: %s", path, strerror(errno));
}

struct umap *umap_open(void)
{
	uint64_t size = option_number("size", UMAP_PAGE), n;
	struct umap *u = calloc(1, sizeof(*u));

	if (!u)
		die("out of memory");
	u->n_pages = size / UMAP_PAGE;
	u->n_queues = option_number("queues", 1);
	u->n_fillers = option_number("fillers", 2);
	n = u->n_pages * u->n_queues;
	u->capacity = option_number("capacity", 2 * n * UMAP_PAGE) / UMAP_PAGE;
	u->states = calloc(n, sizeof(*u->states));
	u->filled = calloc(n, sizeof(*u->filled));
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->is_work, NULL);
	if (!n || u->n_queues > MAX_QUEUES || !u->n_fillers || u->n_fillers > MAX_FILLERS)
		die("size=, queues= or fillers= out of range");
	if (!u->states || !u->filled || pipe2(u->end, O_CLOEXEC) < 0)
		die("out of memory");
	open_file(u);
	for (uint64_t i = 0; i < u->n_fillers; i++)
		MUST(thread_start(&u->fillers[i], "umap-fill", fill, u));
	for (uint64_t i = 0; i < u->n_queues; i++)
		open_window(u, &u->windows[i]);
	return u;
}

void umap_close(struct umap *u)
{
	pthread_mutex_lock(&u->lock);
	u->ends = true;
	pthread_cond_broadcast(&u->is_work);
	pthread_mutex_unlock(&u->lock);
	close(u->end[1]);
	for (uint64_t i = 0; i < u->n_fillers; i++)
		pthread_join(u->fillers[i], NULL);
	for (uint64_t i = 0; i < u->n_queues; i++) {
		pthread_join(u->windows[i].reader, NULL);
		munmap(u->windows[i].memory, u->n_pages * UMAP_PAGE);
		close(u->windows[i].fd);
	}
	close(u->end[0]);
	if (u->file >= 0) {
		print_result("bytes_written", (double)u->bytes_written);
		close(u->file);
	}
	free(u->states);
	free(u->filled);
	free(u);
}

uint64_t umap_pages(const struct umap *u)
{
	return u->n_pages;
}

uint64_t umap_queues(const struct umap *u)
{
	return u->n_queues;
}

void umap_touch(struct umap *u, uint64_t queue, uint64_t page)
{
	__atomic_store_n((uint64_t *)(void *)(u->windows[queue].memory + page * UMAP_PAGE), page, __ATOMIC_RELAXED);
}

uint64_t umap_faults(struct umap *u)
{
	uint64_t n;

	pthread_mutex_lock(&u->lock);
	n = u->tail;
	pthread_mutex_unlock(&u->lock);
	return n;
}

uint64_t umap_cpu_ns(struct umap *u)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < u->n_queues; i++)
		sum += thread_cpu_ns(u->windows[i].reader);
	for (uint64_t i = 0; i < u->n_fillers; i++)
		sum += thread_cpu_ns(u->fillers[i]);
	return sum;
}

uint64_t thread_cpu_ns(pthread_t thread)
{
	struct timespec t;
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) || clock_gettime(clock, &t) < 0)
		die("a thread has no CPU clock");
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}
