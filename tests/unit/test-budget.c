/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A budget that is made smaller or larger while shares of it are in use.
 */
#include "fault/budget.h"

#include "t.h"

#define MIB (1ull << 20)

static struct budget budget;
static struct budget_share a, b;

static void set_up(int64_t total)
{
	budget_init(&budget, total, 2);
	budget_share_init(&a, &budget, BUDGET_NONE);
	budget_share_init(&b, &budget, 4 * MIB);
}

static void smaller(void)
{
	set_up(64 * MIB);
	T_ASSERT(budget_take(&a, 40 * MIB));
	T_ASSERT(!budget_is_over(&budget));
	budget_resize(&budget, 16 * MIB, 2);
	T_ASSERT(budget_is_over(&budget));
	T_EQ(budget_capacity(&a), 16 * MIB);
	T_EQ(budget_capacity(&b), 4 * MIB);
	T_ASSERT(!budget_take(&a, MIB));
	T_ASSERT(!budget_take(&b, MIB));
	/* As long as it is over, what is given back is for nobody. */
	budget_give(&a, 24 * MIB - 1);
	budget_give_all(&a);
	T_ASSERT(budget_is_over(&budget));
	T_ASSERT(!budget_take(&b, 1));
	budget_give(&a, 1);
	budget_give_all(&a);
	T_ASSERT(!budget_is_over(&budget));
	T_ASSERT(!budget_take(&b, 1));
	budget_give(&a, MIB);
	budget_give_all(&a);
	T_ASSERT(budget_take(&b, MIB));
	T_ASSERT(!budget_take(&a, 1));
}

static void larger(void)
{
	set_up(8 * MIB);
	T_ASSERT(budget_take(&a, 8 * MIB));
	T_ASSERT(!budget_take(&a, 1));
	budget_resize(&budget, 10 * MIB, 2);
	T_ASSERT(budget_take(&a, 2 * MIB));
	T_ASSERT(!budget_take(&a, 1));
	T_EQ(budget_capacity(&a), 10 * MIB);
}

static void none_and_back(void)
{
	set_up(8 * MIB);
	T_ASSERT(budget_take(&a, 8 * MIB));
	budget_resize(&budget, BUDGET_NONE, 2);
	T_ASSERT(budget_take(&a, 1 << 30));
	T_EQ(budget_capacity(&a), BUDGET_NONE);
	T_ASSERT(budget_take(&b, 4 * MIB));
	T_ASSERT(!budget_take(&b, 1)); /* its own limit */
	budget_resize(&budget, 8 * MIB, 2);
	T_ASSERT(budget_is_over(&budget));
	budget_give(&a, 1 << 30);
	budget_give(&b, 4 * MIB);
	budget_give_all(&a);
	budget_give_all(&b);
	T_ASSERT(!budget_is_over(&budget));
	T_ASSERT(!budget_take(&a, 1));
}

int main(void)
{
	t_run(smaller);
	t_run(larger);
	t_run(none_and_back);
	return 0;
}
