/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the time of faults goes. Of some groups each change of stage is timed, from when the
 * group was read until its answer was written, which is what its latency counts:
 *
 *	queue   until it is served for the first time
 *	held    its attachment is paused
 *	room    it waits for room in the budget, or for what is evicted to make some
 *	fill    the policy is to provide memory, or has not yet taken back what was there
 *	map     the kernel maps
 *	answer  the rest: the daemon's own work, and until the collected answers were written
 *
 * The clock may be a slow syscall, so it is few groups: one in 16 at first, for there may
 * never be many, and one in STAGES_STRIDE later; at random, lest it is always the first of a
 * batch. The sample is in stages.now while its group is served, in struct waiting while that
 * waits, and in stages.answered until the answer is written. Every answer leaves the queue
 * once, written or given up, and its sample with it: there is none of an attachment that is
 * gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "fault/stats.h"

#define STAGES_STRIDE 256u
#define STAGES_STRIDE_FIRST 16u
#define STAGES_STRIDE_STEP 8u
#define STAGES_ANSWERED 8u

struct sample {
	struct stats *stats; /* of the attachment; NULL: no sample */
	uint64_t read_ns;
	uint64_t since_ns; /* the present stage */
	uint64_t ns[STAGE_COUNT];
	uint8_t passed; /* bits: stages it was in */
	uint8_t stage;
};

/* Of one pager. */
struct stages {
	uint32_t left; /* groups until one is sampled */
	uint32_t stride; /* mean of that */
	uint32_t random;
	unsigned n_answered;
	struct sample now; /* the group that is served */
	struct sample answered[STAGES_ANSWERED]; /* not written yet */
};

void stages_init(struct stages *s);

/* Another group is served: is it to be sampled? Then stages_begin() follows. */
static inline bool stages_is_due(struct stages *s)
{
	return __builtin_expect(!--s->left, 0);
}

/* The group that is served is sampled. */
static inline bool stages_is_on(const struct stages *s)
{
	return __builtin_expect(s->now.stats != NULL, 0);
}

void stages_begin(struct stages *s, struct stats *stats, uint64_t read_ns);

/* No change: no look at the clock. Nothing if there is no sample. */
void sample_enter(struct sample *sample, enum stage stage);

/* The group that is served must wait, in this stage; it is served again. */
void stages_wait(struct stages *s, struct sample *ret, enum stage stage);
void stages_resume(struct stages *s, struct sample *sample);

/* It has its answer. With more of them than can be kept it is forgotten. */
void stages_answer(struct stages *s);

/* Answers to groups of this attachment that were read at this moment have left. */
void stages_written(struct stages *s, const struct stats *stats, uint64_t read_ns, uint64_t now_ns);
