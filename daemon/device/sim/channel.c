/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Invariants: a channel has at most `depth` groups in flight, all channels together at most
 * `credits` page requests. A group that is full, or that nothing more can join for now, goes
 * out as soon as both allow. A repeated request takes the place of the one that was just
 * answered, so it needs no leave.
 */
#include "device/sim/channel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "device/sim/visit.h"

#define TURN_VISITS 64
#define MAX_REQUESTS 8 /* for one visit */
#define MAX_TURNS 16   /* that a visit waits for company */
#define GROUP_INDEX_MASK 511u
#define MAX_LAG_NS (10 * NSEC_PER_MSEC)

struct lane {
	struct channel *channel;
	struct dma_attachment *attachment;
	struct sim_pattern pattern;
	uint64_t *iovas; /* of a job, else NULL */
	struct channel_group *collecting;
};

struct channel_group {
	struct sim_group base;
	struct lane *lane;
	struct channel_group *next_spare;
	int code;
	unsigned n_visits;
	unsigned n_turns; /* that it has been collected for */
	struct visit visits[SIM_MAX_GROUP];
	struct uapi_fault_record records[SIM_MAX_GROUP];
};

static void on_answered(struct sim_group *base, int code)
{
	struct channel_group *g = container_of(base, struct channel_group, base);

	g->code = code;
	dma_post(g->lane->channel->dma, base);
}

static struct channel_group *take_group(struct lane *l)
{
	struct channel *c = l->channel;
	struct channel_group *g = c->spare;

	if (g)
		c->spare = g->next_spare;
	else
		g = malloc(sizeof(*g));
	if (!g)
		return NULL;
	g->lane = l;
	g->n_visits = 0;
	g->n_turns = 0;
	return g;
}

static void give_group(struct channel_group *g)
{
	struct channel *c = g->lane->channel;

	g->next_spare = c->spare;
	c->spare = g;
}

/* Makes the records and puts the group on the queue; it counts as in flight already. */
static void raise_group(struct channel_group *g)
{
	struct dma_attachment *t = g->lane->attachment;
	struct sim_dma *d = t->dma;
	bool has_pasid = t->base.pasid != PASID_NONE;
	uint32_t index = d->next_group++ & GROUP_INDEX_MASK;

	for (unsigned i = 0; i < g->n_visits; i++) {
		g->visits[i].n_requests++;
		g->records[i] = (struct uapi_fault_record){
			.flags = (has_pasid ? UAPI_FAULT_PASID_VALID : 0) |
				 (i + 1 == g->n_visits ? UAPI_FAULT_LAST_PAGE : 0),
			.dev_id = d->dev_id,
			.pasid = has_pasid ? t->base.pasid : 0,
			.grpid = index,
			.perm = g->visits[i].is_write ? UAPI_PERM_WRITE : UAPI_PERM_READ,
			.addr = g->visits[i].iova,
		};
	}
	g->base = (struct sim_group){
		.owner = &t->base,
		.records = g->records,
		.n_records = g->n_visits,
		.answered = on_answered,
	};
	d->n_outstanding += g->n_visits;
	d->counters[DMA_PAGE_REQUESTS] += g->n_visits;
	d->counters[DMA_GROUPS]++;
	d->counters[DMA_PEAK_OUTSTANDING] = MAX(d->counters[DMA_PEAK_OUTSTANDING], d->n_outstanding);
	queue_raise(&t->ioas->queue, &g->base);
}

/* False if it must wait for an answer. */
static bool send_collected(struct lane *l)
{
	struct channel *c = l->channel;
	struct sim_dma *d = c->dma;
	struct channel_group *g = l->collecting;

	if (c->n_in_flight >= c->depth || (d->starving && d->starving != c))
		return false;
	if (g->n_visits > d->options.credits - d->n_outstanding) {
		d->starving = c;
		return false;
	}
	d->starving = NULL;
	l->collecting = NULL;
	c->n_in_flight++;
	raise_group(g);
	return true;
}

