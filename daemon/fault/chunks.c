/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Places and the table of chunks. The table is linear hashing with chains through the chunks:
 * two chunks a bucket, one more bucket for every two more chunks, made by splitting the next
 * one in order. So its size is always right and nothing is ever rehashed as a whole.
 *
 * Holes are a list, newest first. A few may stay; beyond, the last chunk moves into the
 * newest hole. Places of parked chunks come first and have no holes.
 */
#include "fault/chunks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

/* A note in a bucket: 12 bits of the chunk's hash above it. */
#define NOTE_BITS 20

static void *pool_at(const struct chunks_pool *p, uint32_t i, size_t size)
{
	return p->segments[i / CHUNKS_SEGMENT] + i % CHUNKS_SEGMENT * size;
}

/* Item i can be used from here on. */
static int pool_reserve(struct chunks_pool *p, uint32_t i, size_t size)
{
	if (i / CHUNKS_SEGMENT < p->n_segments)
		return 0;
	if (p->n_segments == p->n_slots) {
		size_t n = p->n_slots + p->n_slots / 4 + 4;
		char **segments = realloc(p->segments, n * sizeof(*segments));

		if (!segments)
			return -ENOMEM;
		p->segments = segments;
		p->n_slots = n;
	}
	p->segments[p->n_segments] = malloc(CHUNKS_SEGMENT * size);
	if (!p->segments[p->n_segments])
		return -ENOMEM;
	p->n_segments++;
	return 0;
}

/* Only items up to i are used: keeps one segment more, for those who come and go. */
static void pool_trim(struct chunks_pool *p, uint32_t i)
{
	char **segments;

	while (p->n_segments > i / CHUNKS_SEGMENT + 2)
		free(p->segments[--p->n_segments]);
	if (p->n_slots <= 2 * p->n_segments + 4)
		return;
	segments = realloc(p->segments, p->n_segments * sizeof(*segments));
	if (!segments)
		return;
	p->segments = segments;
	p->n_slots = p->n_segments;
}

/* How many items beyond the first i can be used. */
static uint32_t pool_room(const struct chunks_pool *p, uint32_t i)
{
	return (uint32_t)(p->n_segments * CHUNKS_SEGMENT - i);
}

static void pool_deinit(struct chunks_pool *p)
{
	while (p->n_segments > 0)
		free(p->segments[--p->n_segments]);
	free(p->segments);
	*p = (struct chunks_pool){ 0 };
}

static struct chunks_bucket *bucket_at(const struct chunks *c, uint32_t i)
{
	return pool_at(&c->buckets, i, sizeof(struct chunks_bucket));
}

