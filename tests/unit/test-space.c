/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Extents and regions: the model of an address space. */
#include <inttypes.h>

#include "fault/attachments.h"
#include "device/device.h"
#include "fault/space.h"
#include "t.h"

static uint64_t random_even_granule(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x >> 30 << 1;
}

static void extents_hold_what_was_added(void)
{
	struct extents e = { 0 };
	uint64_t x = 1;

	T_ASSERT(!extents_has(&e, 7));
	for (int i = 0; i < 20000; i++) {
		T_OK(extents_reserve(&e));
		extents_add(&e, random_even_granule(&x));
	}
	x = 1;
	for (int i = 0; i < 20000; i++) {
		uint64_t granule = random_even_granule(&x);

		T_ASSERT(extents_has(&e, granule));
		T_ASSERT(!extents_has(&e, granule + 1));
	}
	extents_deinit(&e);
	T_ASSERT(!extents_has(&e, 7));
}

static void extents_tell_neighbours_apart(void)
{
	struct extents e = { 0 };

	for (uint64_t i = 0; i < 10000; i += 3) {
		T_OK(extents_reserve(&e));
		extents_add(&e, i);
	}
	for (uint64_t i = 0; i < 10000; i++)
		T_EQ(extents_has(&e, i), i % 3 == 0);
	extents_deinit(&e);
}

/* 8 bytes for each of at most 8/3 slots: the figure that extents.h promises. */
static void extents_stay_small(void)
{
	struct extents isolated = { 0 }, dense = { 0 };

	for (uint64_t i = 0; i < 100000; i++) {
		T_OK(extents_reserve(&isolated));
		extents_add(&isolated, i * 1000);
		T_ASSERT(i < 16 || (isolated.mask + 1) * sizeof(*isolated.slots) <= (i + 1) * 22 + 64);
		T_OK(extents_reserve(&dense));
		extents_add(&dense, i);
	}
	T_ASSERT((dense.mask + 1) * sizeof(*dense.slots) <= 100000);
	extents_deinit(&isolated);
	extents_deinit(&dense);
}

static void regions_are_found_at_their_edges(void)
{
	struct space s;

	T_OK(space_init(&s, "s", 3));
	T_OK(space_add_region(&s, &(struct region){ .name = "a", .iova = 0x10000, .length = 0x10000, .granule_shift = 12 }));
	T_OK(space_add_region(&s, &(struct region){ .name = "b", .iova = 0x20000, .length = 0x1000, .granule_shift = 12 }));
	T_OK(space_add_region(&s, &(struct region){ .name = "c", .iova = 1ull << 40, .length = 1ull << 40, .granule_shift = 30 }));
	for (int round = 0; round < 2; round++) { /* with and without the last lookup cached */
		T_ASSERT(!space_find(&s, 0));
		T_ASSERT(!space_find(&s, 0xffff));
		T_STREQ(space_find(&s, 0x10000)->name, "a");
		T_STREQ(space_find(&s, 0x1ffff)->name, "a");
		T_STREQ(space_find(&s, 0x20000)->name, "b");
		T_STREQ(space_find(&s, 0x20fff)->name, "b");
		T_ASSERT(!space_find(&s, 0x21000));
		T_STREQ(space_find(&s, 1ull << 40)->name, "c");
		T_STREQ(space_find(&s, (2ull << 40) - 1)->name, "c");
		T_ASSERT(!space_find(&s, 2ull << 40));
		T_ASSERT(!space_find(&s, UINT64_MAX));
	}
	space_deinit(&s);
}

static void totals_follow_the_extents(void)
{
	struct space s;
	struct region *a;

	T_OK(space_init(&s, "s", 1));
	T_OK(space_add_region(&s, &(struct region){ .name = "a", .length = 1 << 24, .granule_shift = 16 }));
	a = &s.regions[0];
	for (uint64_t i = 0; i < 100; i++) {
		T_OK(extents_reserve(&a->extents));
		space_insert(&s, a, i * 2);
	}
	T_EQ(atomic_load(&s.extents_mapped), 100);
	T_EQ(atomic_load(&s.mapped_bytes), 100 * 65536);
	T_EQ(space_clear_region(&s, a), 100 * 65536);
	T_EQ(atomic_load(&s.extents_mapped), 0);
	T_EQ(atomic_load(&s.mapped_bytes), 0);
	T_ASSERT(!extents_has(&a->extents, 0));
	space_deinit(&s);
}

static void attachments_are_told_apart_by_device_and_pasid(void)
{
	struct attachments s = { 0 };
	struct device one = { .dev_id = 1 }, two = { .dev_id = 2 };

	for (uint32_t pasid = 500; pasid > 0; pasid--) {
		T_OK(attachments_add(&s, &one, pasid, NULL));
		T_OK(attachments_add(&s, &two, pasid, NULL));
	}
	T_OK(attachments_add(&s, &one, PASID_NONE, NULL));
	T_EQ(attachments_add(&s, &one, 7, NULL), -EEXIST);
	T_ASSERT(!attachments_find(&s, 2, PASID_NONE));
	T_ASSERT(!attachments_find(&s, 1, 501));
	T_ASSERT(!attachments_find(&s, 3, 1));
	for (uint32_t pasid = 1; pasid <= 500; pasid++)
		T_ASSERT(attachments_find(&s, 2, pasid)->device == &two && attachments_find(&s, 1, pasid)->pasid == pasid);
	T_ASSERT(attachments_find(&s, 1, PASID_NONE)->device == &one);
	attachments_remove(&s, 1, PASID_NONE);
	T_ASSERT(!attachments_find(&s, 1, PASID_NONE));
	attachments_remove(&s, 1, 9);
	T_ASSERT(!attachments_find(&s, 1, 9));
	T_EQ(s.n, 999);
	attachments_deinit(&s);
}

int main(void)
{
	t_run(extents_hold_what_was_added);
	t_run(extents_tell_neighbours_apart);
	t_run(extents_stay_small);
	t_run(regions_are_found_at_their_edges);
	t_run(totals_follow_the_extents);
	t_run(attachments_are_told_apart_by_device_and_pasid);
	return 0;
}
