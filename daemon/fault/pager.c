/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/pager.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/background.h"
#include "fault/batch.h"
#include "fault/evict.h"
#include "fault/fill.h"
#include "fault/job.h"
#include "fault/serve.h"
#include "fault/trace.h"

/* After a read or write that should not fail did: long enough not to spin, short enough for
 * a device that waits. */
#define RETRY_NS (10 * NSEC_PER_MSEC)

/* A drain ends when nothing came for this long: a device that was just answered asks again,
 * and one that is detached before that finds its request refused although it was served. */
#define QUIET_NS (50 * NSEC_PER_MSEC)

static void on_written(void *userdata, const struct queue_context *c, size_t n, enum queue_outcome outcome,
		       uint64_t now_ns)
{
	const struct attachment *a = c->owner;
	struct pager *p = userdata;

	account_answered(a->stats, outcome, n, now_ns - c->read_ns);
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

/* Whoever sees an answer finds counted what was mapped for it. */
static int flush_answers(struct pager *p)
{
	pager_flush_mapped(p);
	return p->queue.n_answers ? queue_flush(&p->queue, on_written, p) : 0;
}

void pager_flush_answers(struct pager *p)
{
	int r = p->retry_at_ns ? 0 : flush_answers(p);

	if (r < 0)
		queue_failed(p, r);
}

/* Reads what there is, serves and answers a slice of it. Returns the number of groups, or a
 * negative errno. */
static int serve_batch(struct pager *p)
{
	int n, r;

	/* Answers that could not be written come first: reading on would only add to them. */
	r = flush_answers(p);
	if (r < 0)
		return r;
	r = batch_read(p);
	if (r < 0 && batch_is_empty(p))
		return r;
	n = (int)batch_serve(p);
	r = flush_answers(p);
	return r < 0 ? r : n;
}

/* One slice, and what follows from its outcome for the next one. */
static int pager_advance(struct pager *p)
{
	int n = serve_batch(p);

	if (n > 0)
		p->served_ns = p->now_ns;
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
	} while (n > 0 && !batch_is_empty(p));
	return n < 0 ? n : sum;
}

static int pager_on_readable(struct loop_source *source, uint32_t events, void *userdata)
{
	struct pager *p = userdata;
	int n = pager_advance(p);

	(void)source;
	(void)events;
	pager_schedule(p);
	if (n >= 0 && (p->queue.more || !batch_is_empty(p)))
		return LOOP_AGAIN;
	return n > 0 ? LOOP_FOUND : 0;
}

