/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/helper.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "base/thread.h"

STAILQ_HEAD(job_list, job);

struct job {
	STAILQ_ENTRY(job) link;
	struct iopfd_request *request;
	uint64_t offset;
	uint64_t length;
};

struct helper {
	const struct iopfd_host *host;
	helper_fill_fn fill;
	void *instance;
	helper_wish_fn wish;
	uint64_t step;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job_list free;    /* the submitter's */
	struct job_list held;    /* submitted, and not begun: likewise */
	struct job_list jobs;    /* this and the rest: under the lock */
	struct job_list ended;   /* to be used again */
	uint64_t wish_offset;
	uint64_t wish_end;       /* the same: no wish */
	bool sleeping;
	bool ending;
};

/* Locked. False: the end. *ret: a job; or NULL and the next step of the wish. */
static bool take(struct helper *h, struct job **ret, uint64_t *ret_step)
{
	while (STAILQ_EMPTY(&h->jobs) && h->wish_offset == h->wish_end && !h->ending) {
		h->sleeping = true;
		pthread_cond_wait(&h->changed, &h->lock);
		h->sleeping = false;
	}
	*ret = STAILQ_FIRST(&h->jobs);
	if (*ret) {
		STAILQ_REMOVE_HEAD(&h->jobs, link);
		return true;
	}
	if (h->ending)
		return false;
	*ret_step = h->wish_offset;
	h->wish_offset += h->step;
	return true;
}

static bool next_job(struct helper *h, struct job *ended, struct job **ret, uint64_t *ret_step)
{
	bool goes_on;

	pthread_mutex_lock(&h->lock);
	if (ended)
		STAILQ_INSERT_TAIL(&h->ended, ended, link);
	goes_on = take(h, ret, ret_step);
	pthread_mutex_unlock(&h->lock);
	return goes_on;
}

static void do_job(struct helper *h, const struct job *j)
{
	struct iopfd_memory memory = { .fd = -1 };
	int r = h->fill(h->instance, j->offset, j->length, &memory);

	h->host->complete(j->request, r, r == 0 ? &memory : NULL);
}

static void *run(void *userdata)
{
	struct helper *h = userdata;
	struct job *j = NULL;
	uint64_t step = 0;

	while (next_job(h, j, &j, &step)) {
		if (j)
			do_job(h, j);
		else
			h->wish(h->instance, step);
	}
	return NULL;
}

int helper_new(const char *name, const struct iopfd_host *host, helper_fill_fn fill, void *instance,
	       struct helper **ret)
{
	struct helper *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->host = host;
	h->fill = fill;
	h->instance = instance;
	STAILQ_INIT(&h->free);
	STAILQ_INIT(&h->held);
	STAILQ_INIT(&h->jobs);
	STAILQ_INIT(&h->ended);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	r = thread_start(&h->thread, name, run, h);
	if (r < 0) {
		pthread_cond_destroy(&h->changed);
		pthread_mutex_destroy(&h->lock);
		free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct helper *helper_free(struct helper *h)
{
	struct job *j;

	if (!h)
		return NULL;
	pthread_mutex_lock(&h->lock);
	h->ending = true;
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	assert(STAILQ_EMPTY(&h->held) && STAILQ_EMPTY(&h->jobs));
	STAILQ_CONCAT(&h->free, &h->ended);
	while ((j = STAILQ_FIRST(&h->free))) {
		STAILQ_REMOVE_HEAD(&h->free, link);
		free(j);
	}
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return NULL;
}

int helper_submit(struct helper *h, struct iopfd_request *request, uint64_t offset, uint64_t length)
{
	struct job *j = STAILQ_FIRST(&h->free);

	if (j)
		STAILQ_REMOVE_HEAD(&h->free, link);
	else if (!(j = malloc(sizeof(*j))))
		return -ENOMEM;
	*j = (struct job){ .request = request, .offset = offset, .length = length };
	STAILQ_INSERT_TAIL(&h->held, j, link);
	return IOPFD_PENDING;
}

void helper_begin(struct helper *h)
{
	bool sleeps;

	if (STAILQ_EMPTY(&h->held))
		return;
	pthread_mutex_lock(&h->lock);
	sleeps = h->sleeping;
	STAILQ_CONCAT(&h->jobs, &h->held);
	STAILQ_CONCAT(&h->free, &h->ended);
	pthread_mutex_unlock(&h->lock);
	/* After the unlock, which it would only wait for. */
	if (sleeps)
		pthread_cond_signal(&h->changed);
}

void helper_take_wishes(struct helper *h, helper_wish_fn fn, uint64_t step)
{
	h->wish = fn;
	h->step = step;
}

void helper_wish(struct helper *h, uint64_t offset, uint64_t length)
{
	bool sleeps;

	pthread_mutex_lock(&h->lock);
	h->wish_offset = offset;
	h->wish_end = offset + length;
	sleeps = h->sleeping;
	pthread_mutex_unlock(&h->lock);
	if (sleeps)
		pthread_cond_signal(&h->changed);
}
