/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults that wait for room: the budget, what is evicted for them and what is not, and the
 * deadline that ends the waiting. Nothing of that allocates memory.
 */
#include "base/util.h"
#include "counted-memory.h"
#include "t-pager.h"
#include "t.h"

static void a_deadline_ends_the_waiting(void)
{
	deadline_ns = NSEC_PER_MSEC;
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	T_ASSERT(timer.at_ns);
	t_sleep_ms(2);
	tick();
	T_EQ(fake_answer(&fake, 1), INVALID);
	T_EQ(own.values.groups_past_deadline, 1);
	complete(0, 0); /* too late for the group, in time for the next */
	T_EQ(fake.n_answers, 1);
	policy_error = -EIO;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	policy_error = 0;
	teardown();
}

static void a_full_budget_evicts(void)
{
	budget_total = 4 * 4096;
	setup();
	for (unsigned i = 0; i < 4; i++)
		T_EQ(serve(HEAP + i * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	age();
	T_EQ(serve(HEAP + 4 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_ASSERT(own.values.evictions >= 1);
	T_ASSERT(atomic_load(&pager.space.mapped_bytes) <= 4 * 4096);
	T_EQ(atomic_load(&pager.space.mapped_bytes), (uint64_t)pager.share.used);
	T_EQ(fake.n_maps * 4096, (uint64_t)pager.share.used);
	teardown();
}

static void a_group_waits_for_room_until_the_grace_is_over(void)
{
	budget_total = 2 * 4096;
	setup();
	T_EQ(serve(HEAP, 2, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(serve(HEAP + 4 * 4096, 2, UAPI_PERM_WRITE), -1);
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS); /* what is there is there */
	age();
	tick();
	for (int i = 0; fake_answer(&fake, 2) < 0 && i < 20; i++) {
		age();
		tick();
	}
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_ASSERT(atomic_load(&pager.space.mapped_bytes) <= 2 * 4096);
	teardown();
}

static void a_group_larger_than_the_budget_is_invalid(void)
{
	budget_total = 4 * 4096;
	setup();
	T_EQ(serve(HEAP, 5, UAPI_PERM_WRITE), INVALID);
	T_EQ(own.values.groups_over_budget, 1);
	age();
	T_EQ(serve(HEAP + 64 * 4096, 4, UAPI_PERM_WRITE), SUCCESS);
	teardown();
}

/* Answers are all out when this returns. */
static void complete_all(void)
{
	while (pager.queue.n_open) {
		unsigned n = n_pending;

		n_pending = 0;
		for (unsigned i = 0; i < n; i++) {
			policy_host_seen->complete(pending[i], 0, &(struct iopfd_memory){ .fd = memory_fd });
			arrive();
		}
		if (!n) {
			age();
			tick();
		}
	}
}

/* Faults of all kinds, on other pages than the last time: of two groups that wait for the
 * same store, writes to what is there for reading, more than there is room for, and evictions
 * whose release waits for the store. */
static void fault_in_all_ways(unsigned round)
{
	uint64_t page = FICKLE + round % 16 * 64 * 4096;

	fake.n_answers = 0;
	cookie = 0;
	policy_error = IOPFD_PENDING;
	T_EQ(serve(page, 3, UAPI_PERM_READ), -1);
	T_EQ(serve(page + 4096, 3, UAPI_PERM_READ), -1);
	complete_all();
	policy_error = 0;
	T_EQ(serve(page, 2, UAPI_PERM_WRITE), SUCCESS);
	age();
	policy_error = IOPFD_PENDING;
	for (unsigned i = 0; i < 10; i++)
		fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + (round * 16 + i) % 1024 * 4096, 1 + i % 3,
			   UAPI_PERM_WRITE);
	turn();
	complete_all();
	policy_error = 0;
	for (uint32_t i = 1; i <= cookie; i++)
		T_ASSERT(fake_answer(&fake, i) >= 0);
}

/* But for the table of what is mapped, which grows and shrinks with it; here it does not. */
static void faults_allocate_nothing(void)
{
	unsigned before;

	budget_total = 8 * 4096;
	setup();
	for (unsigned i = 0; i < 20; i++)
		fault_in_all_ways(i);
	before = n_allocated;
	for (unsigned i = 20; i < 40; i++)
		fault_in_all_ways(i);
	T_EQ(n_allocated, before);
	T_ASSERT(before > 0 && own.values.evictions > 100);
	T_EQ(own.values.groups_over_budget, 0);
	teardown();
}

static void what_was_just_upgraded_is_no_victim(void)
{
	budget_total = 4096;
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	age();
	fake_group(&fake, ++cookie, 11, PASID_NONE, FICKLE, 1, UAPI_PERM_WRITE);
	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_EQ(fake_answer(&fake, 3), -1);
	T_EQ(fake.maps[0].iova, FICKLE);
	for (int i = 0; fake_answer(&fake, 3) < 0 && i < 20; i++) {
		age();
		tick();
	}
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	teardown();
}

static void an_evicted_page_waits_for_its_release(void)
{
	budget_total = 4096;
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	age();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_READ), -1); /* its room is there, its fill is pending */
	T_EQ(n_released_dirty, 1);
	T_EQ(n_pending, 2);
	policy_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1); /* on its way out */
	complete(1, 0);
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	age();
	complete(0, 0);
	for (int i = 0; fake_answer(&fake, 3) < 0 && i < 20; i++) {
		age();
		if (timer.at_ns)
			tick();
	}
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_EQ(own.values.bytes_written_back, 4096);
	teardown();
}

/* Likewise for what waits for room. */
static void room_is_shared_by_turns(void)
{
	unsigned position = 0;

	budget_total = 4 * 4096;
	setup();
	T_EQ(serve(HEAP, 4, UAPI_PERM_WRITE), SUCCESS);
	for (uint32_t i = 2; i <= 60; i++)
		fake_group(&fake, i, 11, PASID_NONE, HEAP + i * 4 * 4096, 1, UAPI_PERM_WRITE);
	fake_group(&fake, 61, 12, PASID_NONE, HEAP + 4 * MIB - 4096, 1, UAPI_PERM_WRITE);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake.n_answers, 1);
	while (fake.n_answers < 61) {
		age();
		tick();
	}
	while (fake.answers[position].cookie != 61)
		position++;
	T_ASSERT(position <= 20);
	teardown();
}

static void all(void)
{
	t_run(a_deadline_ends_the_waiting);
	t_run(a_full_budget_evicts);
	t_run(a_group_waits_for_room_until_the_grace_is_over);
	t_run(a_group_larger_than_the_budget_is_invalid);
	t_run(faults_allocate_nothing);
	t_run(what_was_just_upgraded_is_no_victim);
	t_run(an_evicted_page_waits_for_its_release);
	t_run(room_is_shared_by_turns);
}

int main(void)
{
	run_twice(all);
	return 0;
}
