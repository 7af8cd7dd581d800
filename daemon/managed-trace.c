/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traces come and go with their readers. Each shard, also one that starts later, is told
 * with a call; when the reader has gone all are told again, and after that it is freed. On
 * each shard a trace has at most one call under way.
 */
#include <errno.h>
#include <stdlib.h>

#include "fault/trace.h"
#include "managed.h"

struct managed_trace {
	TAILQ_ENTRY(managed_trace) link;
	struct manager *manager;
	struct trace_reader *trace;
	struct loop_source *source; /* until the reader has gone */
	unsigned n_pending;         /* calls */
	bool leaving;               /* the shards are told so */
	struct shard_call calls[];  /* one for each shard there may be */
};

static void leave(struct managed_trace *t);

static struct managed_trace *managed_trace_free(struct managed_trace *t)
{
	TAILQ_REMOVE(&t->manager->traces, t, link);
	t->manager->n_traces--;
	manager_reserve_calls(t->manager, -1);
	loop_remove(t->source);
	trace_reader_free(t->trace);
	free(t);
	return NULL;
}

static int run_add(struct shard_call *c)
{
	const struct managed_trace *t = c->owner;

	return traces_add(shard_traces(c->shard), t->trace);
}

static int run_remove(struct shard_call *c)
{
	const struct managed_trace *t = c->owner;

	traces_remove(shard_traces(c->shard), t->trace);
	return 0;
}

/* A shard without memory for it: the reader is told by the end of the trace. */
static void done(struct shard_call *c)
{
	struct managed_trace *t = c->owner;
	struct manager *m = t->manager;

	if (c->result < 0)
		t->source = loop_remove(t->source);
	if (--t->n_pending == 0) {
		if (t->leaving)
			managed_trace_free(t);
		else if (!t->source)
			leave(t);
	}
	manager_settled(m);
}

static void submit(struct managed_trace *t, size_t shard, int (*run)(struct shard_call *c))
{
	t->calls[shard] = (struct shard_call){ .run = run, .done = done, .owner = t };
	t->n_pending++;
	manager_begin(t->manager);
	shard_submit(t->manager->shards[shard], &t->calls[shard]);
}

static void leave(struct managed_trace *t)
{
	size_t n = t->manager->n_shards;

	t->leaving = true;
	if (!n)
		managed_trace_free(t);
	else
		for (size_t i = 0; i < n; i++)
			submit(t, i, run_remove);
}

/* The reader has closed its end, or talks, which it should not. */
static int on_reader(struct loop_source *source, uint32_t events, void *userdata)
{
	struct managed_trace *t = userdata;

	(void)events;
	t->source = loop_remove(source);
	/* While the daemon stops all stays as it is, for no call may outlive the shards. */
	if (!t->n_pending && !t->manager->stop_asked)
		leave(t);
	return 0;
}

int managed_trace_open(void *manager, const struct device_entry *device, const struct space_entry *space,
		       bool invalid_only, int *ret_fd)
{
	struct manager *m = manager;
	struct trace_filter filter = {
		.device = device ? device->name : NULL,
		.space = space ? space->name : NULL,
		.invalid_only = invalid_only,
	};
	struct managed_trace *t;
	int r;

	if (m->stop_asked)
		return -ESHUTDOWN;
	if (m->n_traces == TRACES_MAX || manager_reserve_calls(m, 1) < 0)
		return -ENOSPC;
	t = calloc(1, sizeof(*t) + m->max_shards * sizeof(*t->calls));
	if (!t) {
		manager_reserve_calls(m, -1);
		return -ENOMEM;
	}
	t->manager = m;
	TAILQ_INSERT_TAIL(&m->traces, t, link);
	m->n_traces++;
	r = trace_reader_new(&filter, &m->trace_dropped, &t->trace, ret_fd);
	if (r >= 0) {
		r = loop_add(m->loop, trace_reader_fd(t->trace), LOOP_READ, on_reader, t, &t->source);
		if (r < 0)
			close_fd(ret_fd);
	}
	if (r < 0) {
		managed_trace_free(t);
		return r;
	}
	for (size_t i = 0; i < m->n_shards; i++)
		submit(t, i, run_add);
	return 0;
}

void managed_traces_join(struct manager *m, size_t shard)
{
	struct managed_trace *t;

	TAILQ_FOREACH(t, &m->traces, link)
		if (!t->leaving)
			submit(t, shard, run_add);
}

void managed_traces_deinit(struct manager *m)
{
	while (!TAILQ_EMPTY(&m->traces))
		managed_trace_free(TAILQ_FIRST(&m->traces));
}
