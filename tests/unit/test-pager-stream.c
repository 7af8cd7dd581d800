/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nobody has asked for yet: the neighbourhood of a fault, and what a stream comes to.
 */
#include "base/util.h"
#include "t-pager.h"
#include "t.h"

/* One page of device one, without what may come after its answer. */
static void serve_first(uint64_t iova, uint32_t perm)
{
	fake_group(&fake, ++cookie, 11, PASID_NONE, iova, 1, perm);
	turn();
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
}

static void serve_after(void)
{
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(timer.at_ns, 0);
}

static void the_neighbourhood_comes_after_the_answer(void)
{
	around = 8;
	setup();
	serve_first(HEAP + 3 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, 1);
	/* And after the next fault, too. */
	serve_first(HEAP + 5 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, 2);
	serve_after();
	T_EQ(own.values.prefetched, 6);
	T_EQ(fake.n_maps, 8);
	T_EQ(fake.maps[2].length, 4096); /* each its own unit of eviction */
	teardown();
}

static void the_neighbourhood_is_merged_where_that_is_allowed(void)
{
	merge = 8;
	around = 16;
	setup();
	serve_first(HEAP + 3 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.maps[0].length, 4096);
	serve_after();
	T_EQ(fake.n_maps, 4);
	T_EQ(fake.maps[1].iova, HEAP);
	T_EQ(fake.maps[1].length, 3 * 4096);
	T_EQ(fake.maps[2].length, 4 * 4096);
	T_EQ(fake.maps[3].length, 8 * 4096);
	T_EQ(own.values.prefetched, 3);
	teardown();
}

/* Goes through memory until the next step makes it a stream; returns where that is. */
#define BEFORE (AHEAD_STEPS - 1)

static uint64_t stream_to(uint64_t iova, uint32_t perm)
{
	for (unsigned i = 0; i < BEFORE; i++, iova += 4096)
		serve_first(iova, perm);
	T_EQ(fake.n_maps, BEFORE);
	return iova;
}

static void a_stream_brings_its_neighbourhood_along(void)
{
	uint64_t at;

	merge = around = 16;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, BEFORE + 1);
	T_EQ(fake.maps[BEFORE].length, (16 - BEFORE) * 4096);
	serve_first(HEAP + 16 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE + 1].length, 16 * 4096);
	serve_after();
	T_EQ(fake.n_maps, BEFORE + 2);
	T_EQ(own.values.prefetched, 0);
	teardown();
}

static void a_stream_pushes_nothing_out(void)
{
	uint64_t at;

	merge = around = 16;
	budget_total = (BEFORE + 4) * 4096;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE].length, 4096);
	teardown();
}

static void a_stream_does_without_what_fails(void)
{
	uint64_t at;

	merge = around = 16;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	fake.map_at_most = 4096;
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE].length, 4096);
	T_EQ(pager.share.used, (BEFORE + 1) * 4096);
	teardown();
}

/* What was only read does not become dirty with it, and nobody waits for more than was asked. */
static void a_stream_keeps_to_what_is_asked_of_a_store(void)
{
	uint64_t at;

	merge = around = 16;
	setup();
	at = stream_to(FICKLE, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE].length, 4096);
	teardown();

	merge = around = 16;
	setup();
	at = stream_to(FICKLE, UAPI_PERM_READ);
	serve_first(at, UAPI_PERM_READ);
	T_EQ(fake.maps[BEFORE].length, (16 - BEFORE) * 4096);
	T_EQ(fake.maps[BEFORE].access, ACCESS_READ);
	teardown();

	merge = around = 16;
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE + MIB, 1, UAPI_PERM_READ), -1);
	policy_error = 0;
	complete(0, 0);
	for (unsigned i = 0; i < 8; i++)
		serve_first(FICKLE + i * 4096, UAPI_PERM_READ);
	T_EQ(fake.n_maps, 9);
	teardown();
}

static uint64_t mapped(void)
{
	return atomic_load(&pager.space.mapped_bytes) / 4096;
}

/* Each step of a window has what it comes to mapped later, at most half of what it used. */
static void what_a_stream_comes_to_is_mapped_after_the_answer(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 64;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(mapped(), 16);
	serve_after();
	T_EQ(mapped(), 16 + 8);
	/* It finds the rest of its window. */
	serve_first(HEAP + 24 * 4096, UAPI_PERM_WRITE);
	T_EQ(mapped(), 32);
	serve_after();
	T_EQ(mapped(), 32 + 16);
	for (at = 48; at < 300; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
	}
	at = mapped();
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_EQ(mapped(), align_down(at, 16) + 16);
	serve_after();
	T_EQ(mapped(), align_down(at, 16) + 16 + 64);
	T_EQ(own.values.responses_invalid, 0);
	teardown();
}

static void nothing_is_mapped_ahead_while_other_spaces_are_busy(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 64;
	setup();
	rounds_are_shared = true;
	stream_to(HEAP, UAPI_PERM_WRITE);
	for (at = BEFORE; at < 64; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
		T_EQ(mapped() % 16, 0);
	}
	rounds_are_shared = false;
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	serve_after();
	T_ASSERT(mapped() > at + 16);
	teardown();
}

