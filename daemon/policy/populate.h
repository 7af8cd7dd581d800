/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes pages of a memory file before somebody asks for them, so that a map finds them
 * zeroed. A thread of its own does it, one range at a time; a wish that comes while another
 * one waits takes its place, for what was wanted last is wanted most.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct populate;

/* The file stays the caller's and outlives it. Starts no thread yet. */
int populate_new(int fd, struct populate **ret);
struct populate *populate_free(struct populate *p); /* takes NULL, returns NULL */
DEFINE_CLEANUP(struct populate, populate_free)

/* From one thread, which does not wait. What cannot be done is not: it was only a hint. */
void populate_wish(struct populate *p, uint64_t offset, uint64_t length);
