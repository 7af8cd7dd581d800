/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults and their policy: stores that fail, answer nonsense or answer later, what is read first
 * and written then, what a worker has to map, and jobs.
 */
#include "fault/job.h"
#include "t-pager.h"
#include "t.h"

static void a_failing_policy_is_invalid_and_the_next_fault_tries_again(void)
{
	setup();
	policy_error = -EIO;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), INVALID);
	T_EQ(fake.n_maps, 0);
	T_EQ(own.values.fill_errors, 1);
	policy_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void nonsense_fails_the_region_and_nothing_else(void)
{
	static const struct iopfd_memory answers[] = { { .fd = -1 }, { .offset = 512 }, { .offset = -4096ull } };

	for (size_t i = 0; i < 3; i++) {
		setup();
		policy_answer.offset = answers[i].offset;
		if (answers[i].fd < 0)
			policy_answer.fd = -1;
		T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), INVALID);
		policy_answer = (struct iopfd_memory){ .fd = memory_fd };
		T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), INVALID);
		T_EQ(n_fills, 1); /* it is not asked again */
		T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);
		teardown();
	}
}

static void a_slow_fill_holds_up_nobody_else(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(serve(FICKLE + 100, 1, UAPI_PERM_READ), -1); /* the same page: one fill */
	T_EQ(n_fills, 1);
	T_EQ(stats_one.values.faults_pending, 2);
	complete(0, 0);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_EQ(fake.n_maps, 2);
	T_EQ(pager.ops.n_busy, 0);
	policy_error = 0;
	teardown();
}

static void a_group_waits_for_all_its_fills(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 4, UAPI_PERM_READ), -1);
	T_EQ(n_pending, 4);
	T_EQ(n_submits, 1);
	complete(2, 0);
	complete(0, 0);
	complete(1, 0);
	T_EQ(fake_answer(&fake, 1), -1);
	complete(3, 0);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake.n_answers, 1);
	policy_error = 0;
	teardown();
}

/* And the timer, which is set to the first deadline, does not follow the next ones. */
static void what_ends_together_is_answered_together(void)
{
	struct iopfd_memory memory = { .fd = memory_fd };

	deadline_ns = 60 * NSEC_PER_SEC;
	setup();
	policy_error = IOPFD_PENDING;
	for (unsigned i = 0; i < 16; i++)
		fake_group(&fake, i + 1, 11, PASID_NONE, FICKLE + i * 4096, 1, UAPI_PERM_READ);
	n_timer_calls = fake.n_writes = 0;
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(n_pending, 16);
	for (unsigned i = 0; i < 16; i++)
		policy_host_seen->complete(pending[i], i == 7 ? -EIO : 0, &memory);
	arrive();
	T_EQ(fake.n_answers, 16);
	T_EQ(fake.n_writes, 1);
	T_EQ(fake_answer(&fake, 8), INVALID);
	T_EQ(n_timer_calls, 1);
	timer.at_ns = 0;
	timer.fn(&timer, LOOP_READ, timer.userdata); /* at that deadline, but nobody waits */
	T_EQ(timer.at_ns, 0);
	policy_error = 0;
	teardown();
}

static void a_fill_that_fails_late_is_invalid(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 2, UAPI_PERM_READ), -1);
	complete(0, -EIO);
	T_EQ(fake_answer(&fake, 1), -1); /* one answer, after the other has ended, too */
	complete(1, 0);
	T_EQ(fake_answer(&fake, 1), INVALID);
	policy_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void a_second_completion_is_ignored(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	policy_host_seen->complete(pending[0], -EIO, NULL);
	policy_host_seen->complete(pending[0], 0, NULL);
	arrive();
	T_EQ(fake_answer(&fake, 1), INVALID);
	policy_error = 0;
	teardown();
}

static void reading_maps_read_only_and_writing_upgrades(void)
{
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(fake.maps[0].access, ACCESS_READ);
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_unmaps, 1);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.maps[0].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.maps[1].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(FICKLE + 8192, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(atomic_load(&pager.space.extents_mapped), 3);
	teardown();
	T_EQ(n_released, 3);
	T_EQ(n_released_dirty, 2); /* exactly what was written */
}

