/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two histograms of one daemon have the same bounds, so that they are merged like sorted
 * lists.
 */
#include "ctl/buckets.h"

#include <errno.h>

int buckets_read(const struct variant *v, struct buckets *ret)
{
	struct buckets b = { .n = variant_count(v) };

	if (!v || v->kind != VARIANT_ARRAY)
		return -EBADMSG;
	b.items = calloc(b.n ? b.n : 1, sizeof(*b.items));
	if (!b.items)
		return -ENOMEM;
	for (size_t i = 0; i < b.n; i++) {
		b.items[i].max_ns = variant_number(variant_at(v->items[i], 0));
		b.items[i].count = variant_number(variant_at(v->items[i], 1));
		if (i && b.items[i].max_ns <= b.items[i - 1].max_ns) {
			buckets_deinit(&b);
			return -EBADMSG;
		}
	}
	*ret = b;
	return 0;
}

static uint64_t count_of(const struct buckets *b, uint64_t max_ns, size_t *at)
{
	while (*at < b->n && b->items[*at].max_ns < max_ns)
		(*at)++;
	return *at < b->n && b->items[*at].max_ns == max_ns ? b->items[*at].count : 0;
}

/* Counts never fall: if one did, the daemon is another one. */
static bool began_anew(const struct buckets *now, const struct buckets *before)
{
	size_t at = 0;

	for (size_t i = 0; i < before->n; i++)
		if (count_of(now, before->items[i].max_ns, &at) < before->items[i].count)
			return true;
	return false;
}

int buckets_since(const struct buckets *now, const struct buckets *before, struct buckets *ret)
{
	bool anew = began_anew(now, before);
	struct buckets b = { 0 };
	uint64_t count;
	size_t at = 0;

	b.items = calloc(now->n ? now->n : 1, sizeof(*b.items));
	if (!b.items)
		return -ENOMEM;
	for (size_t i = 0; i < now->n; i++) {
		count = now->items[i].count - (anew ? 0 : count_of(before, now->items[i].max_ns, &at));
		if (count)
			b.items[b.n++] = (struct bucket){ now->items[i].max_ns, count };
	}
	*ret = b;
	return 0;
}

uint64_t buckets_total(const struct buckets *b)
{
	uint64_t total = 0;

	for (size_t i = 0; i < b->n; i++)
		total += b->items[i].count;
	return total;
}

uint64_t buckets_percentile(const struct buckets *b, unsigned permille)
{
	uint64_t total = buckets_total(b), rank, seen = 0;

	/* ceil(total * permille / 1000) without overflow */
	rank = total / 1000 * permille + (total % 1000 * permille + 999) / 1000;
	for (size_t i = 0; i < b->n; i++) {
		seen += b->items[i].count;
		if (seen >= rank)
			return b->items[i].max_ns;
	}
	return 0;
}

uint64_t buckets_up_to(const struct buckets *b, uint64_t max_ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->n && b->items[i].max_ns <= max_ns; i++)
		sum += b->items[i].count;
	return sum;
}
