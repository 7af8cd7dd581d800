/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hash goes over all 512 words of a page in four interleaved chains. Each step is
 * one-to-one in the chain's value and in the word, so a single wrong word is always seen.
 * 0 means "not known" and is never a hash. When memory for a hash is short the page becomes
 * unknown: it is checked less, never wrongly.
 */
#include "device/sim/contents.h"

#include <string.h>

#define WORDS (SIM_PAGE_SIZE / 8)
#define LANES 4

static uint64_t step(uint64_t hash, uint64_t word)
{
	hash ^= word;
	return (hash << 29 | hash >> 35) * 0x9e3779b97f4a7c15ull;
}

static uint64_t finish(const uint64_t lanes[LANES])
{
	uint64_t hash = sim_mix(lanes[0] ^ sim_mix(lanes[1] ^ sim_mix(lanes[2] ^ sim_mix(lanes[3]))));

	return hash ? hash : 1;
}

static uint64_t hash_page(const uint64_t *words, bool flip)
{
	uint64_t lanes[LANES] = { 1, 2, 3, 4 };

	for (unsigned i = 0; i < WORDS; i += LANES)
		for (unsigned lane = 0; lane < LANES; lane++)
			lanes[lane] = step(lanes[lane], words[i + lane]);
	if (flip)
		lanes[0] ^= 1;
	return finish(lanes);
}

static uint64_t fill_page(uint64_t *words, uint64_t first)
{
	uint64_t lanes[LANES] = { 1, 2, 3, 4 };

	for (unsigned i = 0; i < WORDS; i += LANES) {
		for (unsigned lane = 0; lane < LANES; lane++) {
			uint64_t word = first + (i + lane) * 0x0101010101010101ull;

			words[i + lane] = word;
			lanes[lane] = step(lanes[lane], word);
		}
	}
	return finish(lanes);
}

static struct contents_stripe *lock_stripe(struct contents *c, uint64_t page)
{
	struct contents_stripe *s = &c->stripes[page % CONTENTS_STRIPES];

	pthread_mutex_lock(&s->lock);
	return s;
}

void contents_init(struct contents *c)
{
	for (unsigned i = 0; i < CONTENTS_STRIPES; i++) {
		pthread_mutex_init(&c->stripes[i].lock, NULL);
		c->stripes[i].hashes = (struct pagemap){ 0 };
	}
}

void contents_deinit(struct contents *c)
{
	for (unsigned i = 0; i < CONTENTS_STRIPES; i++) {
		pagemap_deinit(&c->stripes[i].hashes);
		pthread_mutex_destroy(&c->stripes[i].lock);
	}
}

static void expect(struct contents_stripe *s, uint64_t page, uint64_t hash)
{
	if (pagemap_set(&s->hashes, page, hash) < 0)
		pagemap_remove(&s->hashes, page);
}

void contents_write(struct contents *c, uint64_t page, void *memory, uint64_t version, bool flip)
{
	struct contents_stripe *s = lock_stripe(c, page);
	uint64_t *words = memory;

	expect(s, page, fill_page(words, sim_mix(version + sim_mix(page))));
	if (flip)
		words[version % WORDS] ^= 1ull << version % 64;
	pthread_mutex_unlock(&s->lock);
}

enum contents_outcome contents_read(struct contents *c, uint64_t page, const void *memory, bool flip)
{
	struct contents_stripe *s = lock_stripe(c, page);
	uint64_t expected = pagemap_find(&s->hashes, page);
	bool lost = flip && expected;
	uint64_t hash = hash_page(memory, lost);
	enum contents_outcome outcome = CONTENTS_RIGHT;

	if (hash != expected) {
		outcome = expected ? CONTENTS_WRONG : CONTENTS_LEARNED;
		/* One error is told once; but what was lost on the way is not in memory. */
		if (!lost)
			expect(s, page, hash);
	}
	pthread_mutex_unlock(&s->lock);
	return outcome;
}

void contents_poke(struct contents *c, uint64_t page, void *memory, uint64_t word)
{
	struct contents_stripe *s = lock_stripe(c, page);

	memcpy(memory, &word, sizeof(word));
	pagemap_remove(&s->hashes, page);
	pthread_mutex_unlock(&s->lock);
}

uint64_t contents_peek(struct contents *c, uint64_t page, const void *memory)
{
	struct contents_stripe *s = lock_stripe(c, page);
	uint64_t word;

	memcpy(&word, memory, sizeof(word));
	pthread_mutex_unlock(&s->lock);
	return word;
}
