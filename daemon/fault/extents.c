/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chunks as extents. A chunk exists as long as one of its granules is mapped; the masks
 * readable and writable say which are, joined says which of these belong to one extent. What
 * the other masks mean only victims.c knows.
 */
#include "fault/extents.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "device/device.h"
#include "fault/chunks.h"
#include "fault/victims.h"

/* Positions of a cursor in a chunk: its granules, and behind them. */
#define CURSOR_STEP (EXTENTS_CHUNK + 1)

struct extents {
	struct chunks chunks;
	struct victims victims;
};

int extents_new(struct extents **ret, uint32_t grace_ms)
{
	struct extents *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	chunks_init(&e->chunks);
	victims_init(&e->victims, grace_ms);
	*ret = e;
	return 0;
}

struct extents *extents_free(struct extents *e)
{
	if (e)
		chunks_deinit(&e->chunks);
	free(e);
	return NULL;
}

static uint32_t place_of(struct extents *e, unsigned region, uint64_t granule)
{
	return chunks_find(&e->chunks, region, (uint32_t)(granule / EXTENTS_CHUNK));
}

/* The chunk of a granule that is mapped. */
static struct chunk *chunk_of(struct extents *e, unsigned region, uint64_t granule, unsigned *ret_bit)
{
	uint32_t place = place_of(e, region, granule);
	struct chunk *k;

	assert(place != CHUNKS_NONE);
	k = chunks_at(&e->chunks, place);
	*ret_bit = granule % EXTENTS_CHUNK;
	assert(chunk_present(k) & 1u << *ret_bit);
	return k;
}

static uint16_t mask_of(unsigned first, unsigned n)
{
	return (uint16_t)(((1u << n) - 1) << first);
}

static unsigned access_of(const struct chunk *k, uint16_t mask)
{
	return (k->readable & mask ? ACCESS_READ : 0) | (k->writable & mask ? ACCESS_WRITE : 0);
}

static void set_access(struct chunk *k, uint16_t mask, unsigned access)
{
	k->readable = (uint16_t)(access & ACCESS_READ ? k->readable | mask : k->readable & ~mask);
	k->writable = (uint16_t)(access & ACCESS_WRITE ? k->writable | mask : k->writable & ~mask);
}

unsigned extents_access(struct extents *e, unsigned region, uint64_t granule)
{
	uint32_t place = place_of(e, region, granule);

	return place == CHUNKS_NONE ? 0 : access_of(chunks_at(&e->chunks, place), mask_of(granule % EXTENTS_CHUNK, 1));
}

/* The extent around a granule of the chunk. */
static void find_extent(const struct chunk *k, unsigned bit, unsigned *ret_first, unsigned *ret_n)
{
	unsigned joined = k->joined & chunk_present(k), first = bit, end = bit + 1;

	while (joined & 1u << first)
		first--;
	while (end < EXTENTS_CHUNK && joined & 1u << end)
		end++;
	*ret_first = first;
	*ret_n = end - first;
}

static uint16_t extent_of(const struct chunk *k, unsigned bit)
{
	unsigned first, n;

	find_extent(k, bit, &first, &n);
	return mask_of(first, n);
}

void extents_range(struct extents *e, unsigned region, uint64_t granule, uint64_t *ret_first, unsigned *ret_n)
{
	unsigned bit, first;
	const struct chunk *k = chunk_of(e, region, granule, &bit);

	find_extent(k, bit, &first, ret_n);
	*ret_first = granule - bit + first;
}

int extents_reserve(struct extents *e)
{
	return chunks_reserve(&e->chunks);
}

