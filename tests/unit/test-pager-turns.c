/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is served when: floods, those who ask beside them, and a queue that is drained.
 */
#include "t-pager.h"
#include "t.h"

static void more_than_a_batch_asks_to_be_called_again(void)
{
	setup();
	for (uint32_t i = 1; i <= 3000; i++)
		fake_group(&fake, i, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	for (size_t before = 0; turn() == LOOP_AGAIN; before = fake.n_answers)
		T_ASSERT(fake.n_answers > before); /* what was served is not kept until all is */
	T_EQ(fake.n_answers, 3000);
	T_ASSERT(fake.n_writes > 1);
	teardown();
}

/* One device floods; another asks once, behind all of it or while it is served. */
static void a_flood_does_not_keep_others_waiting(void)
{
	size_t n_before;

	setup();
	for (uint32_t i = 1; i <= 500; i++)
		fake_group(&fake, i, 11, PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	fake_group(&fake, 501, 12, PASID_NONE, HEAP, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, 501), SUCCESS);
	T_ASSERT(fake.n_answers <= 32);
	T_EQ(turn(), LOOP_AGAIN);
	n_before = fake.n_answers;
	fake_group(&fake, 502, 12, PASID_NONE, HEAP, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, 502), SUCCESS);
	T_ASSERT(fake.n_answers - n_before <= 32);
	while (turn() == LOOP_AGAIN)
		;
	for (uint32_t i = 1; i <= 500; i++)
		T_EQ(fake_answer(&fake, i), SUCCESS);
	T_EQ(fake.n_maps, 501);
	teardown();
}

/* A flood that never ends: the buffer is used over and over, and each device is served in its
 * own order. */
static void a_flood_that_never_ends_loses_nothing(void)
{
	uint32_t next = 1, last = 0, n_asked = 0, due = 0;

	setup();
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < (round < 100 ? 40 : 4); i++, next++)
			fake_group(&fake, next, 11, PASID_NONE, HEAP + next % 1000 * 4096, 1 + next % 3 / 2,
				   UAPI_PERM_READ);
		if (round % 3 == 0) {
			due = ++n_asked;
			fake_group(&fake, 100000 + due, 12, PASID_NONE, READ_ONLY, 1, UAPI_PERM_READ);
		}
		turn();
		if (due)
			T_EQ(fake_answer(&fake, 100000 + due), SUCCESS);
	}
	while (turn() == LOOP_AGAIN)
		;
	for (size_t i = 0; i < fake.n_answers; i++) {
		if (fake.answers[i].cookie > 100000)
			continue;
		T_EQ(fake.answers[i].cookie, last + 1);
		last++;
	}
	T_EQ(last, next - 1);
	T_EQ(stats_one.values.responses_success, next - 1);
	teardown();
}

/* A write for each few would cost them more than it saves anybody. */
static void who_takes_no_more_than_a_turn_is_answered_with_the_others(void)
{
	setup();
	for (uint32_t i = 0; i < 3 * TURNS_QUANTUM; i++)
		fake_group(&fake, ++cookie, i % 3 ? 11 : 12, i % 3 == 1 ? 5 : PASID_NONE, HEAP + i * 4096, 1,
			   UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(fake.n_writes, 1);
	T_EQ(fake.n_answers, 3 * TURNS_QUANTUM);
	for (uint32_t i = 0; i < 6 * TURNS_QUANTUM; i++)
		fake_group(&fake, ++cookie, i % 3 ? 11 : 12, i % 3 == 1 ? 5 : PASID_NONE, HEAP + MIB + i * 4096, 1,
			   UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake.n_writes, 2);
	T_ASSERT(fake.n_answers < 7 * TURNS_QUANTUM);
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	teardown();
}

static void ask_for(uint32_t n)
{
	while (n--) {
		cookie++;
		fake_group(&fake, cookie, 11, PASID_NONE, HEAP + cookie * 4096, 1, UAPI_PERM_WRITE);
	}
}

static void a_flood_lets_other_spaces_come_between(void)
{
	setup();
	ask_for(4 * TURNS_QUANTUM);
	T_EQ(turn(), LOOP_FOUND);
	rounds_are_shared = true;
	ask_for(8 * TURNS_QUANTUM);
	T_EQ(turn(), LOOP_AGAIN);
	T_ASSERT(fake.n_answers < 8 * TURNS_QUANTUM);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake.n_answers, cookie);
	ask_for(TURNS_QUANTUM);
	T_EQ(turn(), LOOP_FOUND);
	rounds_are_shared = false;
	teardown();
}

static void detaching_answers_what_is_not_served_yet(void)
{
	setup();
	for (uint32_t i = 1; i <= 200; i++)
		fake_group(&fake, i, i & 1 ? 11 : 12, PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_EQ(stats_one.values.responses_success + stats_one.values.responses_invalid, 100);
	T_ASSERT(stats_one.values.responses_invalid > 50);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(stats_two.values.responses_success, 100);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &(struct reason){ 0 }));
	teardown();
}

/* Not one of the first batch is served, and still there is more to read. */
static void a_flood_of_strangers_is_read_to_its_end(void)
{
	setup();
	for (uint32_t i = 1; i <= 3000; i++)
		fake_group(&fake, i, 99, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 3001, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake_answer(&fake, 3001), SUCCESS);
	T_EQ(orphans.values.responses_invalid, 3000);
	teardown();
}

static void drain_ends_when_the_queue_is_empty(void)
{
	setup();
	drained = false;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	T_OK(pager_drain(&pager, clock_now_ns() + NSEC_PER_SEC * 100, on_drained, &pager));
	T_EQ(pager_drain(&pager, 0, on_drained, &pager), -EBUSY);
	tick();
	T_ASSERT(!drained); /* something came: look again */
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake.n_records, 0);
	fake_group(&fake, 2, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ); /* the device's second try */
	while (!drained)
		tick();
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	teardown();
}

static void drain_ends_at_its_deadline(void)
{
	setup();
	drained = false;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	T_OK(pager_drain(&pager, 1, on_drained, &pager));
	tick();
	T_ASSERT(drained);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	teardown();
}

static void all(void)
{
	t_run(more_than_a_batch_asks_to_be_called_again);
	t_run(a_flood_does_not_keep_others_waiting);
	t_run(a_flood_that_never_ends_loses_nothing);
	t_run(who_takes_no_more_than_a_turn_is_answered_with_the_others);
	t_run(a_flood_lets_other_spaces_come_between);
	t_run(detaching_answers_what_is_not_served_yet);
	t_run(a_flood_of_strangers_is_read_to_its_end);
	t_run(drain_ends_when_the_queue_is_empty);
	t_run(drain_ends_at_its_deadline);
}

int main(void)
{
	run_twice(all);
	return 0;
}
