/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Regions, totals and attachments: the model of an address space. */
#include <inttypes.h>

#include "fault/attachments.h"
#include "device/device.h"
#include "fault/space.h"
#include "t.h"

static void regions_are_found_at_their_edges(void)
{
	struct space s;

	T_OK(space_init(&s, "s", 3, 5));
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

	T_OK(space_init(&s, "s", 1, 5));
	T_OK(space_add_region(&s, &(struct region){ .name = "a", .length = 1 << 24, .granule_shift = 16 }));
	a = &s.regions[0];
	T_EQ(a->index, 0);
	space_count_mapped(&s, region_bytes(a, 1));
	space_count_mapped(&s, region_bytes(a, 8));
	T_EQ(atomic_load(&s.extents_mapped), 2);
	T_EQ(atomic_load(&s.mapped_bytes), 9 * 65536);
	space_count_unmapped(&s, region_bytes(a, 8));
	T_EQ(atomic_load(&s.extents_mapped), 1);
	T_EQ(atomic_load(&s.mapped_bytes), 65536);
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
	t_run(regions_are_found_at_their_edges);
	t_run(totals_follow_the_extents);
	t_run(attachments_are_told_apart_by_device_and_pasid);
	return 0;
}
