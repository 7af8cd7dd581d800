/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the devices of one space expect to find in its memory, by IOVA page: a hash of the
 * whole page as it was written last, or, if no device has written it, as it was when a
 * device first read it. Knows nothing of where memory comes from, so a wrong page, a stale
 * one and a flipped bit all look wrong.
 *
 * Any thread. A transfer holds its page's stripe, so that a device never reads half of what
 * another one is writing. Memory that processes change behind the devices' back (through
 * OpenMemory) looks wrong, too: such a device is given verify=no.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/sim/pagemap.h"

#define CONTENTS_STRIPES 64

struct contents {
	struct contents_stripe {
		_Alignas(64) pthread_mutex_t lock;
		struct pagemap hashes;
	} stripes[CONTENTS_STRIPES];
};

enum contents_outcome {
	CONTENTS_RIGHT = 1,
	CONTENTS_WRONG, /* what is there counts as right from now on */
	CONTENTS_LEARNED,
};

void contents_init(struct contents *c);
void contents_deinit(struct contents *c);

/* Fills the page with a pattern that `version` gives, whole. flip: with one bit wrong. */
void contents_write(struct contents *c, uint64_t page, void *memory, uint64_t version, bool flip);

/* Compares the whole page. flip: as if one bit had been lost on the way. */
enum contents_outcome contents_read(struct contents *c, uint64_t page, const void *memory, bool flip);

/* Without verification: move one word, only. A write makes the page unknown. */
void contents_poke(struct contents *c, uint64_t page, void *memory, uint64_t word);
uint64_t contents_peek(struct contents *c, uint64_t page, const void *memory);
