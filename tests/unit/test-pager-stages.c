/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way of a group that has a sample of its stages: what counts as which.
 */
#include "t-pager.h"
#include "t.h"

/* Longer than a millisecond, as all that waits here does, and on a busy machine anything else; a
 * bucket begins at about one. */
#define SHORT_NS NSEC_PER_MSEC
static void wait_a_little(void)
{
	t_sleep_ms(3);
}

static void sampled(uint64_t iova, size_t n, uint32_t perm, int answer)
{
	pager.stages.left = 1;
	T_EQ(serve(iova, n, perm), answer);
}

/* What is done at once, what is there already and what is refused. */
static void each_stage_of_a_sample_is_counted(void)
{
	setup();
	sampled(HEAP, 2, UAPI_PERM_WRITE, SUCCESS);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 1);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 1);
	sampled(HEAP, 2, UAPI_PERM_WRITE, SUCCESS);
	sampled(0, 1, UAPI_PERM_WRITE, INVALID);
	policy_error = -EIO;
	sampled(FICKLE, 1, UAPI_PERM_READ, INVALID);
	policy_error = 0;
	T_EQ(n_in_stage(&stats_one, STAGE_QUEUE, 0), 4);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 2);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 1);
	T_EQ(n_in_stage(&stats_one, STAGE_ANSWER, 0), 4);
	T_EQ(n_in_stage(&stats_one, STAGE_ROOM, 0) + n_in_stage(&stats_one, STAGE_HELD, 0), 0);
	teardown();
}

/* The map that follows is not the store's time; nor does one that waits keep others from
 * being sampled. */
static void waiting_for_a_store_is_fill(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	sampled(FICKLE, 2, UAPI_PERM_READ, -1);
	sampled(FICKLE, 1, UAPI_PERM_READ, -1); /* what is under way already */
	sampled(HEAP, 1, UAPI_PERM_READ, SUCCESS);
	wait_a_little();
	complete(0, 0);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 1);
	wait_a_little();
	complete(1, 0);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 2);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, 4 * SHORT_NS) >= 1);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 3);
	policy_error = 0;
	teardown();
}

static void waiting_for_a_worker_is_map(void)
{
	fickle_shift = 21;
	setup();
	pthread_mutex_lock(&fake.map_lock);
	sampled(FICKLE, 1, UAPI_PERM_READ, -1); /* zeroing takes long */
	wait_a_little();
	pthread_mutex_unlock(&fake.map_lock);
	while (fake_answer(&fake, 1) < 0)
		arrive();
	T_ASSERT(n_in_stage(&stats_one, STAGE_MAP, SHORT_NS) >= 1);
	policy_error = IOPFD_PENDING;
	sampled(FICKLE + 2 * MIB, 1, UAPI_PERM_READ, -1);
	wait_a_little();
	pthread_mutex_lock(&fake.map_lock);
	complete(0, 0);
	wait_a_little();
	pthread_mutex_unlock(&fake.map_lock);
	while (fake_answer(&fake, 2) < 0)
		arrive();
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 1);
	T_ASSERT(n_in_stage(&stats_one, STAGE_MAP, SHORT_NS) >= 2);
	policy_error = 0;
	teardown();
}

static void waiting_for_room_is_room(void)
{
	budget_total = 2 * 4096;
	setup();
	sampled(HEAP, 2, UAPI_PERM_WRITE, SUCCESS);
	T_EQ(n_in_stage(&stats_one, STAGE_ROOM, 0), 0);
	sampled(HEAP + 4 * 4096, 2, UAPI_PERM_WRITE, -1);
	for (int i = 0; fake_answer(&fake, 2) < 0 && i < 20; i++) {
		age();
		tick();
	}
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_ASSERT(n_in_stage(&stats_one, STAGE_ROOM, SHORT_NS) >= 1);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 2);
	/* And what is evicted at once. */
	age();
	sampled(HEAP, 1, UAPI_PERM_WRITE, SUCCESS);
	T_EQ(n_in_stage(&stats_one, STAGE_ROOM, 0), 2);
	teardown();
}

static void a_paused_attachment_is_held(void)
{
	setup();
	pager_pause(&pager, &one.device, PASID_NONE, true);
	sampled(HEAP, 1, UAPI_PERM_WRITE, -1);
	wait_a_little();
	pager_pause(&pager, &one.device, PASID_NONE, false);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_ASSERT(n_in_stage(&stats_one, STAGE_HELD, SHORT_NS) >= 1);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 1);
	teardown();
}

/* Where a group was when its deadline passed or its device went. */
static void a_group_given_up_counts_where_it_was(void)
{
	struct reason why;

	deadline_ns = 2 * NSEC_PER_MSEC;
	setup();
	policy_error = IOPFD_PENDING;
	sampled(FICKLE, 1, UAPI_PERM_READ, -1);
	wait_a_little();
	tick();
	T_EQ(fake_answer(&fake, 1), INVALID);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 1);
	sampled(FICKLE, 1, UAPI_PERM_READ, -1);
	wait_a_little();
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 2);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 0);
	complete(0, 0); /* for nobody any more */
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	policy_error = 0;
	/* The same where not even the answer leaves. */
	fake.write_error = -ENOMEM;
	pager.stages.left = 1;
	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(pager.stages.n_answered, 1);
	wait_a_little();
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_EQ(pager.stages.n_answered, 0);
	T_ASSERT(n_in_stage(&stats_one, STAGE_ANSWER, SHORT_NS) >= 1);
	fake.write_error = 0;
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	teardown();
}

static void all(void)
{
	t_run(each_stage_of_a_sample_is_counted);
	t_run(waiting_for_a_store_is_fill);
	t_run(waiting_for_a_worker_is_map);
	t_run(waiting_for_room_is_room);
	t_run(a_paused_attachment_is_held);
	t_run(a_group_given_up_counts_where_it_was);
}

int main(void)
{
	run_twice(all);
	return 0;
}
