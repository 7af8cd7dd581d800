/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The story of a fault, step by step: what is mapped, what is answered, and what is not when
 * something below fails.
 */
#include <sys/resource.h>

#include "base/util.h"
#include "t-pager.h"
#include "t.h"

static void a_fault_maps_one_granule_at_the_region_s_offset(void)
{
	setup();
	T_EQ(serve(HEAP + 3 * 4096 + 8, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.maps[0].iova, HEAP + 3 * 4096);
	T_EQ(fake.maps[0].length, 4096);
	T_EQ(fake.maps[0].offset, 3 * 4096);
	T_EQ(fake.maps[0].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(READ_ONLY + 0x1f000, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(fake.maps[1].iova, READ_ONLY + 0x10000);
	T_EQ(fake.maps[1].length, 0x10000);
	T_EQ(fake.maps[1].access, ACCESS_READ);
	T_EQ(stats_one.values.bytes_mapped, 4096 + 65536);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4096 + 65536);
	teardown();
}

/* No event announces it. */
static void what_a_read_left_behind_is_found(void)
{
	setup();
	fake.ioas.largest_group = QUEUE_BATCH_RECORDS;
	fake.read_at_most = 1;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 2, 11, PASID_NONE, HEAP + 4096, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake.n_answers, 1);
	fake.read_at_most = 0;
	while (fake.n_answers < 2)
		tick();
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	/* Seen to be empty: then nobody looks any more */
	tick();
	T_EQ(timer.at_ns, 0);
	T_EQ(pager.look_at_ns, 0);
	teardown();
}

/* Beside its maps, the wait of the loop, and a timer for all of a second. */
static void a_batch_is_one_read_and_one_write(void)
{
	setup();
	fake.ioas.largest_group = QUEUE_BATCH_RECORDS;
	fake.n_reads = fake.n_writes = n_timer_calls = 0;
	for (uint32_t batch = 0; batch < 3; batch++) {
		for (uint32_t i = 0; i < 64; i++)
			fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + (batch * 64 + i) * 4096, 1, UAPI_PERM_WRITE);
		T_EQ(turn(), LOOP_FOUND);
	}
	T_EQ(fake.n_answers, 3 * 64);
	T_EQ(fake.n_reads, 3);
	T_EQ(fake.n_writes, 3);
	T_EQ(n_timer_calls, 1);
	teardown();
}

static void a_present_page_is_not_mapped_again(void)
{
	setup();
	for (int i = 0; i < 5; i++)
		T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 1);
	teardown();
}

static void duplicates_in_one_batch_map_once(void)
{
	setup();
	for (uint32_t i = 1; i <= 60; i++)
		fake_group(&fake, i, i & 1 ? 11 : 12, PASID_NONE, HEAP + 4096, 1, UAPI_PERM_READ);
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.n_answers, 60);
	T_EQ(fake.n_writes, 1);
	T_EQ(stats_one.values.responses_success, 30);
	T_EQ(stats_two.values.responses_success, 30);
	teardown();
}

static void a_group_gets_one_answer_after_all_its_pages(void)
{
	setup();
	T_EQ(serve(HEAP, 64, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 64);
	T_EQ(fake.n_answers, 1);
	T_EQ(stats_one.values.faults_total, 64);
	T_EQ(stats_one.values.faults_write, 64);
	T_EQ(stats_one.values.fault_groups_total, 1);
	teardown();
}

static void what_is_not_allowed_is_invalid(void)
{
	setup();
	T_EQ(serve(0x1000, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(HEAP - 1, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(HEAP + 4 * MIB, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(UINT64_MAX, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(READ_ONLY, 1, UAPI_PERM_WRITE), INVALID);
	T_EQ(serve(READ_ONLY, 1, UAPI_PERM_WRITE | UAPI_PERM_READ), INVALID);
	T_EQ(serve(WRITE_ONLY, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(DENIED, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(HEAP + 4 * MIB - 4096, 2, UAPI_PERM_READ), INVALID); /* the second page is outside */
	T_EQ(stats_one.values.responses_invalid, 9);
	T_EQ(stats_one.values.records_malformed, 0);
	T_EQ(serve(WRITE_ONLY, 1, UAPI_PERM_WRITE), SUCCESS);
	teardown();
}

static void odd_permissions_ask_for_read(void)
{
	setup();
	T_EQ(serve(READ_ONLY, 1, 0), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x10000, 1, UAPI_PERM_EXEC), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x20000, 1, UAPI_PERM_PRIV), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x30000, 1, 0x80), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x40000, 1, UAPI_PERM_EXEC | UAPI_PERM_WRITE), INVALID);
	T_EQ(stats_one.values.faults_exec, 2);
	T_EQ(stats_one.values.faults_read, 0);
	T_EQ(stats_one.values.faults_write, 1);
	teardown();
}

static void unknown_flag_bits_do_not_matter(void)
{
	setup();
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake.records[0].flags |= 0xfffffffc;
	turn();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	teardown();
}

static void attachments_are_counted_apart(void)
{
	setup();
	fake_group(&fake, 1, 11, 5, HEAP, 3, UAPI_PERM_WRITE);
	fake_group(&fake, 2, 12, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(stats_pasid.values.faults_total, 3);
	T_EQ(stats_pasid.values.faults_pasid, 3);
	T_EQ(stats_two.values.faults_total, 1);
	T_EQ(stats_one.values.faults_total, 0);
	teardown();
}

static void strangers_are_invalid_and_counted_apart(void)
{
	setup();
	fake_group(&fake, 1, 99, PASID_NONE, HEAP, 2, UAPI_PERM_READ);
	fake_group(&fake, 2, 11, 6, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 3, 11, PASID_NONE, HEAP, 2, UAPI_PERM_READ);
	fake.records[4].dev_id = 12; /* a group of two devices */
	turn();
	T_EQ(fake_answer(&fake, 1), INVALID);
	T_EQ(fake_answer(&fake, 2), INVALID);
	T_EQ(fake_answer(&fake, 3), INVALID);
	T_EQ(orphans.values.records_malformed, 3);
	T_EQ(orphans.values.faults_total, 3);
	T_EQ(stats_one.values.records_malformed, 1);
	T_EQ(fake.n_maps, 0);
	teardown();
}

/* Told once a minute, and only where there is a limit. */
static void a_limit_of_locked_memory_is_told(void)
{
	struct rlimit old, low;
	const char *said;

	T_EQ(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	low = (struct rlimit){ .rlim_cur = MIN(old.rlim_max, 64 << 10), .rlim_max = old.rlim_max };
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	setup();
	log_set_max_level(LOG_ERR);
	fake.map_error = -EIO;
	t_capture_begin();
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), INVALID);
	T_ASSERT(!strstr(t_capture_end(), "are mapped: the daemon's user"));
	fake.map_error = -ENOMEM;
	t_capture_begin();
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), INVALID);
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), INVALID);
	said = strstr(t_capture_end(), "of which 0K are mapped: the daemon's user may have");
	T_ASSERT(said && strstr(said, "K locked (LimitMEMLOCK= of the unit, or ulimit -l)"));
	T_ASSERT(!strstr(said + 1, "of which 0K"));
	fake.map_error = 0;
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS);
	log_set_max_level(LOG_CRIT);
	teardown();
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

