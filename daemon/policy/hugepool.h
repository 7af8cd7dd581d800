/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel's pool of huge pages of one size has, and how much of it the regions of
 * this process still want. Pages are not reserved: this is for messages only. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iopfd/policy.h>

/* "2M", "1G": there are no others. */
const char *hugepool_size_name(uint64_t page_size);

/* Whether the kernel and the CPU have pages of this size. */
bool hugepool_exists(uint64_t page_size);

/* A region will want so many pages; later: it has them, or wants them no more. */
void hugepool_claim(uint64_t page_size, uint64_t n_pages);
void hugepool_unclaim(uint64_t page_size, uint64_t n_pages);

/* True: all open regions together can have what they still want. */
bool hugepool_is_ample(uint64_t page_size);

/* False: less than so many are left for one more region; then `message` has how many there
 * are and what to set to which number. */
bool hugepool_has(uint64_t page_size, uint64_t n_pages, char *message, size_t size);