/* Where it was mapped ahead and is asked for nevertheless, the device is faster. */
static uint64_t overtake(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 512;
	setup();
	for (at = 0; at < 256; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
	}
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_ASSERT(pager.n_around);
	return mapped();
}

static void a_stream_that_was_overtaken_waits_for_more(void)
{
	uint64_t at = overtake();
	size_t n = fake.n_maps;

	/* Step by step, and the nearest last. */
	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + at * 4096, 1, UAPI_PERM_WRITE);
	for (unsigned i = 1; fake_answer(&fake, cookie) < 0; i++) {
		T_ASSERT(turn());
		T_EQ(fake.n_maps, n + i);
	}
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	T_ASSERT(mapped() > at + 128);
	T_ASSERT(fake.n_maps > n + 2);
	T_EQ(fake.maps[fake.n_maps - 1].iova, HEAP + at * 4096);
	for (size_t i = n + 1; i < fake.n_maps; i++)
		T_EQ(fake.maps[i].iova + fake.maps[i].length, fake.maps[i - 1].iova);
	serve_after();
	at = mapped();
	/* What lies elsewhere does not. */
	serve_first(READ_ONLY, UAPI_PERM_READ);
	T_EQ(mapped(), at + 16);
	teardown();
}

static void others_do_not_wait_for_a_stream(void)
{
	uint64_t at = overtake();

	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + at * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, cookie), -1);
	fake_group(&fake, ++cookie, 12, PASID_NONE, HEAP + 1000 * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	T_EQ(fake_answer(&fake, cookie - 1), SUCCESS);
	T_ASSERT(mapped() < at + 64);
	serve_after();
	/* The stream goes on behind all that, which is not in order. */
	at = mapped() - 16;
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_ASSERT(pager.n_around && pager.around[0].stream);
	T_EQ(pager.around[0].begin, align_down(at, 16) + 16);
	teardown();
}

static void nothing_is_mapped_ahead_where_there_is_no_room(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 512;
	budget_total = 256 * 4096;
	setup();
	for (at = 0; at < 160; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
	}
	T_ASSERT(mapped() < 256);
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	serve_after();
	T_EQ(mapped(), align_down(at, 16) + 16);
	teardown();

	/* Or the machine has none. */
	at = overtake();
	fake.map_at_most = 4096;
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_EQ(mapped(), at + 1);
	serve_after();
	fake.map_at_most = 0;
	teardown();
}

static void a_stream_is_prepared(void)
{
	uint64_t at;

	populate = 64;
	setup();
	at = stream_to(FICKLE, UAPI_PERM_WRITE);
	T_EQ(n_hints, 0);
	for (unsigned i = 0; i < 40; i++, at += 4096)
		serve_first(at, UAPI_PERM_WRITE);
	T_EQ(n_hints, 2);
	T_EQ(hints[0].offset, (BEFORE + 1) * 4096);
	T_EQ(hints[0].length, 64 * 4096);
	T_EQ(hints[1].offset, (BEFORE + 1 + 64) * 4096);
	T_EQ(hints[1].length, 32 * 4096);
	teardown();

	/* Only if there would be room for it. */
	populate = 64;
	budget_total = 80 * 4096;
	setup();
	for (at = FICKLE; at < FICKLE + 16 * 4096; at += 4096)
		serve_first(at, UAPI_PERM_WRITE);
	T_EQ(n_hints, 1);
	for (; at < FICKLE + 60 * 4096; at += 4096)
		serve_first(at, UAPI_PERM_WRITE);
	T_EQ(n_hints, 1);
	teardown();
}

/* What has to wait for more to be mapped, and has nobody else who would come again for it. */
static void a_drain_leaves_no_stream_behind(void)
{
	uint64_t at = overtake();

	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + at * 4096, 1, UAPI_PERM_WRITE);
	drained = false;
	T_OK(pager_drain(&pager, clock_now_ns() + NSEC_PER_SEC, on_drained, &pager));
	tick();
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	while (!drained)
		tick();
	teardown();
}

static void all(void)
{
	t_run(the_neighbourhood_comes_after_the_answer);
	t_run(the_neighbourhood_is_merged_where_that_is_allowed);
	t_run(a_stream_brings_its_neighbourhood_along);
	t_run(a_stream_pushes_nothing_out);
	t_run(a_stream_does_without_what_fails);
	t_run(a_stream_keeps_to_what_is_asked_of_a_store);
	t_run(what_a_stream_comes_to_is_mapped_after_the_answer);
	t_run(nothing_is_mapped_ahead_while_other_spaces_are_busy);
	t_run(a_stream_that_was_overtaken_waits_for_more);
	t_run(others_do_not_wait_for_a_stream);
	t_run(a_drain_leaves_no_stream_behind);
	t_run(nothing_is_mapped_ahead_where_there_is_no_room);
	t_run(a_stream_is_prepared);
}

int main(void)
{
	run_twice(all);
	return 0;
}
