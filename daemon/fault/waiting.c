/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/waiting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void waitings_init(struct waitings *pool)
{
	for (unsigned i = 0; i < WAITING_SIZES; i++)
		TAILQ_INIT(&pool->free[i]);
}

void waitings_deinit(struct waitings *pool)
{
	struct waiting *w;

	for (unsigned i = 0; i < WAITING_SIZES; i++)
		while ((w = TAILQ_FIRST(&pool->free[i]))) {
			TAILQ_REMOVE(&pool->free[i], w, link);
			free(w);
		}
}

static struct waiting *waiting_new(unsigned size)
{
	size_t n = (size_t)1 << size;
	struct waiting *w = malloc(sizeof(*w) + n * (sizeof(w->records[0]) + sizeof(w->waiters[0])));

	if (!w)
		return NULL;
	w->size = size;
	w->waiters = (struct op_waiter *)(void *)&w->records[n];
	return w;
}

struct waiting *waiting_get(struct waitings *pool, const struct group *g, const struct uapi_fault_record *records)
{
	unsigned size = g->n_records > 1 ? 32 - (unsigned)__builtin_clz(g->n_records - 1) : 0;
	struct waiting *w;

	assert(size < WAITING_SIZES);
	w = TAILQ_FIRST(&pool->free[size]);
	if (w)
		TAILQ_REMOVE(&pool->free[size], w, link);
	else if (!(w = waiting_new(size)))
		return NULL;
	w->group = *g;
	w->group.first = 0;
	w->n_ops = 0;
	w->in_room = w->answered = w->held = w->uses = w->fits = false;
	w->error = 0;
	w->sample.stats = NULL;
	memcpy(w->records, records, g->n_records * sizeof(*records));
	return w;
}

void waiting_put(struct waitings *pool, struct waiting *w)
{
	assert(!w->n_ops);
	TAILQ_INSERT_HEAD(&pool->free[w->size], w, link);
}

void waiting_add_op(struct waiting *w, struct op *op)
{
	struct op_waiter *waiter = &w->waiters[w->n_ops++];

	assert(w->n_ops <= w->group.n_records);
	waiter->waiting = w;
	STAILQ_INSERT_TAIL(&op->waiters, waiter, link);
}

void waiting_enter(const struct op *op, enum stage stage)
{
	const struct op_waiter *waiter;

	STAILQ_FOREACH(waiter, &op->waiters, link)
		sample_enter(&waiter->waiting->sample, stage);
}

void waiting_follow(struct waiting *w, struct stages *stages)
{
	enum stage stage;

	if (!stages_is_on(stages))
		return;
	if (!w || w->answered) {
		stages_answer(stages);
		return;
	}
	if (w->held)
		stage = STAGE_HELD;
	else if (w->in_room)
		stage = STAGE_ROOM;
	else
		stage = stages->now.stage == STAGE_MAP ? STAGE_MAP : STAGE_FILL;
	stages_wait(stages, &w->sample, stage);
}
