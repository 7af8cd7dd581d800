/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a pager: from pager_start() to the end of everything, on one shard or on
 * another, and the attachments that come and go meanwhile. What happens in between is in
 * pager.c.
 */
#include "fault/pager.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/background.h"
#include "fault/evict.h"
#include "fault/job.h"
#include "fault/pager-internal.h"
#include "fault/serve.h"

int pager_init(struct pager *p, const struct pager_setup *setup)
{
	*p = (struct pager){
		.setup = *setup,
		.limit = LOG_RATELIMIT_INIT(5 * NSEC_PER_SEC, 3),
		.memlock_limit = LOG_RATELIMIT_INIT(60 * NSEC_PER_SEC, 1),
		.evicting = true,
		.ops_ended = { .after = pager_on_ops_ended },
		.round_end = { .fn = pager_on_round_end },
		.nobody = { .pasid = PASID_NONE, .stats = setup->orphans },
	};
	stages_init(&p->stages);
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

struct stop_job {
	struct pager_job job;
	void (*on_stopped)(void *userdata, int result);
	void *userdata;
};

static void pager_close(struct pager *p)
{
	pager_settle(p);
	p->readable = loop_remove(p->readable);
	p->work = loop_remove(p->work);
	queue_deinit(&p->queue);
	p->ioas = p->ioas->ops->ioas_close(p->ioas);
	free(p->stop_job);
	p->stop_job = NULL;
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

int pager_prepare(struct pager *p, struct loop *l, struct pager_place *ret)
{
	struct pager_place place = { .loop = l };
	int r = loop_add_timer(l, pager_on_work, p, &place.work);

	/* Nothing can call the pager before it is there. */
	if (r >= 0)
		r = loop_add(l, p->ioas->fault_fd, LOOP_DRAIN, pager_on_readable, p, &place.readable);
	if (r < 0) {
		pager_give_up(&place);
		return r;
	}
	*ret = place;
	return 0;
}

void pager_give_up(struct pager_place *place)
{
	place->readable = loop_remove(place->readable);
	place->work = loop_remove(place->work);
}

void pager_join(struct pager *p, const struct pager_place *place, struct inbox *inbox, struct stats *orphans,
		struct traces *traces)
{
	p->readable = place->readable;
	p->work = place->work;
	p->loop = place->loop;
	p->inbox = inbox;
	p->setup.orphans = p->nobody.stats = orphans;
	p->work_at_ns = 0;
	p->setup.traces = traces;
	/* As after a failed read: tried again until it can be watched. */
	if (loop_modify(p->readable, LOOP_READ | LOOP_DRAIN) < 0)
		p->retry_at_ns = 1;
	pager_schedule(p);
}

int pager_leave(struct pager *p)
{
	if (p->attachments.n || p->ops.n_busy || !STAILQ_EMPTY(&p->jobs) || !TAILQ_EMPTY(&p->waiting) || p->on_drained ||
	    p->ahead || p->write_back || p->n_around)
		return -EBUSY;
	pager_settle(p);
	p->readable = loop_remove(p->readable);
	p->work = loop_remove(p->work);
	return 0;
}

static int start_region(struct pager *p, struct region *region, struct reason *why)
{
	int r = region->merge > 1 && !p->wishes.table ? wishes_init(&p->wishes) : 0;

	region->tracks_dirty = policy_tracks_dirty(region->policy);
	region->widens = region->merge > 1 && region->around > 1;
	region->extends = region->widens ? region->populate : 0;
	if (!p->setup.may_populate)
		region->populate = 0;
	region->watched = region->widens || region->populate;
	return r >= 0 && region->pinned ? job_pin(p, region, why) : r;
}

int pager_start(struct pager *p, struct loop *l, struct inbox *inbox, struct ioas *ioas_consume, struct reason *why)
{
	struct pager_place place;
	int r;

	p->ioas = ioas_consume;
	pager_set_now(p, clock_now_ns());
	r = queue_init(&p->queue, p->ioas);
	if (r >= 0 && !(p->stop_job = calloc(1, sizeof(*p->stop_job))))
		r = -ENOMEM;
	if (r >= 0)
		r = pager_prepare(p, l, &place);
	if (r < 0)
		reason_set(why, -r, "space %s cannot be served: %s", p->space.name, strerror(-r));
	else
		pager_join(p, &place, inbox, p->setup.orphans, p->setup.traces);
	for (size_t i = 0; r >= 0 && i < p->space.n_regions; i++) {
		r = start_region(p, &p->space.regions[i], why);
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

static void stop_ended(struct pager_job *job)
{
	struct stop_job s = *container_of(job, struct stop_job, job);
	struct pager *p = job->pager;

	budget_give_all(&p->share);
	pager_close(p);
	s.on_stopped(s.userdata, s.job.result);
}

void pager_stop(struct pager *p, void (*on_stopped)(void *userdata, int result), void *userdata)
{
	struct stop_job *s = p->stop_job;

	assert(!p->attachments.n);
	if (!s) {
		on_stopped(userdata, 0);
		return;
	}
	/* Nobody is left to be answered: what could not be written is not wanted any more. */
	queue_abandon(&p->queue, &p->nobody);
	p->readable = loop_remove(p->readable);
	p->retry_at_ns = p->look_at_ns = p->write_back_at_ns = 0;
	p->n_around = 0;
	background_stop(p);
	s->job.kind = JOB_STOP;
	s->job.done = stop_ended;
	s->on_stopped = on_stopped;
	s->userdata = userdata;
	job_submit(p, &s->job);
	pager_schedule(p);
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

int pager_attach(struct pager *p, struct device *device, uint32_t pasid, struct stats *stats, struct reason *why)
{
	int r;

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
	if (pager_write_answers(p) < 0)
		queue_abandon(&p->queue, a);
	pager_settle(p);
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
	pager_set_now(p, clock_now_ns());
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
	pager_set_now(p, clock_now_ns());
	for (size_t i = 0; i < p->attachments.n; i++)
		serve_held(p, p->attachments.items[i]);
	/* Before anything is evicted that they promise. */
	pager_flush_answers(p);
	p->drain_deadline_ns = deadline_ns;
	p->on_drained = on_drained;
	p->drain_userdata = userdata;
	pager_schedule(p);
	return 0;
}

void pager_shrink(struct pager *p, uint64_t bytes)
{
	int64_t goal = p->share.used - (int64_t)bytes;

	pager_set_now(p, clock_now_ns());
	while (p->ioas && p->share.used > goal && p->share.used > 0 && evict_one(p) == 0)
		;
	budget_give_all(&p->share);
	pager_schedule(p);
}