/* As its most impatient attachment wants it. */
static void set_spin(struct pager *p)
{
	int64_t spin_ns = 0;

	for (size_t i = 0; i < p->attachments.n; i++) {
		int64_t wanted = p->attachments.items[i]->device->spin_ns;

		if (wanted > 0 ? wanted > spin_ns : wanted && !spin_ns)
			spin_ns = wanted;
	}
	loop_set_spin(p->readable, spin_ns);
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
static int pager_on_work(struct loop_source *source, uint32_t events, void *userdata)
{
	struct pager *p = userdata;

	(void)source;
	(void)events;
	p->work_at_ns = 0;
	p->now_ns = clock_now_ns();
	if (p->retry_at_ns && p->now_ns >= p->retry_at_ns)
		pager_advance_all(p);
	if (!TAILQ_EMPTY(&p->room) && p->now_ns >= p->room_at_ns)
		serve_room(p);
	background_expire(p);
	background_write_back(p);
	if (p->n_around)
		background_around(p);
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
	sooner(&at_ns, p->write_back_at_ns);
	if (!TAILQ_EMPTY(&p->room))
		sooner(&at_ns, p->room_at_ns ?: p->now_ns + NSEC_PER_MSEC);
	if (p->setup.deadline_ns && !TAILQ_EMPTY(&p->waiting))
		sooner(&at_ns, TAILQ_FIRST(&p->waiting)->group.read_ns + p->setup.deadline_ns + 1);
	if (p->n_around)
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

	p->now_ns = clock_now_ns();
	if (op->kind == OP_FILL)
		fill_on_op(p, op);
	else
		evict_on_op(p, op);
	inbox_after(p->inbox, &p->ops_ended);
}

/* Those that ended together are answered together. */
static void on_ops_ended(struct inbox_user *u)
{
	struct pager *p = container_of(u, struct pager, ops_ended);

	pager_flush_answers(p);
	pager_schedule(p);
}

int pager_init(struct pager *p, const struct pager_setup *setup)
{
	*p = (struct pager){
		.setup = *setup,
		.limit = LOG_RATELIMIT_INIT(5 * NSEC_PER_SEC, 3),
		.memlock_limit = LOG_RATELIMIT_INIT(60 * NSEC_PER_SEC, 1),
		.evicting = true,
		.ops_ended = { .after = on_ops_ended },
		.nobody = { .pasid = PASID_NONE, .stats = setup->orphans },
	};
	waitings_init(&p->waitings);
	TAILQ_INIT(&p->waiting);
	TAILQ_INIT(&p->room);
	TAILQ_INIT(&p->turns);
	STAILQ_INIT(&p->jobs);
	budget_share_init(&p->share, setup->budget, setup->limit);
	return space_init(&p->space, setup->name, setup->n_regions, EVICT_GRACE_MS);
}

void pager_deinit(struct pager *p)
{
	assert(!p->ioas);
	ops_deinit(&p->ops);
	waitings_deinit(&p->waitings);
	wishes_deinit(&p->wishes);
	attachments_deinit(&p->attachments);
	space_deinit(&p->space);
}

static void pager_close(struct pager *p)
{
	p->readable = loop_remove(p->readable);
	p->work = loop_remove(p->work);
	queue_deinit(&p->queue);
	p->ioas = p->ioas->ops->ioas_close(p->ioas);
}

/* What was pinned before something failed; nothing else is there yet. */
static void unpin(struct pager *p)
{
	for (size_t i = 0; i < p->space.n_regions; i++) {
		struct region *region = &p->space.regions[i];
		uint64_t first, n_granules = region->pinned ? region_granules(region) : 0;
		unsigned n;

		for (uint64_t at = 0; at < n_granules && extents_access(p->space.extents, region->index, at); at = first + n) {
			extents_range(p->space.extents, region->index, at, &first, &n);
			evict_extent(p, region, first, n);
		}
	}
}

int pager_join(struct pager *p, struct loop *l, struct inbox *inbox, struct stats *orphans, struct traces *traces)
{
	int r = loop_add_timer(l, pager_on_work, p, &p->work);

	if (r >= 0)
		r = loop_add(l, p->ioas->fault_fd, LOOP_READ | LOOP_DRAIN, pager_on_readable, p, &p->readable);
	if (r < 0) {
		p->work = loop_remove(p->work);
		return r;
	}
	p->inbox = inbox;
	p->setup.orphans = p->nobody.stats = orphans;
	p->work_at_ns = 0;
	p->setup.traces = traces;
	pager_schedule(p);
	return 0;
}

int pager_leave(struct pager *p)
{
	if (p->attachments.n || p->ops.n_busy || !STAILQ_EMPTY(&p->jobs) || !TAILQ_EMPTY(&p->waiting) || p->on_drained ||
	    p->ahead || p->write_back || p->n_around)
		return -EBUSY;
	p->readable = loop_remove(p->readable);
	p->work = loop_remove(p->work);
	return 0;
}

int pager_start(struct pager *p, struct loop *l, struct inbox *inbox, struct ioas *ioas_consume, struct reason *why)
{
	int r;

	p->ioas = ioas_consume;
	p->now_ns = clock_now_ns();
	r = queue_init(&p->queue, p->ioas);
	if (r >= 0)
		r = pager_join(p, l, inbox, p->setup.orphans, p->setup.traces);
	if (r < 0)
		reason_set(why, -r, "space %s cannot be served: %s", p->space.name, strerror(-r));
	for (size_t i = 0; r >= 0 && i < p->space.n_regions; i++) {
		if (p->space.regions[i].merge > 1 && !p->wishes.table)
			r = wishes_init(&p->wishes);
		p->space.regions[i].tracks_dirty = policy_tracks_dirty(p->space.regions[i].policy);
		if (r >= 0 && p->space.regions[i].pinned)
			r = job_pin(p, &p->space.regions[i], why);
	}
	if (r < 0) {
		unpin(p);
		budget_give_all(&p->share);
		pager_close(p);
		return r;
	}
	background_plan(p);
	pager_schedule(p);
	return 0;
}

struct stop_job {
	struct pager_job job;
	void (*on_stopped)(void *userdata, int result);
	void *userdata;
};

static void stop_ended(struct pager_job *job)
{
	struct stop_job *s = container_of(job, struct stop_job, job);
	struct pager *p = job->pager;
	int result = job->result;

	budget_give_all(&p->share);
	pager_close(p);
	s->on_stopped(s->userdata, result);
	free(s);
}

void pager_stop(struct pager *p, void (*on_stopped)(void *userdata, int result), void *userdata)
{
	struct stop_job *s = p->ioas ? calloc(1, sizeof(*s)) : NULL;

	assert(!p->attachments.n);
	if (!s) {
		on_stopped(userdata, p->ioas ? -ENOMEM : 0);
		return;
	}
	/* Nobody is left to be answered: what could not be written is not wanted any more. */
	queue_abandon(&p->queue, &p->nobody, on_written, p);
	p->readable = loop_remove(p->readable);
	p->retry_at_ns = p->write_back_at_ns = 0;
	p->n_around = 0;
	background_stop(p);
	s->job.kind = JOB_STOP;
	s->job.done = stop_ended;
	s->on_stopped = on_stopped;
	s->userdata = userdata;
	job_submit(p, &s->job);
	pager_schedule(p);
}

int pager_attach(struct pager *p, struct device *device, uint32_t pasid, struct stats *stats, struct reason *why)
{
	int r;

	if (!p->readable)
		return reason_set(why, ENOMEM, "space %s lost its thread when it moved", p->space.name);
	/* First the entry: faults may be in the queue before attach() returns. */
	r = attachments_add(&p->attachments, device, pasid, stats);
	if (r < 0)
		return reason_set(why, -r, "cannot be added to space %s", p->space.name);
	r = device->ops->attach(device, pasid, p->ioas, why);
	if (r < 0) {
		attachments_remove(&p->attachments, device->dev_id, pasid);
		return r;
	}
	set_spin(p);
	if (p->attachments.n == 1 && !p->ahead)
		background_start(p);
	pager_schedule(p);
	return 0;
}

int pager_detach(struct pager *p, struct device *device, uint32_t pasid)
{
	struct attachment *a = attachments_find(&p->attachments, device->dev_id, pasid);
	int r;

	assert(a);
	serve_abandon(p, a);
	/* Its counters may be another attachment's when a fill of it ends. */
	ops_recount(&p->ops, a->stats, p->setup.stats);
	/* Answers that could not be written before get their last chance. After the detach the
	 * kernel has answered them itself, and a cookie may already be another fault's. */
	if (flush_answers(p) < 0)
		queue_abandon(&p->queue, a, on_written, p);
	r = device->ops->detach(device, pasid, p->ioas);
	attachments_remove(&p->attachments, device->dev_id, pasid);
	set_spin(p);
	if (!p->attachments.n)
		background_stop(p);
	pager_schedule(p);
	return r;
}

void pager_pause(struct pager *p, struct device *device, uint32_t pasid, bool paused)
{
	struct attachment *a = attachments_find(&p->attachments, device->dev_id, pasid);

	assert(a);
	p->now_ns = clock_now_ns();
	if (paused)
		a->paused = true;
	else
		serve_held(p, a);
	pager_flush_answers(p);
	pager_schedule(p);
}

int pager_drain(struct pager *p, uint64_t deadline_ns, void (*on_drained)(void *userdata), void *userdata)
{
	if (p->on_drained)
		return -EBUSY;
	background_stop(p);
	for (size_t i = 0; i < p->attachments.n; i++)
		serve_held(p, p->attachments.items[i]);
	p->drain_deadline_ns = deadline_ns;
	p->on_drained = on_drained;
	p->drain_userdata = userdata;
	pager_schedule(p);
	return 0;
}

void pager_shrink(struct pager *p, uint64_t bytes)
{
	int64_t goal = p->share.used - (int64_t)bytes;

	p->now_ns = clock_now_ns();
	while (p->ioas && p->share.used > goal && p->share.used > 0 && evict_one(p) == 0)
		;
	budget_give_all(&p->share);
	pager_schedule(p);
}
