/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wire: groups by cookie, big groups, short writes, stale cookies, failures. */
#include "fake-ioas.h"
#include "base/util.h"
#include "fault/queue.h"
#include "t.h"

static struct fake_ioas fake;
static struct queue queue;
static unsigned n_written[3], n_calls;

static void setup(void)
{
	fake_ioas_init(&fake);
	T_OK(queue_init(&queue, &fake.ioas));
	memset(n_written, 0, sizeof(n_written));
	n_calls = 0;
}

static void teardown(void)
{
	T_EQ(queue.n_open, 0);
	queue_deinit(&queue);
	fake_ioas_deinit(&fake);
}

static void on_written(void *userdata, const struct queue_context *c, size_t n, enum queue_outcome outcome,
		       uint64_t now_ns)
{
	T_ASSERT(userdata == &queue);
	T_EQ(now_ns, 7);
	T_EQ(c->read_ns, 0);
	n_written[outcome] += (unsigned)n;
	n_calls++;
}

static int flush(void)
{
	int r = queue_flush(&queue);

	queue_settle(&queue, 7, on_written, &queue);
	return r;
}

static void answer_all(bool success)
{
	for (size_t i = 0; i < queue.n_groups; i++)
		queue_answer(&queue, &queue.groups[i], success);
}

static void groups_are_formed_by_cookie(void)
{
	setup();
	fake_group(&fake, 3, 1, PASID_NONE, 0x1000, 5, 1);
	fake_group(&fake, 1, 1, PASID_NONE, 0x9000, 1, 1);
	fake_group(&fake, 2, 1, PASID_NONE, 0x9000, 64, 1);
	T_EQ(queue_drain(&queue, false), 3);
	T_EQ(queue.groups[0].n_records, 5);
	T_EQ(queue.groups[1].first, 5);
	T_EQ(queue.groups[1].cookie, 1);
	T_EQ(queue.groups[2].n_records, 64);
	T_ASSERT(!queue.more);
	answer_all(true);
	T_OK(flush());
	T_EQ(fake.n_writes, 1);
	T_EQ(n_written[QUEUE_SUCCESS], 3);
	T_EQ(queue_drain(&queue, false), 0);
	teardown();
}

/* LAST in the middle (a group without LAST came before and left its records). */
static void surplus_records_belong_to_their_cookie(void)
{
	setup();
	fake_group(&fake, 1, 1, PASID_NONE, 0x1000, 4, 1);
	fake.records[0].flags |= UAPI_FAULT_LAST_PAGE;
	T_EQ(queue_drain(&queue, false), 1);
	T_EQ(queue.groups[0].n_records, 4);
	answer_all(false);
	T_OK(flush());
	T_EQ(fake_answer(&fake, 1), UAPI_ANSWER_INVALID);
	teardown();
}

