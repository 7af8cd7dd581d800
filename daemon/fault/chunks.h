/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the chunks of a space are kept: numbered places without many holes, and a table that
 * finds the chunk of a region's granules. Private to extents and victims.
 *
 * A chunk has 26 bytes, the table 4 to 5 for each. Both grow and shrink in small steps, so
 * no call takes long: places lie in segments, and the table is split one bucket at a time.
 *
 * Chunks move when others are removed: a place, or a pointer to a chunk, is only good until the
 * next add, remove, park or tidy. The order of places is that of the eviction clock, and moves
 * disturb it as little as they can: what is added takes the place that was given up last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNKS_NONE UINT32_MAX
#define CHUNKS_SEGMENT 64u /* items of a pool's segment */

/* A bit for each granule in all of the masks. Those below `writable` mean what victims.c says
 * when the granule is absent. */
struct chunk {
	uint32_t number; /* granule / EXTENTS_CHUNK; of a hole: the hole before it in the list */
	uint32_t next;   /* place of the next chunk in the bucket; of a hole: in the list */
	uint16_t region;
	uint16_t readable;
	uint16_t writable;
	uint16_t joined; /* belongs to the extent of the granule before */
	uint16_t window; /* victims.c: when fresh and older were right */
	uint16_t again;  /* spared by the next visit of the clock */
	uint16_t credit; /* came back soon after it was evicted */
	uint16_t fresh;  /* added or touched in this window */
	uint16_t older;  /* in the window before */
} __attribute__((packed, aligned(2)));

struct chunks_bucket {
	uint32_t head;  /* place of its first chunk */
	uint32_t ghost; /* of the chunk in it that died last; see chunks_bury() */
};

/* Items of one size in segments that stay where they are. */
struct chunks_pool {
	char **segments;
	size_t n_segments;
	size_t n_slots; /* of the array of segments */
};

struct chunks {
	struct chunks_pool places;
	struct chunks_pool buckets;
	uint32_t n_places;
	uint32_t n_holes;
	uint32_t last_hole; /* the newest */
	uint32_t n_parked;  /* places [0, n_parked) */
	uint32_t n_buckets;
	uint32_t next_note; /* a bucket */
	uint32_t n_reserved; /* so many times at least chunks_add() cannot fail */
	size_t n_granules;  /* the owner's count: how many holes are worth keeping */

	/* What was looked for last, and where it is (or NULL): one fault looks several times, and
	 * neighbours come together. */
	uint64_t found_key; /* UINT64_MAX: not known any more */
	struct chunk *found;
};

void chunks_init(struct chunks *c);
void chunks_deinit(struct chunks *c);

/* Makes room so that the next n times chunks_add() cannot fail. -ENOMEM. */
int chunks_grow(struct chunks *c, uint32_t n);
static inline int chunks_reserve(struct chunks *c, uint32_t n)
{
	return c->n_reserved >= n ? 0 : chunks_grow(c, n);
}

/* As chunks_find(), which is quicker. */
struct chunk *chunks_search(struct chunks *c, unsigned region, uint32_t number);

/* A chunk without granules; the caller gives it some. */
struct chunk *chunks_add(struct chunks *c, unsigned region, uint32_t number);

/* Of a chunk without granules. No chunk comes to a place below this one: who goes through all
 * places downwards may remove what is there and misses nothing. */
void chunks_remove(struct chunks *c, struct chunk *k);

/* Moves the chunk below all that are not parked; what was there comes to its place. */
void chunks_park(struct chunks *c, uint32_t place);

/* Fills a hole or two if there are too many. */
void chunks_fill_holes(struct chunks *c);
static inline void chunks_tidy(struct chunks *c)
{
	if (c->n_holes)
		chunks_fill_holes(c);
}

/* A note (20 bits, not 0) about a chunk that was removed, kept until another one of its bucket
 * is buried. Taking it removes it; 0 = none. About one in 4000 notes is somebody else's. */
void chunks_bury(struct chunks *c, unsigned region, uint32_t number, uint32_t note);
uint32_t chunks_exhume(struct chunks *c, unsigned region, uint32_t number);

/* Each bucket in its turn: what is buried there, 0 = nothing, to be cleared if it is too old.
 * There is a chunk, or there was one. The note is in the lower bits. */
uint32_t *chunks_next_note(struct chunks *c);

size_t chunks_footprint(const struct chunks *c);

static inline uint16_t chunk_present(const struct chunk *c)
{
	return c->readable | c->writable;
}

/* Its first granule belongs to an extent that begins in the chunk before. */
static inline bool chunk_continues(const struct chunk *c)
{
	return c->joined & chunk_present(c) & 1;
}

/* The granules of that extent here. */
static inline uint16_t chunk_continued_part(const struct chunk *c)
{
	unsigned joined = c->joined & chunk_present(c);

	/* As many as there are ones at the lower end. */
	return (uint16_t)(joined & ~(joined + 1));
}

static inline uint64_t chunk_key(unsigned region, uint32_t number)
{
	return (uint64_t)region << 32 | number;
}

/* The chunk at a place below n_places. A hole has no granules. */
static inline struct chunk *chunks_at(const struct chunks *c, uint32_t place)
{
	return (struct chunk *)(void *)c->places.segments[place / CHUNKS_SEGMENT] + place % CHUNKS_SEGMENT;
}

/* What the last look-up found; NULL if it was another one's, or there is none. */
static inline struct chunk *chunks_last(const struct chunks *c, unsigned region, uint32_t number)
{
	return c->found_key == chunk_key(region, number) ? c->found : NULL;
}

/* NULL if there is none. */
static inline struct chunk *chunks_find(struct chunks *c, unsigned region, uint32_t number)
{
	return c->found_key == chunk_key(region, number) ? c->found : chunks_search(c, region, number);
}
