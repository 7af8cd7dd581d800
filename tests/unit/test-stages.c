/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The samples of stages: which groups get one, and what it counts in the end. The way of a
 * group is in test-pager-stages.
 */
#include "fault/stages.h"

#include "base/util.h"
#include "t.h"

#define READ_NS 1000u

static struct stages stages;
static struct stats one, two;

static void setup(void)
{
	stages_init(&stages);
	one = two = (struct stats){ 0 };
}

static uint64_t n_in(const struct stats *s, enum stage stage)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++)
		n += s->values.stages[stage].buckets[i];
	return n;
}

/* Groups until the next one that is sampled, which ends at once. */
static uint32_t next_sample(void)
{
	uint32_t n = 1;

	while (!stages_is_due(&stages))
		n++;
	stages_begin(&stages, &one, READ_NS);
	stages_answer(&stages);
	stages_written(&stages, &one, READ_NS, clock_now_ns());
	return n;
}

/* Many at first and few in the end, and as often at one place of a batch as at another. */
static void groups_are_chosen_at_random(void)
{
	const unsigned n_samples = 4096, batch = 64;
	unsigned places[64] = { 0 };
	uint64_t n_groups = 0;

	setup();
	for (unsigned i = 0; i < 8; i++)
		n_groups += next_sample();
	T_ASSERT(n_groups < 8 * STAGES_STRIDE / 2);
	for (unsigned i = 0; i < 64; i++)
		next_sample();
	n_groups = 0;
	for (unsigned i = 0; i < n_samples; i++) {
		uint32_t n = next_sample();

		T_ASSERT(n >= 1 && n < 2 * STAGES_STRIDE);
		n_groups += n;
		places[n_groups % batch]++;
	}
	T_ASSERT(n_groups / n_samples > STAGES_STRIDE * 9 / 10 && n_groups / n_samples < STAGES_STRIDE * 11 / 10);
	for (unsigned i = 0; i < batch; i++)
		T_ASSERT(places[i] > n_samples / batch / 2 && places[i] < n_samples / batch * 2);
	T_EQ(n_in(&one, STAGE_QUEUE), n_samples + 72);
	T_EQ(n_in(&one, STAGE_ANSWER), n_samples + 72);
	T_EQ(n_in(&one, STAGE_FILL), 0);
}

/* The parts are the whole, wherever the sample has been. */
static void stages_partition_the_time(void)
{
	uint64_t read_ns = clock_now_ns(), sum = 0;
	struct sample kept = { 0 };

	setup();
	t_sleep_ms(2);
	stages_begin(&stages, &one, read_ns);
	sample_enter(&stages.now, STAGE_FILL);
	stages_wait(&stages, &kept, STAGE_FILL);
	T_ASSERT(!stages_is_on(&stages) && kept.stats);
	t_sleep_ms(4);
	sample_enter(&kept, STAGE_MAP);
	stages_resume(&stages, &kept);
	T_ASSERT(stages_is_on(&stages) && !kept.stats);
	stages_wait(&stages, &kept, STAGE_ROOM);
	t_sleep_ms(1);
	stages_resume(&stages, &kept);
	sample_enter(&stages.now, STAGE_FILL); /* again: one time in all */
	stages_answer(&stages);
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		sum += stages.answered[0].ns[i];
	T_EQ(read_ns + sum, stages.answered[0].since_ns);
	T_ASSERT(stages.answered[0].ns[STAGE_QUEUE] >= 2 * NSEC_PER_MSEC);
	T_ASSERT(stages.answered[0].ns[STAGE_FILL] >= 4 * NSEC_PER_MSEC);
	T_ASSERT(stages.answered[0].ns[STAGE_ROOM] >= NSEC_PER_MSEC);
	T_EQ(stages.answered[0].ns[STAGE_HELD], 0);
	stages_written(&stages, &one, read_ns, clock_now_ns());
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		T_EQ(n_in(&one, i), i != STAGE_HELD);
	T_EQ(stages.n_answered, 0);
}

/* A group without a sample goes the same ways. */
static void without_a_sample_nothing_happens(void)
{
	struct sample kept = { 0 };

	setup();
	sample_enter(&kept, STAGE_MAP);
	T_EQ(kept.passed, 0);
	stages_resume(&stages, &kept);
	T_ASSERT(!stages_is_on(&stages));
	sample_enter(&stages.now, STAGE_ROOM);
	T_ASSERT(!stages_is_on(&stages));
	stages_written(&stages, &one, READ_NS, 2 * READ_NS);
	T_EQ(n_in(&one, STAGE_ANSWER), 0);
}

static void answered(struct stats *stats, uint64_t read_ns)
{
	stages_begin(&stages, stats, read_ns);
	stages_answer(&stages);
}

static void what_was_written_is_counted_and_nothing_else(void)
{
	setup();
	answered(&one, READ_NS);
	answered(&two, READ_NS);
	answered(&one, READ_NS + 1);
	stages_written(&stages, &one, READ_NS, clock_now_ns());
	T_EQ(n_in(&one, STAGE_ANSWER), 1);
	T_EQ(n_in(&two, STAGE_ANSWER), 0);
	T_EQ(stages.n_answered, 2);
	stages_written(&stages, &two, READ_NS, clock_now_ns());
	T_EQ(n_in(&two, STAGE_ANSWER), 1);
	stages_written(&stages, &one, READ_NS + 1, clock_now_ns());
	T_EQ(n_in(&one, STAGE_ANSWER), 2);
	T_EQ(stages.n_answered, 0);
}

/* As when the queue cannot be written to. */
static void more_than_can_be_kept_are_forgotten(void)
{
	setup();
	for (unsigned i = 0; i < STAGES_ANSWERED + 3; i++) {
		answered(&one, READ_NS);
		T_ASSERT(!stages_is_on(&stages));
	}
	T_EQ(stages.n_answered, STAGES_ANSWERED);
	stages_written(&stages, &one, READ_NS, clock_now_ns());
	T_EQ(n_in(&one, STAGE_QUEUE), STAGES_ANSWERED);
	T_EQ(n_in(&one, STAGE_ANSWER), STAGES_ANSWERED);
	T_EQ(stages.n_answered, 0);
}

int main(void)
{
	t_run(groups_are_chosen_at_random);
	t_run(stages_partition_the_time);
	t_run(without_a_sample_nothing_happens);
	t_run(what_was_written_is_counted_and_nothing_else);
	t_run(more_than_can_be_kept_are_forgotten);
	return 0;
}
