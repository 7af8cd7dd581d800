/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A DMA channel: makes page visits, collects those that find no translation into page
 * request groups, and makes the visits of a group again when it was answered SUCCESS. With
 * several PASIDs its visits alternate between them, each with its own place in the pattern
 * and its own group (a lane). All of it runs with the device's lock held.
 */
#pragma once

#include "device/sim/dma.h"

struct channel_group;
struct lane;

struct channel {
	TAILQ_ENTRY(channel) link;
	struct sim_dma *dma;
	struct lane *lanes;
	unsigned n_lanes;
	unsigned next_lane;
	uint64_t n_left;       /* visits; SIM_COUNT_MAX = for ever */
	unsigned group;        /* largest; never more than the credits */
	unsigned depth;
	unsigned n_in_flight;  /* groups */
	unsigned write_percent;
	uint64_t burst_ns;     /* time that the rate gives to `group` visits; 0 = no limit */
	uint64_t due_ns;       /* when the next such burst may begin */
	unsigned burst_left;
	struct channel_group *spare;
};

/* What a channel of a job visits instead of a pattern. */
struct channel_job {
	const uint64_t *iovas; /* copied */
	size_t n_iovas;
	bool is_write;
	unsigned group;
};

/* Attached spaces without pages get no lane. index: which of the device's channels. */
int channel_new(struct sim_dma *d, unsigned index, struct dma_attachment *const *attachments,
		unsigned n_attachments, const struct channel_job *job, struct channel **ret);
struct channel *channel_free(struct channel *c); /* nothing in flight */
DEFINE_CLEANUP(struct channel, channel_free)

/* Some visits. False if it can do nothing until a group is answered or *wake_ns (lowered
 * where need be) has come. */
bool channel_turn(struct channel *c, uint64_t *wake_ns);

/* Makes no visits any more; what is in flight may still end. */
void channel_stop(struct channel *c);
bool channel_uses(const struct channel *c, const struct dma_attachment *t);
bool channel_is_done(const struct channel *c);

/* The queue gave back one of the groups passed to dma_post(). */
void channel_on_answer(struct sim_group *g);
