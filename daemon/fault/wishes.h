/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which granules the records of the batch ask for, so that neighbours can be mapped together
 * (merge =). A table of blocks; when it is full the rest is not known, and mapped one by one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WISHES_BLOCK 64u /* granules; no run is longer */

struct wish {
	uint64_t block;
	uint64_t asked;   /* a bit for each granule */
	uint64_t written; /* those of them that are asked for writing */
	uint32_t region;
	uint32_t round;   /* another than the table's: nothing */
};

struct wishes {
	struct wish *table;
	struct wish *last; /* that was added to: neighbours come together */
	uint32_t round;
	uint32_t n_used;
};

int wishes_init(struct wishes *w);
void wishes_deinit(struct wishes *w); /* zeroed is fine */
void wishes_forget(struct wishes *w);
void wishes_add(struct wishes *w, uint32_t region, uint64_t granule, bool write);

/* The granules of the block, for writing only if `write`; granule / WISHES_BLOCK is its number. */
uint64_t wishes_of_block(const struct wishes *w, uint32_t region, uint64_t block, bool write);