/* Where the largest group of the ioas would have come along, nothing is left. */
static void no_read_is_made_for_nothing(void)
{
	static const struct { size_t n_before, largest; unsigned n_reads; bool more; } cases[] = {
		{ 64, 0, 2, false }, /* not known how large */
		{ 64, QUEUE_BATCH_RECORDS, 1, false },
		{ QUEUE_BATCH_RECORDS, QUEUE_BATCH_RECORDS, 1, false },
		{ QUEUE_BATCH_RECORDS + 1, QUEUE_BATCH_RECORDS, 1, true },
		{ 64, QUEUE_RECORDS - 64, 1, false },
		{ 64, QUEUE_RECORDS - 63, 2, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup();
		fake.ioas.largest_group = cases[i].largest;
		for (uint32_t j = 1; j <= cases[i].n_before; j++)
			fake_group(&fake, j, 1, PASID_NONE, 0, 1, 1);
		T_EQ(queue_drain(&queue, false), (int)cases[i].n_before);
		T_EQ(fake.n_reads, cases[i].n_reads);
		T_EQ(queue.more, cases[i].more);
		answer_all(true);
		T_OK(flush());
		T_EQ(queue_drain(&queue, false), 0);
		teardown();
	}
}

/* The one that waits behind others is found, however large it is. */
static void the_largest_group_is_not_left_behind(void)
{
	for (size_t largest = QUEUE_BATCH_RECORDS - 1; largest <= QUEUE_RECORDS + 1; largest += 1025) {
		int n = 0;

		setup();
		fake.ioas.largest_group = largest;
		for (uint32_t i = 1; i < QUEUE_BATCH_RECORDS; i++)
			fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
		fake_group(&fake, QUEUE_BATCH_RECORDS, 1, PASID_NONE, 0, largest, 1);
		do {
			n += queue_drain(&queue, false);
			answer_all(true);
			T_OK(flush());
		} while (queue.more);
		T_EQ(n, (int)QUEUE_BATCH_RECORDS);
		T_EQ(fake.n_records, 0);
		teardown();
	}
}

static void a_group_larger_than_the_buffer_grows_it(void)
{
	setup();
	fake_group(&fake, 1, 1, PASID_NONE, 0, 1, 1);
	fake_group(&fake, 2, 1, PASID_NONE, 0, 5000, 1);
	fake_group(&fake, 3, 1, PASID_NONE, 0, 1, 1);
	T_EQ(queue_drain(&queue, false), 1); /* what fits first */
	T_ASSERT(queue.more);
	answer_all(true);
	T_OK(flush());
	T_EQ(queue_drain(&queue, false), 2); /* both: the buffer is big enough now */
	T_EQ(queue.groups[0].n_records, 5000);
	answer_all(true);
	T_OK(flush());
	T_EQ(n_written[QUEUE_SUCCESS], 3);
	teardown();
}

static void a_read_that_always_fails_to_fit_ends(void)
{
	setup();
	fake.read_error = -EINVAL;
	T_EQ(queue_drain(&queue, false), -EMSGSIZE);
	fake.read_error = 0;
	teardown();
}

static void a_batch_ends_and_says_so(void)
{
	size_t n = 0;

	setup();
	for (uint32_t i = 1; i <= 5000; i++)
		fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
	while (fake.n_records) {
		T_EQ(queue_drain(&queue, false), (int)MIN(5000 - n, QUEUE_RECORDS));
		n += queue.n_groups;
		T_EQ(queue.more, n < 5000);
		answer_all(true);
		T_OK(flush());
	}
	T_EQ(n_written[QUEUE_SUCCESS], 5000);
	teardown();
}

/* A group may be answered long after its batch; room for its answer is kept. */
static void a_group_is_answered_later(void)
{
	struct group kept;

	setup();
	fake_group(&fake, 1, 1, PASID_NONE, 0xabc000, 1, 1);
	T_EQ(queue_drain(&queue, false), 1);
	kept = queue.groups[0];
	for (uint32_t i = 2; i < 6000; i++)
		fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
	while (fake.n_records) {
		T_ASSERT(queue_drain(&queue, false) > 0);
		answer_all(true);
		T_OK(flush());
	}
	T_EQ(queue.n_open, 1);
	queue_answer(&queue, &kept, true);
	T_OK(flush());
	T_EQ(n_written[QUEUE_SUCCESS], 5999);
	T_EQ(fake_answer(&fake, 1), UAPI_ANSWER_SUCCESS);
	teardown();
}

static void short_writes_are_resumed(void)
{
	setup();
	fake.write_at_most = 3;
	for (uint32_t i = 1; i <= 10; i++)
		fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
	T_EQ(queue_drain(&queue, false), 10);
	answer_all(true);
	T_OK(flush());
	T_EQ(fake.n_writes, 4);
	for (uint32_t i = 1; i <= 10; i++)
		T_EQ(fake_answer(&fake, i), UAPI_ANSWER_SUCCESS);
	teardown();
}

static void unknown_cookies_are_skipped_wherever_they_are(void)
{
	for (uint32_t unknown = 1; unknown <= 4; unknown++) {
			setup();
		for (uint32_t i = 1; i <= 4; i++)
			fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
		T_EQ(queue_drain(&queue, false), 4);
		answer_all(true);
		fake.unknown_cookie = unknown;
		T_OK(flush());
		T_EQ(n_written[QUEUE_STALE], 1);
		T_EQ(n_written[QUEUE_SUCCESS], 3);
		for (uint32_t i = 1; i <= 4; i++)
			T_EQ(fake_answer(&fake, i), i == unknown ? -1 : (int)UAPI_ANSWER_SUCCESS);
		teardown();
	}
}

static void a_failed_write_keeps_the_answers(void)
{
	setup();
	fake_group(&fake, 1, 1, PASID_NONE, 0, 1, 1);
	fake_group(&fake, 2, 1, PASID_NONE, 0, 1, 1);
	T_EQ(queue_drain(&queue, false), 2);
	queue.groups[0].owner = &fake;
	answer_all(true);
	fake.write_error = -ENOMEM;
	T_EQ(flush(), -ENOMEM);
	T_EQ(queue.n_answers, 2);
	queue_abandon(&queue, &fake); /* its owner is about to be detached */
	queue_settle(&queue, 7, on_written, &queue);
	T_EQ(n_written[QUEUE_STALE], 1);
	fake.write_error = 0;
	T_OK(flush());
	T_EQ(fake_answer(&fake, 1), -1);
	T_EQ(fake_answer(&fake, 2), UAPI_ANSWER_SUCCESS);
	teardown();
}

/* So that they are counted in one step. */
static void answers_that_are_alike_are_told_together(void)
{
	setup();
	for (uint32_t i = 1; i <= 10; i++)
		fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
	T_EQ(queue_drain(&queue, false), 10);
	queue.groups[4].owner = &fake;
	for (size_t i = 0; i < 10; i++)
		queue_answer(&queue, &queue.groups[i], i < 8);
	T_OK(flush());
	T_EQ(n_calls, 4); /* 4, another's, 3, 2 that were refused */
	T_EQ(n_written[QUEUE_SUCCESS], 8);
	T_EQ(n_written[QUEUE_INVALID], 2);
	teardown();
}

/* Several times written, told of at once; what is left over stays. */
static void answers_are_told_of_later(void)
{
	setup();
	for (uint32_t i = 1; i <= 9; i++)
		fake_group(&fake, i, 1, PASID_NONE, 0, 1, 1);
	T_EQ(queue_drain(&queue, false), 9);
	for (size_t i = 0; i < 3; i++) {
		queue.groups[3 * i].owner = &fake;
		for (size_t j = 0; j < 3; j++)
			queue_answer(&queue, &queue.groups[3 * i + j], true);
		fake.write_error = i == 2 ? -ENOMEM : 0;
		T_EQ(queue_flush(&queue), fake.write_error);
	}
	T_EQ(n_calls, 0);
	T_EQ(queue.n_open, 9);
	queue_abandon(&queue, &fake); /* the seventh */
	queue_settle(&queue, 7, on_written, &queue);
	T_EQ(n_written[QUEUE_SUCCESS], 6);
	T_EQ(n_written[QUEUE_STALE], 1);
	T_EQ(n_calls, 5);
	T_EQ(queue.n_open, 2);
	fake.write_error = 0;
	T_OK(flush());
	T_EQ(fake_answer(&fake, 7), -1);
	T_EQ(fake_answer(&fake, 8), UAPI_ANSWER_SUCCESS);
	T_EQ(fake_answer(&fake, 9), UAPI_ANSWER_SUCCESS);
	T_EQ(n_written[QUEUE_SUCCESS], 8);
	teardown();
}

static void a_failed_read_is_told(void)
{
	setup();
	fake_group(&fake, 1, 1, PASID_NONE, 0, 1, 1);
	fake.read_error = -ENOMEM;
	T_EQ(queue_drain(&queue, false), -ENOMEM);
	fake.read_error = 0;
	T_EQ(queue_drain(&queue, false), 1);
	answer_all(true);
	T_OK(flush());
	teardown();
}

int main(void)
{
	t_run(groups_are_formed_by_cookie);
	t_run(surplus_records_belong_to_their_cookie);
	t_run(no_read_is_made_for_nothing);
	t_run(the_largest_group_is_not_left_behind);
	t_run(a_group_larger_than_the_buffer_grows_it);
	t_run(a_read_that_always_fails_to_fit_ends);
	t_run(a_batch_ends_and_says_so);
	t_run(a_group_is_answered_later);
	t_run(short_writes_are_resumed);
	t_run(unknown_cookies_are_skipped_wherever_they_are);
	t_run(a_failed_write_keeps_the_answers);
	t_run(answers_that_are_alike_are_told_together);
	t_run(answers_are_told_of_later);
	t_run(a_failed_read_is_told);
	return 0;
}
