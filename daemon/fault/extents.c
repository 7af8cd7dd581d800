/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chunks as extents. A chunk exists as long as one of its granules is mapped; the masks
 * readable and writable say which are, joined says which of these belong to the extent of the
 * granule before, for the first granule of a chunk: of the chunk before. What the other masks
 * mean only victims.c knows; all parts of an extent are touched at the same time, and its
 * first part speaks for it when victims are chosen.
 */
#include "fault/extents.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "device/device.h"
#include "fault/chunks.h"
#include "fault/victims.h"

/* Positions of a cursor in a chunk: its granules, and behind them. */
#define CURSOR_STEP (EXTENTS_CHUNK + 1)

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

/* NULL if none of its neighbours is mapped. */
static struct chunk *find(struct extents *e, unsigned region, uint64_t granule)
{
	return chunks_find(&e->chunks, region, (uint32_t)(granule / EXTENTS_CHUNK));
}

/* The chunk of a granule that is mapped. */
static struct chunk *chunk_of(struct extents *e, unsigned region, uint64_t granule, unsigned *ret_bit)
{
	struct chunk *k = find(e, region, granule);

	*ret_bit = granule % EXTENTS_CHUNK;
	assert(k && chunk_present(k) & 1u << *ret_bit);
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
	const struct chunk *k = find(e, region, granule);

	return k ? access_of(k, mask_of(granule % EXTENTS_CHUNK, 1)) : 0;
}

/* The part in this chunk of the extent around a granule. */
static void find_part(const struct chunk *k, unsigned bit, unsigned *ret_first, unsigned *ret_n)
{
	unsigned joined = k->joined & chunk_present(k) & ~1u, first = bit, end = bit + 1;

	while (joined & 1u << first)
		first--;
	while (end < EXTENTS_CHUNK && joined & 1u << end)
		end++;
	*ret_first = first;
	*ret_n = end - first;
}

/* The chunk, if its first granule belongs to an extent that begins before it. */
static const struct chunk *continued(struct extents *e, unsigned region, uint64_t granule)
{
	const struct chunk *k = find(e, region, granule);

	return k && chunk_continues(k) ? k : NULL;
}

static bool ends_block(uint64_t granule)
{
	return granule % EXTENTS_MAX == 0;
}

void extents_range(struct extents *e, unsigned region, uint64_t granule, uint64_t *ret_first, unsigned *ret_n)
{
	unsigned bit, first, n;
	const struct chunk *k = chunk_of(e, region, granule, &bit);
	uint64_t begin, end;

	find_part(k, bit, &first, &n);
	begin = granule - bit + first;
	end = begin + n;
	while (begin % EXTENTS_CHUNK == 0 && chunk_continues(k)) {
		k = chunk_of(e, region, begin - 1, &bit);
		find_part(k, bit, &first, &n);
		begin -= n;
	}
	while (end % EXTENTS_CHUNK == 0 && !ends_block(end) && (k = continued(e, region, end))) {
		find_part(k, 0, &first, &n);
		end += n;
	}
	*ret_first = begin;
	*ret_n = (unsigned)(end - begin);
}

/* What of [first, first + n) is in the chunk of its first granule. */
static unsigned part_of(uint64_t first, unsigned n)
{
	return MIN(n, EXTENTS_CHUNK - (unsigned)(first % EXTENTS_CHUNK));
}

static void add_access(struct extents *e, struct chunk *k, uint16_t mask, unsigned n, unsigned access)
{
	assert(access && !(chunk_present(k) & mask));
	k->readable |= access & ACCESS_READ ? mask : 0;
	k->writable |= access & ACCESS_WRITE ? mask : 0;
	e->chunks.n_granules += n;
}

static unsigned add_part(struct extents *e, unsigned region, uint64_t first, unsigned n, unsigned access,
			 uint32_t now_ms)
{
	uint16_t mask = mask_of(first % EXTENTS_CHUNK, n);
	struct chunk *k = find(e, region, first);
	unsigned n_back;

	if (!k) {
		chunks_tidy(&e->chunks);
		k = chunks_add(&e->chunks, region, (uint32_t)(first / EXTENTS_CHUNK));
		victims_on_chunk(&e->victims, &e->chunks, k);
	}
	n_back = victims_on_add(&e->victims, k, mask, now_ms);
	add_access(e, k, mask, n, access);
	return n_back;
}

__attribute__((noinline))
static unsigned add_parts(struct extents *e, unsigned region, uint64_t first, unsigned n, unsigned access,
			  uint32_t now_ms)
{
	unsigned part = part_of(first, n), n_back = add_part(e, region, first, part, access, now_ms);

	assert(n && first % EXTENTS_MAX + n <= EXTENTS_MAX);
	for (unsigned done = part; done < n; done += part) {
		part = part_of(first + done, n - done);
		n_back += add_part(e, region, first + done, part, access, now_ms);
		find(e, region, first + done)->joined |= 1;
	}
	return n_back;
}

/* Nearly always it is in the chunk that was looked at just before. */
__attribute__((flatten))
unsigned extents_add(struct extents *e, unsigned region, uint64_t first, unsigned n, unsigned access, uint32_t now_ms)
{
	struct chunk *k = chunks_last(&e->chunks, region, (uint32_t)(first / EXTENTS_CHUNK));
	uint16_t mask = mask_of(first % EXTENTS_CHUNK, part_of(first, n));

	if (!k || part_of(first, n) != n || !victims_add_new(&e->victims, k, mask, now_ms))
		return add_parts(e, region, first, n, access, now_ms);
	add_access(e, k, mask, n, access);
	return 0;
}

