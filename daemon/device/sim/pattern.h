/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order in which a DMA channel visits the pages of its working set, numbered from 0.
 * Deterministic: the same seed gives the same order.
 */
#pragma once

#include <stdint.h>

enum sim_pattern_kind {
	SIM_PATTERN_SEQ,
	SIM_PATTERN_RANDOM, /* even, pages repeat */
	SIM_PATTERN_ZIPF,   /* few pages are hot, and they lie scattered */
	SIM_PATTERN_STRIDE, /* every 16th page, then the ones next to those, ... */
};

struct sim_pattern {
	enum sim_pattern_kind kind;
	uint64_t n_pages;
	uint64_t position;
	uint64_t column;    /* of stride */
	uint64_t random;    /* state */
	uint64_t scramble_mask;
	double zipf_low;    /* of zipf: the integral's value at both ends */
	double zipf_high;
};

/* start: the first page of seq and stride. n_pages is not 0. */
void sim_pattern_init(struct sim_pattern *p, enum sim_pattern_kind kind, uint64_t n_pages, uint64_t start,
		      uint64_t seed);
uint64_t sim_pattern_next(struct sim_pattern *p);

/* The pattern's own stream of random numbers, for what else is left to chance. */
uint64_t sim_pattern_random(struct sim_pattern *p);
