/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device's thread: deals with answers, gives each channel a turn, lets others in, and
 * sleeps when neither brings anything on. What wakes it is in the mailbox: an answer, or a
 * kick when there is a new channel or the end.
 */
#include "device/sim/dma.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "base/util.h"
#include "device/sim/channel.h"

const char *const dma_counter_names[DMA_COUNTER_MAX] = {
	[DMA_VISITS] = "Visits",
	[DMA_VISITS_FAILED] = "VisitsFailed",
	[DMA_VISITS_ABORTED] = "VisitsAborted",
	[DMA_BYTES_WRITTEN] = "BytesWritten",
	[DMA_BYTES_READ] = "BytesRead",
	[DMA_BYTES_VERIFIED] = "BytesVerified",
	[DMA_DATA_ERRORS] = "DataErrors",
	[DMA_PAGE_REQUESTS] = "PageRequests",
	[DMA_GROUPS] = "Groups",
	[DMA_RESPONSES_SUCCESS] = "ResponsesSuccess",
	[DMA_RESPONSES_INVALID] = "ResponsesInvalid",
	[DMA_RETRIES] = "RetriesAfterSuccess",
	[DMA_UNKNOWN_COOKIES] = "UnknownCookies",
	[DMA_DOUBLE_ANSWERS] = "DoubleAnswers",
	[DMA_SUCCESS_WITHOUT_MAPPING] = "SuccessWithoutMapping",
	[DMA_ATC_HITS] = "AtcHits",
	[DMA_ATC_INVALIDATIONS] = "AtcInvalidations",
	[DMA_PEAK_OUTSTANDING] = "PeakOutstanding",
};

void dma_enter(struct sim_dma *d)
{
	atomic_fetch_add(&d->n_waiting, 1);
	pthread_mutex_lock(&d->lock);
}

void dma_leave(struct sim_dma *d)
{
	if (atomic_fetch_sub(&d->n_waiting, 1) == 1)
		pthread_cond_signal(&d->quiet);
	pthread_mutex_unlock(&d->lock);
}

void dma_kick(struct sim_dma *d)
{
	pthread_mutex_lock(&d->mail_lock);
	d->kicked = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->mail_lock);
}

void dma_post(struct sim_dma *d, struct sim_group *g)
{
	pthread_mutex_lock(&d->mail_lock);
	if (TAILQ_EMPTY(&d->mail))
		pthread_cond_signal(&d->wake);
	TAILQ_INSERT_TAIL(&d->mail, g, link);
	pthread_mutex_unlock(&d->mail_lock);
}

bool dma_take_mail(struct sim_dma *d)
{
	struct sim_group_list mail = TAILQ_HEAD_INITIALIZER(mail);
	struct sim_group *g, *next;
	bool any;

	pthread_mutex_lock(&d->mail_lock);
	TAILQ_CONCAT(&mail, &d->mail, link);
	pthread_mutex_unlock(&d->mail_lock);
	any = !TAILQ_EMPTY(&mail);
	for (g = TAILQ_FIRST(&mail); g; g = next) {
		next = TAILQ_NEXT(g, link);
		channel_on_answer(g);
	}
	return any;
}

static void wait_for_mail(struct sim_dma *d, uint64_t wake_ns)
{
	struct timespec at = { .tv_sec = (time_t)(wake_ns / NSEC_PER_SEC), .tv_nsec = (long)(wake_ns % NSEC_PER_SEC) };
	int r = 0;

	pthread_mutex_unlock(&d->lock);
	pthread_mutex_lock(&d->mail_lock);
	while (TAILQ_EMPTY(&d->mail) && !d->kicked && r != ETIMEDOUT) {
		if (wake_ns == UINT64_MAX)
			r = pthread_cond_wait(&d->wake, &d->mail_lock);
		else
			r = pthread_cond_timedwait(&d->wake, &d->mail_lock, &at);
	}
	d->kicked = false;
	pthread_mutex_unlock(&d->mail_lock);
	pthread_mutex_lock(&d->lock);
}

