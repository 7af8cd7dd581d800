/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/granules.h"
#include "t.h"

#define G 4096u
#define RANGE(first, n) ((struct granules_range){ (first) * (uint64_t)G, (n) * (uint64_t)G })

static void expect(const struct granules *g, struct granules_range in, unsigned mask, unsigned wanted,
		   struct granules_range run)
{
	struct granules_range found = granules_find(g, in, mask, wanted);

	T_EQ(found.length, run.length);
	if (run.length)
		T_EQ(found.offset, run.offset);
}

static void test_find(void)
{
	struct granules g;

	T_EQ(granules_init(&g, 100 * G, G), 0);
	expect(&g, RANGE(0, 100), GRANULE_STAGED, GRANULE_STAGED, RANGE(0, 0));
	expect(&g, RANGE(7, 93), GRANULE_STAGED, 0, RANGE(7, 93));
	granules_change(&g, RANGE(10, 20), GRANULE_STAGED, 0);
	granules_change(&g, RANGE(15, 5), GRANULE_DIRTY, 0);
	expect(&g, RANGE(0, 100), GRANULE_STAGED, GRANULE_STAGED, RANGE(10, 20));
	expect(&g, RANGE(12, 3), GRANULE_STAGED, GRANULE_STAGED, RANGE(12, 3));
	expect(&g, RANGE(12, 88), GRANULE_STAGED | GRANULE_DIRTY, GRANULE_STAGED, RANGE(12, 3));
	expect(&g, RANGE(16, 84), GRANULE_STAGED | GRANULE_DIRTY, GRANULE_STAGED, RANGE(20, 10));
	expect(&g, RANGE(30, 0), GRANULE_STAGED, 0, RANGE(0, 0));
	expect(&g, RANGE(99, 1), GRANULE_STAGED, 0, RANGE(99, 1));
	granules_deinit(&g);
}

static void test_counts(void)
{
	struct granules g;

	T_EQ(granules_init(&g, 100 * G, G), 0);
	granules_change(&g, RANGE(10, 20), GRANULE_STAGED, 0);
	granules_change(&g, RANGE(0, 20), GRANULE_STAGED, GRANULE_DIRTY);
	T_EQ(g.n_staged, 30);
	granules_mark(&g, RANGE(28, 10), GRANULE_STAGED, GRANULE_DIRTY);
	granules_mark(&g, RANGE(0, 100), GRANULE_DIRTY, GRANULE_LEFT);
	T_EQ(g.n_left, 2);
	T_EQ(g.n_staged, 30);
	granules_change(&g, RANGE(29, 1), 0, GRANULE_LEFT | GRANULE_STAGED);
	T_EQ(g.n_left, 1);
	T_EQ(g.n_staged, 29);
	expect(&g, RANGE(0, 100), GRANULE_LEFT, GRANULE_LEFT, RANGE(28, 1));
	granules_deinit(&g);
	granules_deinit(&g);
}

int main(void)
{
	t_run(test_find);
	t_run(test_counts);
	return 0;
}
