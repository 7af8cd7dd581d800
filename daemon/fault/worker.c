/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	STAILQ_HEAD(, work) queue;
	bool ended;
	unsigned n_threads;
	pthread_t threads[];
};

static void *worker_main(void *arg)
{
	struct workers *w = arg;
	struct work *work;

	pthread_setname_np(pthread_self(), "iopfd-worker");
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (STAILQ_EMPTY(&w->queue) && !w->ended)
			pthread_cond_wait(&w->wake, &w->lock);
		work = STAILQ_FIRST(&w->queue);
		if (!work)
			break;
		STAILQ_REMOVE_HEAD(&w->queue, link);
		pthread_mutex_unlock(&w->lock);
		work->run(work);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int workers_new(unsigned n_threads, struct workers **ret)
{
	_cleanup_(workers_freep) struct workers *w = calloc(1, sizeof(*w) + n_threads * sizeof(w->threads[0]));

	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	STAILQ_INIT(&w->queue);
	for (; w->n_threads < n_threads; w->n_threads++) {
		int r = pthread_create(&w->threads[w->n_threads], NULL, worker_main, w);

		if (r)
			return -r;
	}
	*ret = TAKE_PTR(w);
	return 0;
}

struct workers *workers_free(struct workers *w)
{
	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void workers_submit(struct workers *w, struct work *work)
{
	pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->queue, work, link);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}