__attribute__((noinline)) static void touch(struct extents *e, unsigned region, uint64_t granule, uint32_t now_ms)
{
	uint64_t first;
	unsigned n, part, bit;

	extents_range(e, region, granule, &first, &n);
	for (; n; first += part, n -= part) {
		struct chunk *k = chunk_of(e, region, first, &bit);

		part = part_of(first, n);
		victims_on_touch(&e->victims, k, mask_of(bit, part), now_ms);
	}
}

void extents_touch(struct extents *e, unsigned region, uint64_t granule, uint32_t now_ms)
{
	unsigned bit;
	const struct chunk *k = chunk_of(e, region, granule, &bit);

	if (!victims_is_touched(&e->victims, k, mask_of(bit, 1), now_ms))
		touch(e, region, granule, now_ms);
}

unsigned extents_look(struct extents *e, unsigned region, uint64_t granule, unsigned access, uint32_t now_ms)
{
	const struct chunk *k = find(e, region, granule);
	uint16_t mask = mask_of(granule % EXTENTS_CHUNK, 1);
	unsigned present;

	if (!k)
		return 0;
	present = access_of(k, mask);
	if (!(access & ~present) && !victims_is_touched(&e->victims, k, mask, now_ms))
		touch(e, region, granule, now_ms);
	return present;
}

void extents_set_access(struct extents *e, unsigned region, uint64_t granule, unsigned access)
{
	uint64_t first;
	unsigned n, part, bit;

	assert(access);
	extents_range(e, region, granule, &first, &n);
	for (; n; first += part, n -= part) {
		struct chunk *k = chunk_of(e, region, first, &bit);

		part = part_of(first, n);
		set_access(k, mask_of(bit, part), access);
	}
}

static void remove_part(struct extents *e, unsigned region, uint64_t first, unsigned n, bool evicted)
{
	struct chunk *k = find(e, region, first);
	uint16_t mask = mask_of(first % EXTENTS_CHUNK, n);

	set_access(k, mask, 0);
	victims_on_remove(&e->victims, &e->chunks, k, mask, evicted);
	e->chunks.n_granules -= n;
	if (!chunk_present(k))
		chunks_remove(&e->chunks, k);
}

void extents_remove(struct extents *e, unsigned region, uint64_t granule, bool evicted)
{
	uint64_t first;
	unsigned n, part;

	extents_range(e, region, granule, &first, &n);
	for (; n; first += part, n -= part) {
		part = part_of(first, n);
		remove_part(e, region, first, part, evicted);
	}
}

bool extents_pick(struct extents *e, uint32_t now_ms, unsigned max_n, bool (*skip)(void *userdata, unsigned region),
		  void *userdata, struct extents_victim *ret, uint32_t *ret_wait_ms)
{
	const struct chunk *k;
	uint32_t place;
	uint64_t first, last, end;
	uint16_t run, mask;
	unsigned n;

	if (!victims_pick(&e->victims, &e->chunks, now_ms, max_n, skip, userdata, &place, &run, ret_wait_ms))
		return false;
	k = chunks_at(&e->chunks, place);
	first = (uint64_t)k->number * EXTENTS_CHUNK + (unsigned)__builtin_ctz(run);
	/* The last one may go on in the next chunks, and be too long for a run of several. */
	extents_range(e, k->region, first + (unsigned)__builtin_popcount(run) - 1, &last, &n);
	end = last > first && last + n - first > max_n ? last : last + n;
	n = (unsigned)(end - first);
	mask = mask_of((unsigned)(first % EXTENTS_CHUNK), part_of(first, n));
	*ret = (struct extents_victim){
		.region = k->region,
		.first = first,
		.n = n,
		.access = access_of(k, mask),
	};
	return true;
}

/* Chunks from the last place down. The cursor is one more than the place and the granule
 * where to go on; of the last chunk, behind its last granule. */
bool extents_next(struct extents *e, size_t *cursor, unsigned *ret_region, uint64_t *ret_first, unsigned *ret_n,
		  unsigned *ret_access)
{
	const struct chunks *c = &e->chunks;
	size_t next = *cursor ? *cursor - 1 : (size_t)c->n_places * CURSOR_STEP + EXTENTS_CHUNK;
	size_t place = next / CURSOR_STEP;
	unsigned left, first, n;
	const struct chunk *k;

	for (;; place--, next = place * CURSOR_STEP) {
		k = place < c->n_places ? chunks_at(c, (uint32_t)place) : NULL;
		left = k ? chunk_present(k) & ~chunk_continued_part(k) : 0;
		left = left >> next % CURSOR_STEP << next % CURSOR_STEP;
		if (left)
			break;
		if (place == 0)
			return false;
	}
	find_part(k, (unsigned)__builtin_ctz(left), &first, &n);
	*ret_region = k->region;
	*ret_access = access_of(k, mask_of(first, n));
	extents_range(e, k->region, (uint64_t)k->number * EXTENTS_CHUNK + first, ret_first, ret_n);
	left &= ~0u << (first + n);
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