static uint64_t next_iova(struct lane *l)
{
	uint64_t n = sim_pattern_next(&l->pattern);

	return l->iovas ? l->iovas[n] : sim_ioas_page(l->attachment->ioas, n);
}

static void visit_next(struct lane *l)
{
	struct channel *c = l->channel;
	struct visit v = {
		.iova = align_down(next_iova(l), SIM_PAGE_SIZE),
		.is_write = sim_pattern_random(&l->pattern) % 100 < c->write_percent,
	};

	if (c->n_left != SIM_COUNT_MAX)
		c->n_left--;
	if (visit_try(l->attachment, &v))
		return;
	if (!l->collecting)
		l->collecting = take_group(l);
	if (!l->collecting) {
		c->dma->counters[DMA_VISITS_FAILED]++;
		return;
	}
	l->collecting->visits[l->collecting->n_visits++] = v;
	if (l->collecting->n_visits == c->group)
		send_collected(l);
}

/* The rate gives time for whole groups, or there would never be groups with a rate. */
static bool is_due(struct channel *c, uint64_t *wake_ns)
{
	uint64_t now;

	if (!c->burst_ns)
		return true;
	if (!c->burst_left) {
		now = clock_now_ns();
		if (now < c->due_ns) {
			*wake_ns = MIN(*wake_ns, c->due_ns);
			return false;
		}
		c->due_ns = MAX(c->due_ns, now - MAX_LAG_NS) + c->burst_ns;
		c->burst_left = c->group;
	}
	c->burst_left--;
	return true;
}

/* Nothing can join for now: sends what was collected. */
static bool flush(struct channel *c)
{
	bool progress = false;

	for (unsigned i = 0; i < c->n_lanes; i++)
		if (c->lanes[i].collecting)
			progress |= send_collected(&c->lanes[i]);
	return progress;
}

bool channel_turn(struct channel *c, uint64_t *wake_ns)
{
	for (unsigned i = 0; i < TURN_VISITS; i++) {
		struct lane *l = &c->lanes[c->next_lane];

		if (dma_is_wanted(c->dma))
			return true;
		if (l->collecting && l->collecting->n_visits >= c->group && !send_collected(l))
			return i > 0;
		if (!c->n_left || !is_due(c, wake_ns))
			return flush(c) || i > 0;
		visit_next(l);
		c->next_lane = (c->next_lane + 1) % c->n_lanes;
	}
	/* Or visits could wait for ever where nearly all pages are mapped. */
	for (unsigned i = 0; i < c->n_lanes; i++)
		if (c->lanes[i].collecting && ++c->lanes[i].collecting->n_turns >= MAX_TURNS)
			send_collected(&c->lanes[i]);
	return true;
}

void channel_stop(struct channel *c)
{
	c->n_left = 0;
	for (unsigned i = 0; i < c->n_lanes; i++) {
		struct channel_group *g = c->lanes[i].collecting;

		if (!g)
			continue;
		c->dma->counters[DMA_VISITS_ABORTED] += g->n_visits;
		c->lanes[i].collecting = NULL;
		give_group(g);
	}
	if (c->dma->starving == c)
		c->dma->starving = NULL;
}

bool channel_uses(const struct channel *c, const struct dma_attachment *t)
{
	for (unsigned i = 0; i < c->n_lanes; i++)
		if (c->lanes[i].attachment == t)
			return true;
	return false;
}

bool channel_is_done(const struct channel *c)
{
	if (c->n_left || c->n_in_flight)
		return false;
	for (unsigned i = 0; i < c->n_lanes; i++)
		if (c->lanes[i].collecting)
			return false;
	return true;
}

