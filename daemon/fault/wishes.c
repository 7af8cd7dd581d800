/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/wishes.h"

#include <errno.h>
#include <stdlib.h>

#define N_SLOTS 1024u
#define MAX_USED (N_SLOTS / 4 * 3)

int wishes_init(struct wishes *w)
{
	*w = (struct wishes){ .table = calloc(N_SLOTS, sizeof(*w->table)), .round = 1 };
	w->last = w->table;
	return w->table ? 0 : -ENOMEM;
}

void wishes_deinit(struct wishes *w)
{
	free(w->table);
	*w = (struct wishes){ 0 };
}

void wishes_forget(struct wishes *w)
{
	w->n_used = 0;
	/* After 2^32 rounds old ones would come back. */
	if (++w->round)
		return;
	for (unsigned i = 0; i < N_SLOTS; i++)
		w->table[i].round = 0;
	w->round = 1;
}

/* Where the block is, or would be. */
static struct wish *find(const struct wishes *w, uint32_t region, uint64_t block)
{
	uint64_t h = (block * 31 + region) * 0x9e3779b97f4a7c15;
	struct wish *at;

	for (unsigned i = (unsigned)(h >> 32);; i++) {
		at = &w->table[i % N_SLOTS];
		if (at->round != w->round || (at->block == block && at->region == region))
			return at;
	}
}

void wishes_add(struct wishes *w, uint32_t region, uint64_t granule, bool write)
{
	uint64_t bit = 1ull << granule % WISHES_BLOCK, block = granule / WISHES_BLOCK;
	struct wish *at = w->last;

	if (at->block != block || at->region != region || at->round != w->round)
		at = find(w, region, block);
	if (at->round != w->round) {
		if (w->n_used == MAX_USED)
			return;
		w->n_used++;
		*at = (struct wish){ .block = block, .region = region, .round = w->round };
	}
	w->last = at;
	at->asked |= bit;
	at->written |= write ? bit : 0;
}

uint64_t wishes_of_block(const struct wishes *w, uint32_t region, uint64_t block, bool write)
{
	const struct wish *at = find(w, region, block);

	if (at->round != w->round)
		return 0;
	return write ? at->written : at->asked;
}
