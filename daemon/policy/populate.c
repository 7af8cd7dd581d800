/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * By MADV_POPULATE_WRITE on a mapping that lasts only for that, and never by fallocate(),
 * whose pages are not zeroed until somebody reads them (tests/rig/README.md, "map").
 */
#include "policy/populate.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/thread.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Zeroed in one call: 23 us or so, which is what the end of a populate waits for at most. */
#define STEP_BYTES (256ull << 10)

struct populate {
	int fd;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t offset; /* the wish that waits, under the lock; length 0 = none */
	uint64_t length;
	bool ending;
};

static bool take(struct populate *p, uint64_t *ret_offset, uint64_t *ret_length)
{
	bool ending;

	pthread_mutex_lock(&p->lock);
	while (!p->length && !p->ending)
		pthread_cond_wait(&p->changed, &p->lock);
	*ret_offset = p->offset;
	*ret_length = p->length;
	p->length = 0;
	ending = p->ending;
	pthread_mutex_unlock(&p->lock);
	return !ending;
}

/* No memory, or not so much of it for this control group: then on demand. */
static void populate_range(const struct populate *p, uint64_t offset, uint64_t length)
{
	for (uint64_t end = offset + length; offset < end; offset += STEP_BYTES) {
		uint64_t n = end - offset < STEP_BYTES ? end - offset : STEP_BYTES;
		void *map = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, (off_t)offset);
		int r;

		if (map == MAP_FAILED)
			return;
		r = madvise(map, n, MADV_POPULATE_WRITE);
		munmap(map, n);
		if (r < 0)
			return;
	}
}

static void *run(void *userdata)
{
	struct populate *p = userdata;
	uint64_t offset, length;

	while (take(p, &offset, &length))
		populate_range(p, offset, length);
	return NULL;
}

int populate_new(int fd, struct populate **ret)
{
	struct populate *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->fd = fd;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	*ret = p;
	return 0;
}

struct populate *populate_free(struct populate *p)
{
	if (!p)
		return NULL;
	if (p->started) {
		pthread_mutex_lock(&p->lock);
		p->ending = true;
		pthread_cond_signal(&p->changed);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
	}
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

void populate_wish(struct populate *p, uint64_t offset, uint64_t length)
{
	if (!p->started)
		p->started = thread_start(&p->thread, "iopfd-populate", run, p) >= 0;
	if (!p->started)
		return;
	if (pthread_mutex_trylock(&p->lock))
		return;
	p->offset = offset;
	p->length = length;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}