static void neighbours_of_a_batch_become_one_extent(void)
{
	merge = 8;
	setup();
	for (uint32_t i = 0; i < 12; i++)
		fake_group(&fake, i + 1, 11, PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	turn();
	T_EQ(fake.n_answers, 12);
	T_EQ(fake.n_maps, 2);
	T_EQ(fake.maps[0].length, 8 * 4096);
	T_EQ(fake.maps[1].length, 4 * 4096);
	T_EQ(atomic_load(&pager.space.extents_mapped), 2);
	teardown();
}

/* An extent has up to 64 granules, and goes and changes as a whole. */
static void a_long_run_is_one_map(void)
{
	merge = 64;
	setup();
	for (uint32_t i = 0; i < 96; i++)
		fake_group(&fake, ++cookie, 11, PASID_NONE, FICKLE + (i + 32) * 4096, 1, UAPI_PERM_READ);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake.n_answers, 96);
	T_EQ(fake.n_maps, 2);
	T_EQ(fake.maps[0].length, 32 * 4096);
	T_EQ(fake.maps[1].iova, FICKLE + 64 * 4096);
	T_EQ(fake.maps[1].length, 64 * 4096);
	T_EQ(fake.maps[1].access, ACCESS_READ);
	T_EQ(serve(FICKLE + 100 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 2);
	T_EQ(fake.maps[1].length, 64 * 4096);
	T_EQ(fake.maps[1].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(FICKLE + 127 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_unmaps, 1);
	age();
	pager_shrink(&pager, MIB);
	T_EQ(fake.n_maps, 0);
	T_EQ(fake.n_unmaps, 3);
	T_EQ(own.values.evictions, 2);
	T_EQ(n_released, 2);
	T_EQ(n_released_dirty, 1);
	teardown();
}

static void a_failing_map_is_invalid_and_not_present(void)
{
	setup();
	fake.map_error = -EEXIST;
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), INVALID);
	fake.map_error = -ENOMEM;
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), INVALID);
	T_EQ(atomic_load(&pager.space.extents_mapped), 0);
	fake.map_error = 0;
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void a_failing_read_is_tried_again_later(void)
{
	setup();
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake.read_error = -ENOMEM;
	timer.at_ns = 0;
	T_EQ(turn(), 0);
	T_EQ(readable.events, 0); /* the queue is still readable: watching it would spin */
	T_ASSERT(timer.at_ns > clock_now_ns());
	tick();
	T_EQ(readable.events, 0);
	fake.read_error = 0;
	tick();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_ASSERT(readable.events & LOOP_READ);
	teardown();
}

static void a_failing_write_loses_no_answer(void)
{
	setup();
	fake.write_error = -ENOMEM;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	fake_group(&fake, 2, 11, PASID_NONE, 0, 1, UAPI_PERM_READ);
	tick();
	T_EQ(stats_one.values.faults_pending, 1);
	T_EQ(fake.n_records, 1); /* nothing more is read while answers cannot leave */
	T_EQ(fake.n_answers, 0);
	fake.write_error = 0;
	tick();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake_answer(&fake, 2), INVALID);
	T_EQ(stats_one.values.faults_pending, 0);
	teardown();
}

static void all(void)
{
	t_run(a_fault_maps_one_granule_at_the_region_s_offset);
	t_run(a_batch_is_one_read_and_one_write);
	t_run(what_a_read_left_behind_is_found);
	t_run(a_present_page_is_not_mapped_again);
	t_run(duplicates_in_one_batch_map_once);
	t_run(a_group_gets_one_answer_after_all_its_pages);
	t_run(what_is_not_allowed_is_invalid);
	t_run(odd_permissions_ask_for_read);
	t_run(unknown_flag_bits_do_not_matter);
	t_run(attachments_are_counted_apart);
	t_run(strangers_are_invalid_and_counted_apart);
	t_run(neighbours_of_a_batch_become_one_extent);
	t_run(a_long_run_is_one_map);
	t_run(a_failing_map_is_invalid_and_not_present);
	t_run(a_failing_read_is_tried_again_later);
	t_run(a_failing_write_loses_no_answer);
	t_run(a_limit_of_locked_memory_is_told);
}

int main(void)
{
	run_twice(all);
	return 0;
}
