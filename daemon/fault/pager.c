/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/pager.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/around.h"
#include "fault/background.h"
#include "fault/batch.h"
#include "fault/evict.h"
#include "fault/fill.h"
#include "fault/job.h"
#include "fault/pager-internal.h"
#include "fault/serve.h"
#include "fault/trace.h"

/* After a read or write that should not fail did: long enough not to spin, short enough for
 * a device that waits. */
#define RETRY_NS (10 * NSEC_PER_MSEC)

/* What a read left behind without a word waits for so long at most. One timer and one read for
 * all batches of that time. */
#define LOOK_NS NSEC_PER_SEC

/* A drain ends when nothing came for this long: a device that was just answered asks again,
 * and one that is detached before that finds its request refused although it was served. */
#define QUIET_NS (50 * NSEC_PER_MSEC)

static void on_written(void *userdata, const struct queue_context *c, size_t n, enum queue_outcome outcome,
		       uint64_t now_ns)
{
	const struct attachment *a = c->owner;
	struct pager *p = userdata;

	account_answered(a->stats, outcome, n, now_ns - c->read_ns);
	if (p->stages.n_answered)
		stages_written(&p->stages, a->stats, c->read_ns, now_ns);
	if (traces_is_on(p->setup.traces))
		traces_answer(p->setup.traces, &p->queue, c, n, outcome, now_ns);
}

void pager_flush_mapped(struct pager *p)
{
	if (p->mapped_bytes)
		account_mapped(p->mapped_stats, p->mapped_bytes);
	p->mapped_bytes = 0;
}

/* The queue stays readable: watching it after a failure would spin. */
static void queue_failed(struct pager *p, int error)
{
	unsigned n_suppressed;

	loop_modify(p->readable, 0);
	p->retry_at_ns = clock_now_ns() + RETRY_NS;
	if (log_ratelimit_pass(&p->limit, clock_now_ns(), &n_suppressed))
		log_with(LOG_ERR, error, &((struct log_fields){ .space = p->space.name }),
			 "space %s: the fault queue failed, trying again (%u more)", p->space.name, n_suppressed);
}

/* Of all queues that had their turn in one round together: to ask the clock for each would
 * be much of what a few faults cost. */
void pager_on_round_end(struct round_end *e, uint64_t now_ns)
{
	struct pager *p = container_of(e, struct pager, round_end);

	queue_settle(&p->queue, now_ns, on_written, p);
}

void pager_settle(struct pager *p)
{
	round_forget(p->loop, &p->round_end);
	if (p->queue.n_written)
		queue_settle(&p->queue, clock_now_ns(), on_written, p);
}

/* Whoever sees an answer finds counted what was mapped for it. */
int pager_write_answers(struct pager *p)
{
	int r;

	pager_flush_mapped(p);
	r = queue_flush(&p->queue);
	if (traces_is_on(p->setup.traces))
		pager_settle(p);
	else if (p->queue.n_written)
		round_at_end(p->loop, &p->round_end, p->slice_ns);
	p->slice_ns = 0;
	return r;
}

void pager_flush_answers(struct pager *p)
{
	int r = p->retry_at_ns ? 0 : pager_write_answers(p);

	if (r < 0)
		queue_failed(p, r);
}

/* Reads what there is, serves and answers a slice of it. Returns the number of groups, or a
 * negative errno. */
static int serve_batch(struct pager *p)
{
	int n, r;

	/* Answers that could not be written come first: reading on would only add to them. */
	r = pager_write_answers(p);
	if (r < 0)
		return r;
	r = batch_read(p);
	if (r < 0 && batch_is_empty(p))
		return r;
	n = (int)batch_serve(p);
	if (n)
		p->served_ns = p->now_ns;
	r = pager_write_answers(p);
	return r < 0 ? r : n;
}

/* One slice, and what follows from its outcome for the next one. */
static int pager_advance(struct pager *p)
{
	int n = serve_batch(p);

	if (!p->queue.presumed)
		p->look_at_ns = 0;
	else if (!p->look_at_ns)
		p->look_at_ns = p->now_ns + LOOK_NS;
	if (n >= 0 && p->retry_at_ns && loop_modify(p->readable, LOOP_READ | LOOP_DRAIN) < 0)
		n = -ENOMEM;
	if (n < 0)
		queue_failed(p, n);
	else
		p->retry_at_ns = 0;
	return n;
}

/* All of the batch: where nobody calls again because of the rest. */
static int pager_advance_all(struct pager *p)
{
	int n, sum = 0;

	do {
		n = pager_advance(p);
		sum += MAX(n, 0);
	} while (n >= 0 && !batch_is_empty(p));
	return n < 0 ? n : sum;
}

