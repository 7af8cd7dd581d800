/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/budget.h"

#include <assert.h>

#include "base/util.h"

#define CHUNK_MAX (16ll << 20)
#define CHUNKS_PER_SHARE 64

static int64_t chunk_of(int64_t total, unsigned n_shares)
{
	return MIN(CHUNK_MAX, total / CHUNKS_PER_SHARE / (n_shares ? n_shares : 1));
}

void budget_init(struct budget *b, int64_t total, unsigned n_shares)
{
	atomic_store(&b->total, total);
	atomic_store(&b->chunk, chunk_of(total, n_shares));
	atomic_store(&b->available, total);
}

void budget_resize(struct budget *b, int64_t total, unsigned n_shares)
{
	atomic_fetch_add(&b->available, total - atomic_exchange(&b->total, total));
	atomic_store(&b->chunk, chunk_of(total, n_shares));
}

bool budget_is_over(const struct budget *b)
{
	return atomic_load_explicit(&b->available, memory_order_relaxed) < 0;
}

static int64_t chunk(const struct budget_share *s)
{
	return atomic_load_explicit(&s->budget->chunk, memory_order_relaxed);
}

void budget_share_init(struct budget_share *s, struct budget *b, int64_t limit)
{
	*s = (struct budget_share){ .budget = b, .limit = limit };
}

static bool lease(struct budget_share *s, int64_t bytes)
{
	int64_t available = atomic_load_explicit(&s->budget->available, memory_order_relaxed);

	while (available >= bytes) {
		if (atomic_compare_exchange_weak(&s->budget->available, &available, available - bytes)) {
			s->leased += bytes;
			return true;
		}
	}
	return false;
}

bool budget_lease(struct budget_share *s, int64_t bytes)
{
	int64_t missing = s->used + bytes - s->leased;

	if (s->used + bytes > s->limit)
		return false;
	if (missing > 0) {
		int64_t most = chunk(s);

		if (!lease(s, MAX(missing, most)) && !lease(s, missing))
			return false;
	}
	s->used += bytes;
	return true;
}

static void give_back(struct budget_share *s, int64_t keep)
{
	int64_t surplus = s->leased - s->used - keep;

	if (surplus <= 0)
		return;
	s->leased -= surplus;
	atomic_fetch_add(&s->budget->available, surplus);
}

void budget_give(struct budget_share *s, uint64_t bytes)
{
	assert(s->used >= (int64_t)bytes);
	s->used -= (int64_t)bytes;
	if (s->leased - s->used > 2 * chunk(s))
		give_back(s, chunk(s));
}

void budget_give_all(struct budget_share *s)
{
	give_back(s, 0);
}

int64_t budget_capacity(const struct budget_share *s)
{
	int64_t total = atomic_load_explicit(&s->budget->total, memory_order_relaxed);

	return MIN(s->limit, total);
}

bool budget_is_starving(const struct budget_share *s, uint64_t bytes)
{
	return s->used + (int64_t)bytes <= s->limit;
}
