/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which granules of a space are mapped, with which rights, in which order they came, and
 * which of them should go first. A pure model: no syscalls, no clock of its own, one thread.
 *
 * An extent is a granule, or a run of neighbours in an aligned block of 64 that was mapped by
 * one call and goes as a whole.
 *
 * Memory: at most 32 bytes for an extent far from all others, about 2 in dense regions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "fault/chunks.h"
#include "fault/victims.h"

#define EXTENTS_MAX 64u   /* granules of an extent, and of the block that it lies in */
#define EXTENTS_CHUNK 16u /* victims are chosen within such a part of a block */

/* All of it private. */
struct extents {
	struct chunks chunks;
	struct victims victims;
};

/* Nothing that was added or touched less than grace_ms ago is evicted. */
int extents_new(struct extents **ret, uint32_t grace_ms);
struct extents *extents_free(struct extents *e); /* takes NULL, returns NULL */
DEFINE_CLEANUP(struct extents, extents_free)

/* Rights (ACCESS_*) that the granule is mapped with; 0 = not mapped. Granules are numbered
 * from the start of the region, below 2^35; regions from 0, below 2^16. */
unsigned extents_access(struct extents *e, unsigned region, uint64_t granule);

/* The whole extent that holds a mapped granule. */
void extents_range(struct extents *e, unsigned region, uint64_t granule, uint64_t *ret_first, unsigned *ret_n);

/* Makes room so that the next extents_add() cannot fail. -ENOMEM. */
static inline int extents_reserve(struct extents *e)
{
	return chunks_reserve(&e->chunks, EXTENTS_MAX / EXTENTS_CHUNK);
}

/* n granules from `first` on, all absent and in one block, were mapped as one extent. Returns
 * how many of them had been evicted not long ago (a re-fault: evidence that they are used).
 * now_ms: any clock that does not go back. */
unsigned extents_add(struct extents *e, unsigned region, uint64_t first, unsigned n, unsigned access, uint32_t now_ms);

/* As extents_use(), which is quicker where a fault is like the one before it. */
unsigned extents_look(struct extents *e, unsigned region, uint64_t granule, unsigned access, uint32_t now_ms);

/* extents_access(), and if that is all of `access`, extents_touch(). */
static inline unsigned extents_use(struct extents *e, unsigned region, uint64_t granule, unsigned access,
				   uint32_t now_ms)
{
	const struct chunk *k = chunks_last(&e->chunks, region, (uint32_t)(granule / EXTENTS_CHUNK));
	bool is_absent = k && !(chunk_present(k) & 1u << granule % EXTENTS_CHUNK);

	return is_absent ? 0 : extents_look(e, region, granule, access, now_ms);
}

/* A fault asked for what is there. */
void extents_touch(struct extents *e, unsigned region, uint64_t granule, uint32_t now_ms);

/* The extent of the granule was mapped again with other rights (upgrade, or written back). */
void extents_set_access(struct extents *e, unsigned region, uint64_t granule, unsigned access);

/* The extent of the granule is not mapped any more. evicted: for lack of room (remembered,
 * to recognise a re-fault), else for good. */
void extents_remove(struct extents *e, unsigned region, uint64_t granule, bool evicted);

struct extents_victim {
	unsigned region;
	uint64_t first;  /* granules [first, first + n): one or more whole extents, all mapped */
	unsigned n;
	unsigned access; /* of any of them: OR */
};

/* What should go first, as one run of neighbours of at most max_n granules (at least one
 * extent): it stays mapped until extents_remove(). skip: true for regions that are never
 * evicted; NULL = none. Nothing is chosen that was added or touched within the grace, and
 * some of what was within twice the grace is spared too: then false, with *ret_wait_ms =
 * when to ask again; UINT32_MAX if nothing can ever be chosen. The same run is not proposed
 * twice in a row without a remove, an add or a touch in between. */
bool extents_pick(struct extents *e, uint32_t now_ms, unsigned max_n, bool (*skip)(void *userdata, unsigned region),
		  void *userdata, struct extents_victim *ret, uint32_t *ret_wait_ms);

/* Walks all extents in no order: *cursor 0 first; false at the end. Nothing may be added or
 * picked meanwhile; what was just returned may be removed if it is one granule. */
bool extents_next(struct extents *e, size_t *cursor, unsigned *ret_region, uint64_t *ret_first, unsigned *ret_n,
		  unsigned *ret_access);

/* Bytes of book-keeping, for benchmarks and tests. */
size_t extents_footprint(const struct extents *e);
