/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the batch asks for, by blocks. */
#include "fault/wishes.h"

#include "t.h"

static void a_block_says_who_asks_for_what(void)
{
	struct wishes w;

	T_OK(wishes_init(&w));
	wishes_add(&w, 1, 64, false);
	wishes_add(&w, 1, 66, true);
	wishes_add(&w, 1, 66, false);
	wishes_add(&w, 2, 65, true);
	wishes_add(&w, 1, 128, true);
	T_EQ(wishes_of_block(&w, 1, 1, false), 5);
	T_EQ(wishes_of_block(&w, 1, 1, true), 4);
	T_EQ(wishes_of_block(&w, 2, 1, false), 2);
	T_EQ(wishes_of_block(&w, 1, 2, true), 1);
	T_EQ(wishes_of_block(&w, 1, 0, false), 0);
	wishes_forget(&w);
	T_EQ(wishes_of_block(&w, 1, 1, false), 0);
	wishes_deinit(&w);
}

static void rounds_wrap(void)
{
	struct wishes w;

	T_OK(wishes_init(&w));
	wishes_add(&w, 1, 0, false);
	w.round = UINT32_MAX;
	wishes_add(&w, 1, 1, false);
	wishes_forget(&w);
	T_EQ(wishes_of_block(&w, 1, 0, false), 0);
	wishes_deinit(&w);
}

/* What is too much is forgotten, what is known stays right. */
static void a_full_table_goes_on(void)
{
	unsigned n_known = 0;
	struct wishes w;

	T_OK(wishes_init(&w));
	for (uint64_t i = 0; i < 5000; i++)
		wishes_add(&w, 7, i * WISHES_BLOCK + i % WISHES_BLOCK, false);
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t asked = wishes_of_block(&w, 7, i, false);

		T_ASSERT(!asked || asked == 1ull << i % WISHES_BLOCK);
		n_known += asked != 0;
	}
	T_ASSERT(n_known >= 512 && n_known < 5000);
	wishes_deinit(&w);
}

int main(void)
{
	t_run(a_block_says_who_asks_for_what);
	t_run(rounds_wrap);
	t_run(a_full_table_goes_on);
	return 0;
}