int pager_on_readable(struct loop_source *source, uint32_t events, void *userdata)
{
	struct pager *p = userdata;
	int n = pager_advance(p);

	(void)source;
	(void)events;
	/* Between two looks at the queue, which are cheaper than to set a timer. */
	if (n == 0 && p->n_around && batch_is_empty(p))
		around_step(p);
	p->comes_again = n >= 0 && (p->queue.more || !batch_is_empty(p) || p->n_around);
	pager_schedule(p);
	if (p->comes_again)
		return LOOP_AGAIN;
	return n > 0 ? LOOP_FOUND : 0;
}

static void drain_step(struct pager *p)
{
	void (*on_drained)(void *userdata) = p->on_drained;
	int n = p->retry_at_ns ? 0 : pager_advance_all(p);
	uint64_t now_ns = clock_now_ns();
	bool idle = n == 0 && !p->retry_at_ns && TAILQ_EMPTY(&p->waiting) && now_ns >= p->served_ns + QUIET_NS;

	if (!idle && now_ns < p->drain_deadline_ns)
		return;
	p->drain_deadline_ns = 0;
	p->on_drained = NULL;
	on_drained(p->drain_userdata);
}

/* What is not caused by readiness, one small step of each so that demand comes between. */
int pager_on_work(struct loop_source *source, uint32_t events, void *userdata)
{
	struct pager *p = userdata;

	(void)source;
	(void)events;
	p->work_at_ns = 0;
	pager_set_now(p, clock_now_ns());
	if ((p->retry_at_ns && p->now_ns >= p->retry_at_ns) || (p->look_at_ns && p->now_ns >= p->look_at_ns)) {
		p->look_at_ns = 0;
		pager_advance_all(p);
	}
	if (!TAILQ_EMPTY(&p->room) && p->now_ns >= p->room_at_ns)
		serve_room(p);
	background_expire(p);
	background_write_back(p);
	if (p->n_around)
		around_step(p);
	pager_flush_answers(p);
	if (p->drain_deadline_ns)
		drain_step(p);
	job_step(p);
	pager_schedule(p);
	return 0;
}

void pager_submit(struct pager *p)
{
	if (p->ops.held)
		ops_submit(&p->ops, p->space.regions, p->space.n_regions);
}

static void sooner(uint64_t *at_ns, uint64_t candidate)
{
	if (candidate && candidate < *at_ns)
		*at_ns = candidate;
}

void pager_schedule(struct pager *p)
{
	const struct pager_job *job = STAILQ_FIRST(&p->jobs);
	uint64_t at_ns = UINT64_MAX;

	pager_flush_mapped(p);
	if (traces_is_on(p->setup.traces))
		traces_send(p->setup.traces);
	pager_submit(p);
	if (!p->work)
		return;
	sooner(&at_ns, p->retry_at_ns);
	sooner(&at_ns, p->look_at_ns);
	sooner(&at_ns, p->write_back_at_ns);
	if (!TAILQ_EMPTY(&p->room))
		sooner(&at_ns, p->room_at_ns ?: p->now_ns + NSEC_PER_MSEC);
	if (p->setup.deadline_ns && !TAILQ_EMPTY(&p->waiting))
		sooner(&at_ns, TAILQ_FIRST(&p->waiting)->group.read_ns + p->setup.deadline_ns + 1);
	if (p->n_around && !p->comes_again)
		at_ns = 1;
	if (p->drain_deadline_ns)
		sooner(&at_ns, p->now_ns + NSEC_PER_MSEC);
	sooner(&at_ns, p->drain_deadline_ns);
	if (job && job_can_step(p, job))
		at_ns = 1;
	/* To set it is a syscall, and the deadlines of those that wait move on with every answer:
	 * a timer that comes too early finds nothing to do, and is set then. */
	if (at_ns == UINT64_MAX || (p->work_at_ns && p->work_at_ns <= at_ns))
		return;
	loop_set_timer(p->work, at_ns);
	p->work_at_ns = at_ns;
}

void pager_on_op(struct inbox_item *item)
{
	struct op *op = container_of(item, struct op, item);
	struct pager *p = op->pager;

	pager_set_now(p, round_now_ns(p->loop));
	if (op->kind == OP_FILL)
		fill_on_op(p, op);
	else
		evict_on_op(p, op);
	inbox_after(p->inbox, &p->ops_ended);
}

/* Those that ended together are answered together. */
void pager_on_ops_ended(struct inbox_user *u)
{
	struct pager *p = container_of(u, struct pager, ops_ended);

	pager_flush_answers(p);
	pager_schedule(p);
}
