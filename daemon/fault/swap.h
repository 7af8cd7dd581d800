/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Would a MAP of this memory have to read from swap? That takes as long as the disk does,
 * and the other faults of the shard must not wait for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the machine has anything in swap: asked now and then. */
struct swap {
	uint64_t asked_ns; /* 0 = never */
	bool in_use;
};

/* now_ns: not 0. True also where it cannot be told. */
bool swap_holds(struct swap *s, uint64_t now_ns, int fd, uint64_t offset, uint64_t length);
