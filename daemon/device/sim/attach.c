/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Joining a simulated device to spaces. Everything happens with the device's lock held, so
 * that no visit is in progress and nobody else takes answers out of the mailbox: after a
 * detach nothing refers to the attachment any more.
 */
#include "device/sim/dma.h"

#include <errno.h>

#include "base/util.h"
#include "device/sim/channel.h"

static void invalidate(struct sim_attachment *base, uint64_t iova, uint64_t length)
{
	struct dma_attachment *t = container_of(base, struct dma_attachment, base);
	uint64_t first = iova / SIM_PAGE_SIZE;

	dma_enter(t->dma);
	t->dma->counters[DMA_ATC_INVALIDATIONS] +=
		pagemap_remove_range(&t->atc, first, (iova + length - 1) / SIM_PAGE_SIZE - first + 1);
	dma_leave(t->dma);
}

struct dma_attachment *dma_find(struct sim_dma *d, uint32_t pasid)
{
	struct dma_attachment *t;

	TAILQ_FOREACH(t, &d->attachments, link)
		if (t->base.pasid == pasid)
			return t;
	return NULL;
}

/* Another attachment of the same space than `t`, if there is one. */
static struct dma_attachment *find_sibling(struct dma_attachment *t)
{
	struct dma_attachment *other;

	TAILQ_FOREACH(other, &t->dma->attachments, link)
		if (other != t && other->ioas == t->ioas)
			return other;
	return NULL;
}

void dma_count_errors(struct dma_attachment *t)
{
	uint64_t *counters = t->dma->counters;
	struct queue_errors now;

	if (!t->counts_errors)
		return;
	queue_get_errors(&t->ioas->queue, &now);
	counters[DMA_UNKNOWN_COOKIES] += now.unknown_cookies - t->seen.unknown_cookies;
	counters[DMA_DOUBLE_ANSWERS] += now.double_answers - t->seen.double_answers;
	counters[DMA_SUCCESS_WITHOUT_MAPPING] += now.success_without_mapping - t->seen.success_without_mapping;
	t->seen = now;
}

static int start_channels(struct sim_dma *d)
{
	const struct sim_options *o = &d->options;
	struct dma_attachment *wanted[SIM_MAX_PASIDS];
	unsigned n_wanted = MAX(o->n_pasids, 1);
	int r;

	if (d->started || d->stopped || !o->count)
		return 0;
	for (unsigned i = 0; i < n_wanted; i++) {
		wanted[i] = dma_find(d, o->n_pasids ? o->pasids[i] : PASID_NONE);
		if (!wanted[i])
			return 0;
	}
	d->started = true;
	for (unsigned i = 0; i < o->channels; i++) {
		struct channel *c;

		r = channel_new(d, i, wanted, n_wanted, NULL, &c);
		if (r < 0)
			return r;
		if (c->n_lanes)
			TAILQ_INSERT_TAIL(&d->channels, c, link);
		else
			channel_free(c);
	}
	return 0;
}

static int attach(struct sim_dma *d, uint32_t pasid, struct sim_ioas *s)
{
	_cleanup_free_ struct dma_attachment *t = NULL;
	int r;

	if (dma_find(d, pasid))
		return -EBUSY;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->base = (struct sim_attachment){ .dev_id = d->dev_id, .pasid = pasid, .invalidate = invalidate };
	t->dma = d;
	t->ioas = s;
	r = sim_ioas_attach(s, &t->base);
	if (r < 0)
		return r;
	t->counts_errors = !find_sibling(t);
	queue_get_errors(&s->queue, &t->seen);
	TAILQ_INSERT_TAIL(&d->attachments, t, link);
	TAKE_PTR(t);
	return start_channels(d);
}

/* For good, unless all of them go on without this attachment. */
static void stop_channels(struct sim_dma *d, const struct dma_attachment *t)
{
	bool used = !d->started || t->base.pasid == PASID_NONE;
	struct channel *c;

	TAILQ_FOREACH(c, &d->channels, link)
		used |= channel_uses(c, t);
	if (!used)
		return;
	d->stopped = true;
	TAILQ_FOREACH(c, &d->channels, link)
		channel_stop(c);
}

static int detach(struct sim_dma *d, uint32_t pasid, struct sim_ioas *s)
{
	struct dma_attachment *t = dma_find(d, pasid), *heir;

	if (!t || t->ioas != s)
		return -ENOENT;
	stop_channels(d, t);
	/* Answers that came before the detach still count as answers. */
	dma_take_mail(d);
	sim_ioas_detach(s, &t->base);
	dma_take_mail(d);
	dma_count_errors(t);
	heir = find_sibling(t);
	if (heir && t->counts_errors) {
		heir->counts_errors = true;
		heir->seen = t->seen;
	}
	TAILQ_REMOVE(&d->attachments, t, link);
	pagemap_deinit(&t->atc);
	free(t);
	return 0;
}

int sim_dma_attach(struct sim_dma *d, uint32_t pasid, struct sim_ioas *s)
{
	int r;

	pthread_mutex_lock(&s->users_lock);
	dma_enter(d);
	r = attach(d, pasid, s);
	if (r == -ENOMEM && dma_find(d, pasid))
		detach(d, pasid, s);
	dma_leave(d);
	pthread_mutex_unlock(&s->users_lock);
	dma_kick(d);
	return r;
}

int sim_dma_detach(struct sim_dma *d, uint32_t pasid, struct sim_ioas *s)
{
	int r;

	pthread_mutex_lock(&s->users_lock);
	dma_enter(d);
	r = detach(d, pasid, s);
	dma_leave(d);
	pthread_mutex_unlock(&s->users_lock);
	return r;
}
