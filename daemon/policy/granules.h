/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a staged file knows of each granule of its region: one byte each. A pure model;
 * whoever owns it sees to locking. Ranges are in bytes, multiples of the granule.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GRANULE_STAGED 1u /* the memory holds its bytes */
#define GRANULE_DIRTY 2u  /* newer than the file: to be written back */
#define GRANULE_KEPT 4u   /* the memory holds the only copy, but nothing is to be written */
#define GRANULE_LEFT 8u   /* dirty after a write-back that failed, and no device can write to it */
#define GRANULE_FILLED 16u /* filled and not released: a device may have it mapped */

struct granules {
	uint8_t *flags;
	uint64_t n;
	unsigned shift;
	uint64_t n_staged;
	uint64_t n_left;
};

struct granules_range {
	uint64_t offset;
	uint64_t length; /* 0: none */
};

static inline uint64_t granules_end(struct granules_range range)
{
	return range.offset + range.length;
}

int granules_init(struct granules *g, uint64_t length, uint64_t granule);
void granules_deinit(struct granules *g); /* zeroed is fine */

void granules_change(struct granules *g, struct granules_range range, unsigned set, unsigned clear);

/* Sets flags of those that have one already. */
void granules_mark(struct granules *g, struct granules_range range, unsigned where, unsigned set);

/* The first run within the range whose flags of the mask are `wanted`; length 0: none. */
struct granules_range granules_find(const struct granules *g, struct granules_range range, unsigned mask,
				    unsigned wanted);
