/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "policy/slots.h"
#include "t.h"

#define G 4096u
#define N 100u
#define RANGE(first, n) ((struct granules_range){ (first) * (uint64_t)G, (n) * (uint64_t)G })

static struct slots s;

static void init(uint64_t most_warm)
{
	T_EQ(slots_init(&s, N * G, G, most_warm), 0);
}

/* Returns the slot. */
static uint32_t move(uint64_t granule)
{
	bool warm, any = s.n_warm;
	uint32_t slot = slots_take(&s, &warm);

	T_EQ(warm, any);
	T_ASSERT(slot < N);
	slots_bind(&s, slot, granule * G);
	T_EQ(slots_place(&s, granule * G), slots_start(&s, slot));
	T_ASSERT(!slots_is_home(&s, granule * G));
	return slot;
}

static void test_homes_and_slots(void)
{
	uint32_t slot;

	init(8);
	T_EQ(slots_length(N * G, G, 8), 2 * N * G);
	for (uint64_t i = 0; i < N; i++)
		T_ASSERT(slots_is_home(&s, i * G));
	slot = move(7);
	T_ASSERT(slots_place(&s, 7 * G) >= N * G && slots_place(&s, 7 * G) < 2 * N * G);
	T_ASSERT(slots_is_home(&s, 6 * G) && slots_is_home(&s, 8 * G));
	slots_leave(&s, 7 * G);
	T_ASSERT(slots_is_home(&s, 7 * G));

	/* The one that was left last has its pages still. */
	T_EQ(move(9), slot);
	slots_deinit(&s);
	slots_deinit(&s);
}

static void test_none(void)
{
	T_EQ(slots_length(N * G, G, 0), N * G);
	init(0);
	T_EQ(slots_place(&s, 99 * G), 99 * G);
	T_EQ(slots_piece(&s, RANGE(0, N)).length, N * G);
	T_EQ(slots_surplus(&s), SLOTS_NONE);
	slots_deinit(&s);
}

static void expect_piece(struct granules_range range, uint64_t n)
{
	struct granules_range piece = slots_piece(&s, range);

	T_EQ(piece.offset, range.offset);
	T_EQ(piece.length, n * G);
}

static void test_pieces(void)
{
	init(8);
	expect_piece(RANGE(0, N), N);
	move(5);
	move(6);
	expect_piece(RANGE(0, N), 5);
	expect_piece(RANGE(5, N - 5), 1);
	expect_piece(RANGE(6, 1), 1);
	expect_piece(RANGE(7, N - 7), N - 7);
	expect_piece(RANGE(0, 0), 0);
	slots_deinit(&s);
}

/* Half of those in use, and no more than was said. */
static void test_surplus(void)
{
	uint32_t given;

	init(8);
	for (uint64_t i = 0; i < 40; i++)
		move(i);
	for (uint64_t i = 0; i < 8; i++) {
		slots_leave(&s, i * G);
		T_EQ(slots_surplus(&s), SLOTS_NONE);
	}
	slots_leave(&s, 8 * G);
	T_ASSERT((given = slots_surplus(&s)) != SLOTS_NONE);
	T_EQ(slots_surplus(&s), SLOTS_NONE);

	/* What has pages is taken first, then what had some, then what never did. */
	for (uint64_t i = 0; i < 8; i++)
		T_ASSERT(move(i) != given);
	T_EQ(move(8), given);
	T_EQ(move(40), 40);

	for (uint64_t i = 0; i < 41; i++) {
		slots_leave(&s, i * G);
		while (slots_surplus(&s) != SLOTS_NONE)
			;
		T_ASSERT(s.n_warm <= (40 - i) / 2);
	}
	T_EQ(s.n_warm, 0);
	slots_deinit(&s);
}

/* One for each granule, all different, whatever happened before. */
static void test_random(void)
{
	bool taken[N], warm;
	uint32_t spare;

	srand(1);
	init(8);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t granule = (uint64_t)rand() % N;

		if (!slots_is_home(&s, granule * G))
			slots_leave(&s, granule * G);
		else if (rand() % 4)
			move(granule);
		else if ((spare = slots_take(&s, &warm)) != SLOTS_NONE)
			slots_give(&s, spare);
		if (rand() % 2)
			slots_surplus(&s);
	}
	for (uint64_t i = 0; i < N; i++)
		if (slots_is_home(&s, i * G))
			move(i);
	T_EQ(slots_take(&s, &warm), SLOTS_NONE);
	memset(taken, 0, sizeof(taken));
	for (uint64_t i = 0; i < N; i++) {
		uint64_t slot = (slots_place(&s, i * G) - N * G) / G;

		T_ASSERT(slot < N && !taken[slot]);
		taken[slot] = true;
	}
	slots_deinit(&s);
}

int main(void)
{
	t_run(test_homes_and_slots);
	t_run(test_none);
	t_run(test_pieces);
	t_run(test_surplus);
	t_run(test_random);
	return 0;
}
