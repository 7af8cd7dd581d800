/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sequences of page visits, to measure eviction with. The same arguments give the same
 * sequence on every machine.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct trace {
	const char *name;
	uint32_t n_pages;  /* pages are numbered from 0 */
	uint32_t capacity; /* how many of them fit */
	size_t n_visits;
	uint32_t *visits;
};

/* How large the traces are: a whole one has 2 * 10^4 pages that fit and 10^6 visits. */
struct trace_size {
	uint32_t capacity;
	size_t n_visits;
};

/* All there are: kinds are numbered from 0 to n_traces() - 1. Ends the program when there is
 * no memory. */
size_t n_traces(void);
struct trace trace_make(size_t kind, struct trace_size size);
void trace_free(struct trace *t);

/* Numbers for tests: not good ones, but the same everywhere. *state: any. */
uint64_t next_random(uint64_t *state);