unsigned extents_add(struct extents *e, unsigned region, uint64_t first, unsigned n, unsigned access, uint32_t now_ms)
{
	uint16_t mask = mask_of(first % EXTENTS_CHUNK, n);
	uint32_t place = place_of(e, region, first);
	struct chunk *k;
	unsigned n_back;

	assert(n > 0 && first % EXTENTS_CHUNK + n <= EXTENTS_CHUNK && access);
	if (place == CHUNKS_NONE) {
		chunks_tidy(&e->chunks);
		place = chunks_add(&e->chunks, region, (uint32_t)(first / EXTENTS_CHUNK));
		victims_on_chunk(&e->victims, &e->chunks, chunks_at(&e->chunks, place));
	}
	k = chunks_at(&e->chunks, place);
	assert(!(chunk_present(k) & mask));
	n_back = victims_on_add(&e->victims, k, mask, now_ms);
	set_access(k, mask, access);
	k->joined = (uint16_t)(k->joined | (mask & mask << 1));
	e->chunks.n_granules += n;
	return n_back;
}

void extents_touch(struct extents *e, unsigned region, uint64_t granule, uint32_t now_ms)
{
	unsigned bit;
	struct chunk *k = chunk_of(e, region, granule, &bit);

	victims_on_touch(&e->victims, k, extent_of(k, bit), now_ms);
}

void extents_set_access(struct extents *e, unsigned region, uint64_t granule, unsigned access)
{
	unsigned bit;
	struct chunk *k = chunk_of(e, region, granule, &bit);

	assert(access);
	set_access(k, extent_of(k, bit), access);
}

void extents_remove(struct extents *e, unsigned region, uint64_t granule, bool evicted)
{
	uint32_t place = place_of(e, region, granule);
	unsigned bit;
	struct chunk *k = chunk_of(e, region, granule, &bit);
	uint16_t mask = extent_of(k, bit);

	set_access(k, mask, 0);
	victims_on_remove(&e->victims, &e->chunks, k, mask, evicted);
	e->chunks.n_granules -= (unsigned)__builtin_popcount(mask);
	if (!chunk_present(k))
		chunks_remove(&e->chunks, place);
}

bool extents_pick(struct extents *e, uint32_t now_ms, unsigned max_n, bool (*skip)(void *userdata, unsigned region),
		  void *userdata, struct extents_victim *ret, uint32_t *ret_wait_ms)
{
	const struct chunk *k;
	uint32_t place;
	uint16_t run;

	if (!victims_pick(&e->victims, &e->chunks, now_ms, max_n, skip, userdata, &place, &run, ret_wait_ms))
		return false;
	k = chunks_at(&e->chunks, place);
	*ret = (struct extents_victim){
		.region = k->region,
		.first = (uint64_t)k->number * EXTENTS_CHUNK + (unsigned)__builtin_ctz(run),
		.n = (unsigned)__builtin_popcount(run),
		.access = access_of(k, run),
	};
	return true;
}

/* Chunks from the last place down, as chunks_remove() wants it. The cursor is one more than
 * the place and the granule where to go on; of the last chunk, behind its last granule. */
bool extents_next(const struct extents *e, size_t *cursor, unsigned *ret_region, uint64_t *ret_first, unsigned *ret_n,
		  unsigned *ret_access)
{
	const struct chunks *c = &e->chunks;
	size_t next = *cursor ? *cursor - 1 : (size_t)c->n_places * CURSOR_STEP + EXTENTS_CHUNK;
	size_t place = next / CURSOR_STEP;
	unsigned left, first;
	const struct chunk *k;

	for (;; place--, next = place * CURSOR_STEP) {
		k = place < c->n_places ? chunks_at(c, (uint32_t)place) : NULL;
		left = k ? (unsigned)chunk_present(k) >> next % CURSOR_STEP << next % CURSOR_STEP : 0;
		if (left)
			break;
		if (place == 0)
			return false;
	}
	find_extent(k, (unsigned)__builtin_ctz(left), &first, ret_n);
	*ret_region = k->region;
	*ret_first = (uint64_t)k->number * EXTENTS_CHUNK + first;
	*ret_access = access_of(k, mask_of(first, *ret_n));
	left &= ~0u << (first + *ret_n);
	if (left)
		next = place * CURSOR_STEP + (unsigned)__builtin_ctz(left);
	else
		next = place ? (place - 1) * CURSOR_STEP : EXTENTS_CHUNK;
	*cursor = next + 1;
	return true;
}

size_t extents_footprint(const struct extents *e)
{
	return sizeof(*e) + chunks_footprint(&e->chunks);
}
