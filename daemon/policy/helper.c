/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/helper.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "base/thread.h"

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
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	STAILQ_HEAD(, job) jobs; /* under the lock */
	bool ending;             /* likewise */
};

static struct job *next_job(struct helper *h)
{
	struct job *j;

	pthread_mutex_lock(&h->lock);
	while (STAILQ_EMPTY(&h->jobs) && !h->ending)
		pthread_cond_wait(&h->changed, &h->lock);
	j = STAILQ_FIRST(&h->jobs);
	if (j)
		STAILQ_REMOVE_HEAD(&h->jobs, link);
	pthread_mutex_unlock(&h->lock);
	return j;
}

static void *run(void *userdata)
{
	struct helper *h = userdata;
	struct job *j;

	while ((j = next_job(h))) {
		struct iopfd_memory memory = { .fd = -1 };
		int r = h->fill(h->instance, j->offset, j->length, &memory);

		h->host->complete(j->request, r, r == 0 ? &memory : NULL);
		free(j);
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
	STAILQ_INIT(&h->jobs);
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
	if (!h)
		return NULL;
	pthread_mutex_lock(&h->lock);
	h->ending = true;
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	assert(STAILQ_EMPTY(&h->jobs));
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return NULL;
}

int helper_submit(struct helper *h, struct iopfd_request *request, uint64_t offset, uint64_t length)
{
	struct job *j = malloc(sizeof(*j));

	if (!j)
		return -ENOMEM;
	*j = (struct job){ .request = request, .offset = offset, .length = length };
	pthread_mutex_lock(&h->lock);
	STAILQ_INSERT_TAIL(&h->jobs, j, link);
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
	return IOPFD_PENDING;
}