static uint64_t hash(unsigned region, uint32_t number)
{
	uint64_t h = chunk_key(region, number) * 0x9e3779b97f4a7c15;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

/* The highest power of two up to n buckets: those from n - power on are not split yet. */
static uint32_t power_below(uint32_t n)
{
	return 1u << (31 - __builtin_clz(n));
}

static struct chunks_bucket *bucket_of(const struct chunks *c, uint64_t h)
{
	uint32_t power = power_below(c->n_buckets), i = (uint32_t)h & (power - 1);

	if (i < c->n_buckets - power)
		i = (uint32_t)h & (2 * power - 1);
	return bucket_at(c, i);
}

static struct chunks_bucket *bucket_of_chunk(const struct chunks *c, uint32_t place)
{
	const struct chunk *k = chunks_at(c, place);

	return bucket_of(c, hash(k->region, k->number));
}

static void link_chunk(struct chunks *c, uint32_t place)
{
	struct chunks_bucket *b = bucket_of_chunk(c, place);

	chunks_at(c, place)->next = b->head;
	b->head = place;
}

static void unlink_chunk(struct chunks *c, uint32_t place)
{
	struct chunks_bucket *b = bucket_of_chunk(c, place);
	uint32_t i = b->head, next = chunks_at(c, place)->next;

	if (i == place) {
		b->head = next;
		return;
	}
	while (chunks_at(c, i)->next != place)
		i = chunks_at(c, i)->next;
	chunks_at(c, i)->next = next;
}

/* The chunks of one bucket are shared out among it and the new last one. */
static void split_bucket(struct chunks *c)
{
	uint32_t i = c->n_buckets - power_below(c->n_buckets), place, next;
	struct chunks_bucket *from = bucket_at(c, i);

	*bucket_at(c, c->n_buckets++) = (struct chunks_bucket){ CHUNKS_NONE, from->ghost };
	place = from->head;
	from->head = CHUNKS_NONE;
	for (; place != CHUNKS_NONE; place = next) {
		next = chunks_at(c, place)->next;
		link_chunk(c, place);
	}
}

static void merge_bucket(struct chunks *c)
{
	struct chunks_bucket *last = bucket_at(c, --c->n_buckets);
	uint32_t next;

	for (uint32_t place = last->head; place != CHUNKS_NONE; place = next) {
		next = chunks_at(c, place)->next;
		link_chunk(c, place);
	}
	pool_trim(&c->buckets, c->n_buckets);
}

void chunks_init(struct chunks *c)
{
	*c = (struct chunks){ .last_hole = CHUNKS_NONE, .found_key = UINT64_MAX };
}

void chunks_deinit(struct chunks *c)
{
	pool_deinit(&c->places);
	pool_deinit(&c->buckets);
	chunks_init(c);
}

int chunks_grow(struct chunks *c, uint32_t n)
{
	int r;

	if (c->n_places > CHUNKS_NONE - n)
		return -ENOMEM;
	r = pool_reserve(&c->places, c->n_places + n - 1, sizeof(struct chunk));
	if (r < 0)
		return r;
	r = pool_reserve(&c->buckets, c->n_buckets + n, sizeof(struct chunks_bucket));
	if (r < 0)
		return r;
	if (c->n_buckets == 0)
		*bucket_at(c, c->n_buckets++) = (struct chunks_bucket){ CHUNKS_NONE, 0 };
	/* Not more than pool_trim() leaves. */
	c->n_reserved = MIN(pool_room(&c->places, c->n_places), pool_room(&c->buckets, c->n_buckets));
	c->n_reserved = MIN(c->n_reserved, CHUNKS_SEGMENT);
	return 0;
}

static struct chunk *search_bucket(const struct chunks *c, uint32_t place, unsigned region, uint32_t number)
{
	for (struct chunk *k; place != CHUNKS_NONE; place = k->next) {
		k = chunks_at(c, place);
		if (k->number == number && k->region == region)
			return k;
	}
	return NULL;
}

struct chunk *chunks_search(struct chunks *c, unsigned region, uint32_t number)
{
	uint32_t head = c->n_buckets ? bucket_of(c, hash(region, number))->head : CHUNKS_NONE;

	c->found_key = chunk_key(region, number);
	return c->found = search_bucket(c, head, region, number);
}

static uint32_t n_live(const struct chunks *c)
{
	return c->n_places - c->n_holes;
}

/* One for each 32 chunks if all have one granule, nearly as many as chunks if all have 16: so
 * the bytes for a granule stay within their limits. */
static bool too_many_holes(const struct chunks *c)
{
	return c->n_holes > (c->n_granules - n_live(c) / 2) / 16;
}

static void push_hole(struct chunks *c, uint32_t place)
{
	*chunks_at(c, place) = (struct chunk){ .number = CHUNKS_NONE, .next = c->last_hole };
	if (c->last_hole != CHUNKS_NONE)
		chunks_at(c, c->last_hole)->number = place;
	c->last_hole = place;
	c->n_holes++;
}

static void take_hole(struct chunks *c, uint32_t place)
{
	const struct chunk *hole = chunks_at(c, place);

	if (hole->number == CHUNKS_NONE)
		c->last_hole = hole->next;
	else
		chunks_at(c, hole->number)->next = hole->next;
	if (hole->next != CHUNKS_NONE)
		chunks_at(c, hole->next)->number = hole->number;
	c->n_holes--;
}

static void move_chunk(struct chunks *c, uint32_t from, uint32_t to)
{
	if (c->found == chunks_at(c, from))
		c->found = chunks_at(c, to);
	unlink_chunk(c, from);
	*chunks_at(c, to) = *chunks_at(c, from);
	link_chunk(c, to);
}

/* One hole less if there are too many, and all those at the end. */
static void fill_hole(struct chunks *c)
{
	uint32_t hole;

	while (too_many_holes(c) && !chunk_present(chunks_at(c, c->n_places - 1)))
		take_hole(c, --c->n_places);
	if (too_many_holes(c)) {
		hole = c->last_hole;
		take_hole(c, hole);
		move_chunk(c, --c->n_places, hole);
	}
	pool_trim(&c->places, c->n_places);
}

void chunks_fill_holes(struct chunks *c)
{
	fill_hole(c);
	fill_hole(c);
}

struct chunk *chunks_add(struct chunks *c, unsigned region, uint32_t number)
{
	uint32_t place = c->last_hole;
	struct chunk *k;

	assert(c->n_reserved);
	c->n_reserved--;
	if (place != CHUNKS_NONE)
		take_hole(c, place);
	else
		place = c->n_places++;
	k = chunks_at(c, place);
	*k = (struct chunk){ .number = number, .region = (uint16_t)region };
	link_chunk(c, place);
	if (n_live(c) > 2ull * c->n_buckets && c->n_buckets / CHUNKS_SEGMENT < c->buckets.n_segments)
		split_bucket(c);
	c->found_key = chunk_key(region, number);
	return c->found = k;
}

static uint32_t place_of(const struct chunks *c, const struct chunk *k)
{
	uint32_t place = bucket_of(c, hash(k->region, k->number))->head;

	while (chunks_at(c, place) != k)
		place = chunks_at(c, place)->next;
	return place;
}

void chunks_remove(struct chunks *c, struct chunk *k)
{
	uint32_t place = place_of(c, k);

	assert(!chunk_present(k));
	if (c->found == k)
		c->found = NULL;
	unlink_chunk(c, place);
	if (place < c->n_parked) {
		if (place != --c->n_parked)
			move_chunk(c, c->n_parked, place);
		place = c->n_parked;
	}
	push_hole(c, place);
	for (int i = 0; i < 2 && c->last_hole != CHUNKS_NONE && c->last_hole >= place; i++)
		fill_hole(c);
	if (c->n_buckets > 1 && n_live(c) * 4ull < c->n_buckets * 7ull)
		merge_bucket(c);
}

void chunks_park(struct chunks *c, uint32_t place)
{
	uint32_t to = c->n_parked++;
	struct chunk other = *chunks_at(c, to);

	assert(place >= to);
	c->found_key = UINT64_MAX;
	if (place == to)
		return;
	if (!chunk_present(&other)) {
		take_hole(c, to);
		move_chunk(c, place, to);
		push_hole(c, place);
		return;
	}
	unlink_chunk(c, to);
	move_chunk(c, place, to);
	*chunks_at(c, place) = other;
	link_chunk(c, place);
}

void chunks_bury(struct chunks *c, unsigned region, uint32_t number, uint32_t note)
{
	uint64_t h = hash(region, number);

	assert(note && note >> NOTE_BITS == 0);
	bucket_of(c, h)->ghost = (uint32_t)(h >> 52) << NOTE_BITS | note;
}

uint32_t chunks_exhume(struct chunks *c, unsigned region, uint32_t number)
{
	uint64_t h = hash(region, number);
	struct chunks_bucket *b = bucket_of(c, h);
	uint32_t note = b->ghost & ((1u << NOTE_BITS) - 1);

	if (!note || b->ghost >> NOTE_BITS != h >> 52)
		return 0;
	b->ghost = 0;
	return note;
}

uint32_t *chunks_next_note(struct chunks *c)
{
	if (++c->next_note >= c->n_buckets)
		c->next_note = 0;
	return &bucket_at(c, c->next_note)->ghost;
}

size_t chunks_footprint(const struct chunks *c)
{
	return (c->places.n_slots + c->buckets.n_slots) * sizeof(char *) +
	       c->places.n_segments * CHUNKS_SEGMENT * sizeof(struct chunk) +
	       c->buckets.n_segments * CHUNKS_SEGMENT * sizeof(struct chunks_bucket);
}