/* Makes the visits again; those that still find nothing stay in the group. */
static void retry_visits(struct channel_group *g)
{
	struct dma_attachment *t = g->lane->attachment;
	struct sim_dma *d = t->dma;
	unsigned n_kept = 0;

	for (unsigned i = 0; i < g->n_visits; i++) {
		if (visit_try(t, &g->visits[i]))
			continue;
		if (d->stopped)
			d->counters[DMA_VISITS_ABORTED]++;
		else if (g->visits[i].n_requests >= MAX_REQUESTS)
			d->counters[DMA_VISITS_FAILED]++;
		else
			g->visits[n_kept++] = g->visits[i];
	}
	g->n_visits = n_kept;
	d->counters[DMA_RETRIES] += n_kept;
}

void channel_on_answer(struct sim_group *base)
{
	struct channel_group *g = container_of(base, struct channel_group, base);
	struct channel *c = g->lane->channel;
	struct sim_dma *d = c->dma;

	d->n_outstanding -= g->n_visits;
	if (g->code == UAPI_ANSWER_SUCCESS) {
		d->counters[DMA_RESPONSES_SUCCESS]++;
		retry_visits(g);
		if (g->n_visits) {
			raise_group(g);
			return;
		}
	} else if (g->code == UAPI_ANSWER_INVALID) {
		d->counters[DMA_RESPONSES_INVALID]++;
		d->counters[DMA_VISITS_FAILED] += g->n_visits;
	} else {
		d->counters[DMA_VISITS_ABORTED] += g->n_visits;
	}
	c->n_in_flight--;
	give_group(g);
}

static int lane_init(struct lane *l, struct channel *c, struct dma_attachment *t, unsigned index,
		     const struct channel_job *job)
{
	const struct sim_options *o = &c->dma->options;
	uint64_t n_pages = t->ioas->n_pages;
	uint64_t seed = sim_mix(o->seed + sim_mix(index + sim_mix(t->base.pasid)));

	l->channel = c;
	l->attachment = t;
	if (job) {
		l->iovas = calloc(job->n_iovas, sizeof(*l->iovas));
		if (!l->iovas)
			return -ENOMEM;
		memcpy(l->iovas, job->iovas, job->n_iovas * sizeof(*l->iovas));
		sim_pattern_init(&l->pattern, SIM_PATTERN_SEQ, job->n_iovas, 0, seed);
		return 0;
	}
	if (o->working_set)
		n_pages = MIN(n_pages, o->working_set / SIM_PAGE_SIZE);
	/* Channels that walk through the same pages begin apart. */
	sim_pattern_init(&l->pattern, o->pattern, n_pages, n_pages / o->channels * index, seed);
	return 0;
}

int channel_new(struct sim_dma *d, unsigned index, struct dma_attachment *const *attachments,
		unsigned n_attachments, const struct channel_job *job, struct channel **ret)
{
	_cleanup_(channel_freep) struct channel *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->dma = d;
	c->lanes = calloc(n_attachments, sizeof(*c->lanes));
	if (!c->lanes)
		return -ENOMEM;
	c->group = MIN(job ? job->group : d->options.group, d->options.credits);
	c->depth = d->options.depth;
	c->write_percent = job ? (job->is_write ? 100 : 0) : d->options.write_percent;
	if (d->options.rate && !job)
		c->burst_ns = MAX(c->group * NSEC_PER_SEC / d->options.rate, 1);
	for (unsigned i = 0; i < n_attachments; i++) {
		if (!job && !attachments[i]->ioas->n_pages)
			continue;
		r = lane_init(&c->lanes[c->n_lanes++], c, attachments[i], index, job);
		if (r < 0)
			return r;
	}
	if (c->n_lanes)
		c->n_left = job ? job->n_iovas : d->options.count;
	*ret = TAKE_PTR(c);
	return 0;
}

struct channel *channel_free(struct channel *c)
{
	assert(!c->n_in_flight);
	for (struct channel_group *g; (g = c->spare);) {
		c->spare = g->next_spare;
		free(g);
	}
	for (unsigned i = 0; i < c->n_lanes; i++)
		free(c->lanes[i].iovas);
	free(c->lanes);
	free(c);
	return NULL;
}
