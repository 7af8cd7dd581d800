/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A simulated device: one thread that plays all of its DMA channels in turn, with an address
 * translation cache for each attachment, page requests bounded by credits, and counters.
 *
 * The thread holds `lock` whenever it runs and lets go between two page visits if somebody
 * wants in (dma_enter), so that who has entered finds no visit in progress. Answers come
 * through the mailbox and never wait for the device. It sleeps when no channel can go on;
 * an idle device never wakes up.
 *
 * DMA starts when all attachments that the options name are there, and stops for good with
 * the first detach: visits that this cuts off count as aborted, not as failed.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "device/sim/iommu.h"
#include "device/sim/options.h"

enum dma_counter {
	DMA_VISITS,           /* completed */
	DMA_VISITS_FAILED,    /* answered INVALID, or still no translation after 8 requests */
	DMA_VISITS_ABORTED,   /* cut off by a detach */
	DMA_BYTES_WRITTEN,
	DMA_BYTES_READ,
	DMA_BYTES_VERIFIED,   /* read, and something was known to compare with */
	DMA_DATA_ERRORS,      /* pages that were not as expected */
	DMA_PAGE_REQUESTS,
	DMA_GROUPS,
	DMA_RESPONSES_SUCCESS,
	DMA_RESPONSES_INVALID, /* without those at a detach */
	DMA_RETRIES,          /* requests repeated because SUCCESS had left a miss */
	DMA_UNKNOWN_COOKIES,  /* this and the next two: on the queues of its spaces */
	DMA_DOUBLE_ANSWERS,
	DMA_SUCCESS_WITHOUT_MAPPING,
	DMA_ATC_HITS,
	DMA_ATC_INVALIDATIONS, /* entries */
	DMA_PEAK_OUTSTANDING,  /* page requests */
	DMA_COUNTER_MAX,
};

struct channel;
TAILQ_HEAD(channel_list, channel);

struct dma_attachment {
	struct sim_attachment base;
	TAILQ_ENTRY(dma_attachment) link;
	struct sim_dma *dma;
	struct sim_ioas *ioas;
	struct pagemap atc;          /* page → host address | ACCESS_* */
	struct queue_errors seen;    /* of the queue, as far as counted */
	bool counts_errors;          /* one attachment for each space does */
};

TAILQ_HEAD(dma_attachment_list, dma_attachment);

struct sim_dma {
	struct sim_options options;
	uint32_t dev_id;
	pthread_t thread;
	pthread_mutex_t lock;        /* all below but the mailbox */
	pthread_cond_t quiet;        /* nobody wants in any more */
	atomic_uint n_waiting;       /* threads that want in */
	struct dma_attachment_list attachments;
	struct channel_list channels;
	unsigned n_outstanding;      /* page requests */
	struct channel *starving;    /* the next to get credits; nobody overtakes it */
	uint32_t next_group;
	uint64_t data_seed;
	uint64_t n_transfers;
	bool started, stopped, ended;
	uint64_t counters[DMA_COUNTER_MAX];

	pthread_mutex_t mail_lock;   /* leaf */
	pthread_cond_t wake;
	struct sim_group_list mail;  /* answered groups */
	bool kicked;
};

extern const char *const dma_counter_names[DMA_COUNTER_MAX];

int sim_dma_new(const struct sim_options *options, uint32_t dev_id, const char *name, struct sim_dma **ret);
struct sim_dma *sim_dma_free(struct sim_dma *d); /* everything detached */
DEFINE_CLEANUP(struct sim_dma, sim_dma_free)

/* -EBUSY: attached already. */
int sim_dma_attach(struct sim_dma *d, uint32_t pasid, struct sim_ioas *s);
int sim_dma_detach(struct sim_dma *d, uint32_t pasid, struct sim_ioas *s); /* -ENOENT */

/* Any thread: one consistent copy. */
void sim_dma_counters(struct sim_dma *d, uint64_t ret[DMA_COUNTER_MAX]);

/* For tests: one more channel that visits these pages in order and is gone then. -ENOENT:
 * not attached. */
int sim_dma_visit(struct sim_dma *d, uint32_t pasid, const uint64_t *iovas, size_t n_iovas, bool is_write,
		  unsigned group);
bool sim_dma_is_busy(struct sim_dma *d); /* a channel has visits left */

/* Inside the model. Between enter and leave no visit is in progress. kick: something new
 * is there to do. post: a group was answered. take_mail (entered): deals with all answers;
 * true if there was one. */
void dma_enter(struct sim_dma *d);
void dma_leave(struct sim_dma *d);
void dma_kick(struct sim_dma *d);
void dma_post(struct sim_dma *d, struct sim_group *g);
bool dma_take_mail(struct sim_dma *d);

/* Entered. find: NULL if there is none. count_errors: adds to the counters what went wrong on
 * the space's queue since the last time. */
struct dma_attachment *dma_find(struct sim_dma *d, uint32_t pasid);
void dma_count_errors(struct dma_attachment *t);

/* For the device's own thread: somebody wants in. */
static inline bool dma_is_wanted(const struct sim_dma *d)
{
	return atomic_load_explicit(&d->n_waiting, memory_order_relaxed) > 0;
}
