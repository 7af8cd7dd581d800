/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sample is a value that moves from place to place, so that any number of groups that wait
 * may have one and none keeps others from being sampled. A stage counts once for a sample
 * that was in it, with all the time it was in it.
 */
#include "fault/stages.h"

#include <assert.h>

#include "base/util.h"
#include "fault/account.h"

/* xorshift32 */
static uint32_t next_stride(struct stages *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return 1 + s->random % (2 * s->stride - 1);
}

void stages_init(struct stages *s)
{
	*s = (struct stages){ .random = 0x9e3779b9, .stride = STAGES_STRIDE_FIRST };
	s->left = next_stride(s);
}

static void leave_stage(struct sample *sample, uint64_t now_ns)
{
	sample->ns[sample->stage] += now_ns - sample->since_ns;
	sample->passed |= (uint8_t)(1u << sample->stage);
	sample->since_ns = now_ns;
}

void sample_enter(struct sample *sample, enum stage stage)
{
	if (!sample->stats || sample->stage == stage)
		return;
	leave_stage(sample, clock_now_ns());
	sample->stage = (uint8_t)stage;
}

void stages_begin(struct stages *s, struct stats *stats, uint64_t read_ns)
{
	assert(!s->now.stats);
	s->stride = MIN(s->stride + STAGES_STRIDE_STEP, STAGES_STRIDE);
	s->left = next_stride(s);
	s->now = (struct sample){ .stats = stats, .read_ns = read_ns, .since_ns = read_ns, .stage = STAGE_QUEUE };
	sample_enter(&s->now, STAGE_ANSWER);
}

void stages_wait(struct stages *s, struct sample *ret, enum stage stage)
{
	sample_enter(&s->now, stage);
	*ret = s->now;
	s->now.stats = NULL;
}

void stages_resume(struct stages *s, struct sample *sample)
{
	assert(!s->now.stats);
	if (!sample->stats)
		return;
	s->now = *sample;
	sample->stats = NULL;
	sample_enter(&s->now, STAGE_ANSWER);
}

void stages_answer(struct stages *s)
{
	sample_enter(&s->now, STAGE_ANSWER);
	if (s->n_answered < STAGES_ANSWERED)
		s->answered[s->n_answered++] = s->now;
	s->now.stats = NULL;
}

void stages_written(struct stages *s, const struct stats *stats, uint64_t read_ns, uint64_t now_ns)
{
	for (unsigned i = 0; i < s->n_answered;) {
		struct sample *sample = &s->answered[i];

		if (sample->stats != stats || sample->read_ns != read_ns) {
			i++;
			continue;
		}
		leave_stage(sample, now_ns);
		account_stages(sample->stats, sample->ns, sample->passed);
		*sample = s->answered[--s->n_answered];
	}
}
