/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/budget.h"

#include <assert.h>

#include "base/util.h"

#define CHUNK_MAX (16ll << 20)
#define CHUNKS_PER_SHARE 64

void budget_init(struct budget *b, int64_t total, unsigned n_shares)
{
	b->total = total;
	b->chunk = MIN(CHUNK_MAX, total / CHUNKS_PER_SHARE / (n_shares ? n_shares : 1));
	atomic_store(&b->available, total);
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
	if (missing > 0 && !lease(s, MAX(missing, s->budget->chunk)) && !lease(s, missing))
		return false;
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
	if (s->leased - s->used > 2 * s->budget->chunk)
		give_back(s, s->budget->chunk);
}

void budget_give_all(struct budget_share *s)
{
	give_back(s, 0);
}

int64_t budget_capacity(const struct budget_share *s)
{
	return MIN(s->limit, s->budget->total);
}

bool budget_is_starving(const struct budget_share *s, uint64_t bytes)
{
	return s->used + (int64_t)bytes <= s->limit;
}
