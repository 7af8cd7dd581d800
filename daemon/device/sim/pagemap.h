/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hash from page numbers to 64-bit values with open addressing: 16 bytes a slot, no
 * allocation but growth. The model keeps its translation caches and what it expects to find
 * in memory in such maps. A value is never 0: that is how absence is told. Not locked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIM_PAGE_SHIFT 12
#define SIM_PAGE_SIZE (1ull << SIM_PAGE_SHIFT)

struct pagemap_slot {
	uint64_t page;
	uint64_t value;
};

struct pagemap {
	struct pagemap_slot *slots;
	size_t n_slots; /* 0 or a power of two */
	size_t n_used;
};

/* A zeroed struct is an empty map. */
void pagemap_deinit(struct pagemap *m);

/* 0 when the page is not there. */
uint64_t pagemap_find(const struct pagemap *m, uint64_t page);

/* Adds or replaces. Returns 0 or -ENOMEM. */
int pagemap_set(struct pagemap *m, uint64_t page, uint64_t value);
void pagemap_remove(struct pagemap *m, uint64_t page);

/* Removes all of [page, page + n_pages). Returns how many there were. */
size_t pagemap_remove_range(struct pagemap *m, uint64_t page, uint64_t n_pages);
void pagemap_clear(struct pagemap *m);

/* splitmix64: also the model's source of randomness and of page contents. */
static inline uint64_t sim_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}
