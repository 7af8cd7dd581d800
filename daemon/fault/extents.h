/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which granules of a region are mapped: a hash of chunks, one chunk for 32 neighbouring
 * granules. A chunk takes 8 bytes and the table is at most 3/4 and at least 3/8 full, so an
 * extent far from all others costs 21 bytes at most and one in a dense run less than one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extents_chunk {
	uint32_t number;  /* granule / 32 */
	uint32_t present; /* one bit for each granule; 0 = the slot is free */
};

struct extents {
	struct extents_chunk *slots; /* NULL until the first one */
	uint32_t mask;               /* number of slots - 1 */
	uint32_t n_used;
};

/* Granules are numbered from the start of the region; below 2^35. */
bool extents_has(const struct extents *e, uint64_t granule);

/* Makes room for one more, so that the extents_add() that follows cannot fail. -ENOMEM. */
int extents_reserve(struct extents *e);
void extents_add(struct extents *e, uint64_t granule);

/* Walks the chunks in no order: *cursor 0 first, then as it was left; false at the end.
 * ret_first: the chunk's first granule; ret_bits: which of the 32 are mapped. */
bool extents_next(const struct extents *e, size_t *cursor, uint64_t *ret_first, uint32_t *ret_bits);

void extents_deinit(struct extents *e);