static void an_upgrade_that_loses_its_map_is_invalid_and_absent(void)
{
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	fake.map_error = -ENOMEM;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), INVALID);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 0);
	T_EQ(pager.share.used, 0);
	fake.map_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	teardown();
}

/* Reading from swap takes long: the shard goes on meanwhile. */
static void what_may_be_in_swap_is_mapped_by_a_worker(void)
{
	setup();
	n_swap_asked = 0;
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(n_swap_asked, 0); /* nothing was evicted yet */
	age();
	pager_shrink(&pager, MIB);
	T_EQ(fake.n_maps, 0);
	swapped = true;
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), -1);
	T_EQ(n_swap_asked, 1);
	swapped = false;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS); /* in memory still */
	T_EQ(n_swap_asked, 2);
	while (fake_answer(&fake, 3) < 0)
		arrive();
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_ASSERT(own.values.refaults >= 1);
	teardown();
}

/* So does zeroing; what the policy has populated takes no longer than other faults. */
static void what_is_populated_is_mapped_at_once(void)
{
	fickle_shift = 21;
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	policy_answer.flags = IOPFD_MEMORY_POPULATED;
	T_EQ(serve(FICKLE + 2 * MIB, 1, UAPI_PERM_READ), SUCCESS);
	while (fake_answer(&fake, 1) < 0)
		arrive();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake.n_maps, 2);
	teardown();
}

static struct pager_job job;
static bool job_ended;

static void on_job(struct pager_job *j)
{
	T_ASSERT(j == &job);
	job_ended = true;
}

static void run_job(enum job_kind kind, struct region *region, uint64_t first, uint64_t end)
{
	while (timer.at_ns == 1)
		tick();
	job_ended = false;
	job = (struct pager_job){ .kind = kind, .region = region, .first = first, .end = end, .done = on_job };
	job_submit(&pager, &job);
	pager_schedule(&pager);
	while (!job_ended) {
		arrive();
		if (timer.at_ns)
			tick();
	}
}

static void flush_cleans_what_is_dirty_and_keeps_it(void)
{
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	run_job(JOB_FLUSH, NULL, 0, 0);
	T_EQ(job.result, 0);
	T_EQ(n_flushed, 1);
	T_EQ(own.values.bytes_written_back, 4096);
	run_job(JOB_FLUSH, NULL, 0, 0);
	T_EQ(n_flushed, 1); /* it is clean now */
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_WRITE), SUCCESS); /* and asks again when it is written */
	teardown();
	T_EQ(n_released_dirty, 1);
}

static void trim_and_prefault_do_their_range(void)
{
	struct region *heap;

	setup();
	heap = &pager.space.regions[0];
	run_job(JOB_PREFAULT, heap, 16, 48);
	T_EQ(job.bytes, 32 * 4096);
	run_job(JOB_TRIM, heap, 20, 30);
	T_EQ(job.bytes, 10 * 4096);
	T_EQ(extents_access(pager.space.extents, 0, 19), ACCESS_READ | ACCESS_WRITE);
	T_EQ(extents_access(pager.space.extents, 0, 20), 0);
	T_EQ(extents_access(pager.space.extents, 0, 30), ACCESS_READ | ACCESS_WRITE);
	teardown();
}

static void all(void)
{
	t_run(a_failing_policy_is_invalid_and_the_next_fault_tries_again);
	t_run(nonsense_fails_the_region_and_nothing_else);
	t_run(a_slow_fill_holds_up_nobody_else);
	t_run(a_group_waits_for_all_its_fills);
	t_run(what_ends_together_is_answered_together);
	t_run(a_fill_that_fails_late_is_invalid);
	t_run(a_second_completion_is_ignored);
	t_run(reading_maps_read_only_and_writing_upgrades);
	t_run(an_upgrade_that_loses_its_map_is_invalid_and_absent);
	t_run(what_may_be_in_swap_is_mapped_by_a_worker);
	t_run(what_is_populated_is_mapped_at_once);
	t_run(flush_cleans_what_is_dirty_and_keeps_it);
	t_run(trim_and_prefault_do_their_range);
}

int main(void)
{
	run_twice(all);
	return 0;
}
