/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-later.h"

#include <pthread.h>
#include <unistd.h>

#include "t.h"

#define N_THREADS 2
#define QUEUE_MAX 256

struct later {
	void (*end)(void *item);
	pthread_t threads[N_THREADS];
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	void *queue[QUEUE_MAX];
	unsigned n;
	bool ending;
};

/* NULL: there will be none any more. */
static void *take(struct later *l, unsigned *seed)
{
	void *item = NULL;
	unsigned i;

	pthread_mutex_lock(&l->lock);
	while (!l->n && !l->ending)
		pthread_cond_wait(&l->changed, &l->lock);
	if (l->n) {
		i = (unsigned)rand_r(seed) % l->n;
		item = l->queue[i];
		l->queue[i] = l->queue[--l->n];
	}
	pthread_mutex_unlock(&l->lock);
	return item;
}

static void *run(void *userdata)
{
	struct later *l = userdata;
	unsigned seed = 1;
	void *item;

	while ((item = take(l, &seed))) {
		usleep((unsigned)rand_r(&seed) % 200);
		l->end(item);
	}
	return NULL;
}

struct later *later_new(void (*end)(void *item))
{
	struct later *l = calloc(1, sizeof(*l));

	T_ASSERT(l);
	l->end = end;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	for (unsigned i = 0; i < N_THREADS; i++)
		T_EQ(pthread_create(&l->threads[i], NULL, run, l), 0);
	return l;
}

void later_add(struct later *l, void *item)
{
	pthread_mutex_lock(&l->lock);
	T_ASSERT(l->n < QUEUE_MAX);
	l->queue[l->n++] = item;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

void later_free(struct later *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	T_EQ(l->n, 0);
	l->ending = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(l->threads[i], NULL);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
