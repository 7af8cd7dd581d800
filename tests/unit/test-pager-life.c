/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spaces and attachments that come and go: what is there from the start, what a detach answers,
 * moving to another loop, and a stop.
 */
#include "counted-memory.h"
#include "t-pager.h"
#include "t.h"

static void detach_answers_what_waits(void)
{
	struct reason why;

	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_EQ(fake_answer(&fake, 1), INVALID);
	complete(0, 0);
	T_EQ(fake.n_answers, 1);
	/* Its counters may have been given to somebody else by then. */
	T_EQ(stats_one.values.bytes_mapped, 0);
	T_EQ(own.values.bytes_mapped, 4096);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	policy_error = 0;
	teardown();
}

static void a_pinned_region_is_there_from_the_start_and_stays(void)
{
	pinned = true;
	setup();
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	T_EQ(serve(HEAP + 4 * MIB - 1, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	age();
	pager_shrink(&pager, MIB);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	teardown();
}

static void a_pinned_region_without_room_fails_its_space(void)
{
	struct reason why;

	budget_total = MIB;
	pinned = true;
	prepare();
	T_EQ(pager_start(&pager, NULL, &inbox, &fake.ioas, &why), -EDQUOT);
	T_ASSERT(fake.closed);
	T_EQ(fake.n_maps, 0);
	T_EQ(pager.share.leased, 0);
	clean_up();
}

static void detach_gives_up_answers_that_cannot_be_written(void)
{
	struct reason why;

	setup();
	fake.write_error = -ENOMEM;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 2, 12, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	fake.write_error = 0;
	tick();
	T_EQ(fake_answer(&fake, 1), -1); /* the kernel has answered it; the cookie may be another's */
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_EQ(stats_one.values.responses_stale, 1);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	teardown();
}

/* Written in a round, and its attachment gone before the round ends. */
static void detach_counts_what_the_round_has_answered(void)
{
	struct reason why;

	setup();
	rounds_last = true;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 2, 12, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(stats_one.values.faults_pending, 1);
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_ASSERT(!listed);
	check_equation(&stats_one);
	T_EQ(stats_two.values.responses_success, 1);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	fake_group(&fake, 3, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_EQ(stats_one.values.responses_success, 1);
	listed->fn(listed, clock_now_ns());
	T_EQ(stats_one.values.responses_success, 2);
	rounds_last = false;
	teardown();
}

static void stop_gives_up_answers_to_strangers(void)
{
	setup();
	fake.write_error = -ENOMEM;
	fake_group(&fake, 1, 99, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	teardown();
	T_EQ(orphans.values.responses_stale, 1);
}

/* More extents than fit into what a job has of its own. */
static void a_stop_needs_no_memory(void)
{
	setup();
	for (uint64_t i = 0; i < 100; i++)
		T_EQ(serve(HEAP + i * 2 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	no_memory = true;
	teardown();
	no_memory = false;
	T_EQ(n_released_dirty, 1);
}

static void prefault_ends_with_the_last_attachment(void)
{
	uint64_t before;
	struct reason why;

	ahead = true;
	setup();
	tick();
	detach_all();
	before = atomic_load(&pager.space.mapped_bytes);
	while (timer.at_ns)
		tick();
	T_EQ(atomic_load(&pager.space.mapped_bytes), before);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why)); /* and goes on with the next */
	while (timer.at_ns)
		tick();
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	T_OK(pager_attach(&pager, &one.device, 5, &stats_pasid, &why));
	T_OK(pager_attach(&pager, &two.device, PASID_NONE, &stats_two, &why));
	teardown();
}

static void what_cannot_move_stays(void)
{
	struct pager_place place;

	setup();
	detach_all();
	add_error = -ENOMEM;
	T_EQ(pager_prepare(&pager, there, &place), -ENOMEM);
	add_error = 0;
	T_ASSERT(!timer_there.fn);
	attach_all();
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);

	T_OK(pager_prepare(&pager, there, &place));
	T_EQ(pager_leave(&pager), -EBUSY);
	T_EQ(readable_there.events & LOOP_READ, 0); /* for it is served here */
	pager_give_up(&place);
	T_ASSERT(!timer_there.fn && !readable_there.fn);
	T_EQ(serve(HEAP + 4096, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void what_has_moved_is_served_there(void)
{
	struct pager_place place;

	setup();
	detach_all();
	T_OK(pager_prepare(&pager, there, &place));
	T_OK(pager_leave(&pager));
	T_ASSERT(!readable.fn && !timer.fn);
	modify_error = -ENOMEM;
	pager_join(&pager, &place, &inbox, &orphans, NULL);
	attach_all();
	fake_group(&fake, 100, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	timer_there.fn(&timer_there, LOOP_READ, timer_there.userdata); /* what cannot be watched is looked at */
	T_EQ(fake_answer(&fake, 100), SUCCESS);
	T_EQ(readable_there.events & LOOP_READ, 0);
	modify_error = 0;
	while (!(readable_there.events & LOOP_READ))
		timer_there.fn(&timer_there, LOOP_READ, timer_there.userdata);

	detach_all();
	T_OK(pager_prepare(&pager, NULL, &place));
	T_OK(pager_leave(&pager));
	pager_join(&pager, &place, &inbox, &orphans, NULL);
	attach_all();
	T_EQ(serve(HEAP + 4096, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void a_refused_attach_leaves_nothing(void)
{
	struct reason why = { 0 };

	setup();
	fake.attach_error = -ENODEV;
	T_EQ(pager_attach(&pager, &one.device, 77, &stats_one, &why), -ENODEV);
	T_EQ(why.error, ENODEV);
	fake_group(&fake, 1, 11, 77, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(orphans.values.records_malformed, 1);
	teardown();
}

static void prefault_maps_the_region_in_steps_and_demand_comes_between(void)
{
	uint64_t before;

	ahead = true;
	setup();
	tick();
	before = atomic_load(&pager.space.mapped_bytes);
	T_ASSERT(before > 0 && before < 4 * MIB);
	T_EQ(serve(AHEAD + 4 * MIB - 4096, 1, UAPI_PERM_WRITE), SUCCESS); /* not reached yet */
	while (timer.at_ns)
		tick();
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	T_EQ(fake.n_maps, 64);
	T_EQ(own.values.bytes_mapped + stats_one.values.bytes_mapped, 4 * MIB);
	T_EQ(stats_one.values.bytes_mapped, 65536);
	teardown();
}

static void prefault_that_fails_leaves_demand(void)
{
	ahead = true;
	setup();
	fake.map_error = -ENOMEM;
	while (timer.at_ns)
		tick();
	fake.map_error = 0;
	T_EQ(serve(AHEAD, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 1);
	teardown();
}

static void all(void)
{
	t_run(detach_answers_what_waits);
	t_run(a_pinned_region_is_there_from_the_start_and_stays);
	t_run(a_pinned_region_without_room_fails_its_space);
	t_run(detach_gives_up_answers_that_cannot_be_written);
	t_run(detach_counts_what_the_round_has_answered);
	t_run(stop_gives_up_answers_to_strangers);
	t_run(a_stop_needs_no_memory);
	t_run(prefault_ends_with_the_last_attachment);
	t_run(what_cannot_move_stays);
	t_run(what_has_moved_is_served_there);
	t_run(a_refused_attach_leaves_nothing);
	t_run(prefault_maps_the_region_in_steps_and_demand_comes_between);
	t_run(prefault_that_fails_leaves_demand);
}

int main(void)
{
	run_twice(all);
	return 0;
}