static bool run_channels(struct sim_dma *d, uint64_t *wake_ns)
{
	struct channel *c, *next;
	bool progress = false;

	for (c = TAILQ_FIRST(&d->channels); c; c = next) {
		next = TAILQ_NEXT(c, link);
		progress |= channel_turn(c, wake_ns);
		if (channel_is_done(c)) {
			TAILQ_REMOVE(&d->channels, c, link);
			channel_free(c);
		}
	}
	return progress;
}

static void *run(void *userdata)
{
	struct sim_dma *d = userdata;

	pthread_mutex_lock(&d->lock);
	while (!d->ended) {
		uint64_t wake_ns = UINT64_MAX;
		bool progress = dma_take_mail(d);

		progress |= run_channels(d, &wake_ns);
		/* Once only: a stream of visitors must not stop the device for good. */
		if (dma_is_wanted(d))
			pthread_cond_wait(&d->quiet, &d->lock);
		else if (!progress)
			wait_for_mail(d, wake_ns);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static int start_thread(struct sim_dma *d, const char *name)
{
	char comm[16];

	snprintf(comm, sizeof(comm), "sim-%s", name);
	return thread_start(&d->thread, comm, run, d);
}

static void destroy(struct sim_dma *d)
{
	pthread_cond_destroy(&d->wake);
	pthread_cond_destroy(&d->quiet);
	pthread_mutex_destroy(&d->mail_lock);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

int sim_dma_new(const struct sim_options *options, uint32_t dev_id, const char *name, struct sim_dma **ret)
{
	pthread_condattr_t monotonic;
	struct sim_dma *d;
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->options = *options;
	d->dev_id = dev_id;
	d->data_seed = sim_mix(options->seed + sim_mix(dev_id));
	TAILQ_INIT(&d->attachments);
	TAILQ_INIT(&d->channels);
	TAILQ_INIT(&d->mail);
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->mail_lock, NULL);
	pthread_cond_init(&d->quiet, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = start_thread(d, name);
	if (r < 0) {
		destroy(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct sim_dma *sim_dma_free(struct sim_dma *d)
{
	struct channel *c;

	if (!d)
		return NULL;
	assert(TAILQ_EMPTY(&d->attachments));
	dma_enter(d);
	d->ended = true;
	dma_leave(d);
	dma_kick(d);
	pthread_join(d->thread, NULL);
	while ((c = TAILQ_FIRST(&d->channels))) {
		TAILQ_REMOVE(&d->channels, c, link);
		channel_free(c);
	}
	destroy(d);
	return NULL;
}

void sim_dma_counters(struct sim_dma *d, uint64_t ret[DMA_COUNTER_MAX])
{
	struct dma_attachment *t;

	dma_enter(d);
	TAILQ_FOREACH(t, &d->attachments, link)
		dma_count_errors(t);
	memcpy(ret, d->counters, sizeof(d->counters));
	dma_leave(d);
}

int sim_dma_visit(struct sim_dma *d, uint32_t pasid, const uint64_t *iovas, size_t n_iovas, bool is_write,
		  unsigned group)
{
	struct channel_job job = { .iovas = iovas, .n_iovas = n_iovas, .is_write = is_write, .group = group };
	struct dma_attachment *t;
	struct channel *c;
	int r = -ENOENT;

	assert(n_iovas > 0 && group > 0 && group <= SIM_MAX_GROUP);
	dma_enter(d);
	t = dma_find(d, pasid);
	if (t)
		r = channel_new(d, 0, &t, 1, &job, &c);
	if (r >= 0)
		TAILQ_INSERT_TAIL(&d->channels, c, link);
	dma_leave(d);
	dma_kick(d);
	return r;
}

bool sim_dma_is_busy(struct sim_dma *d)
{
	struct channel *c;
	bool busy = false;

	dma_enter(d);
	TAILQ_FOREACH(c, &d->channels, link)
		busy |= !channel_is_done(c);
	dma_leave(d);
	return busy;
}
