/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Zipf ranks (rank k with weight k^-0.99) are drawn by rejection from the integral of the
 * weight, so that starting costs nothing however many pages there are.
 */
#include "device/sim/pattern.h"

#include <math.h>

#include "base/util.h"
#include "device/sim/pagemap.h"

#define ZIPF_EXPONENT 0.99
#define STRIDE 16

uint64_t sim_pattern_random(struct sim_pattern *p)
{
	return sim_mix(p->random++);
}

/* Integral of x^-s and its inverse. */
static double zipf_integral(double x)
{
	return pow(x, 1 - ZIPF_EXPONENT) / (1 - ZIPF_EXPONENT);
}

static double zipf_inverse(double y)
{
	return pow(y * (1 - ZIPF_EXPONENT), 1 / (1 - ZIPF_EXPONENT));
}

void sim_pattern_init(struct sim_pattern *p, enum sim_pattern_kind kind, uint64_t n_pages, uint64_t start,
		      uint64_t seed)
{
	*p = (struct sim_pattern){
		.kind = kind,
		.n_pages = n_pages,
		.position = start % n_pages,
		.column = start % n_pages % STRIDE,
		.random = sim_mix(seed),
	};
	while (p->scramble_mask < n_pages - 1)
		p->scramble_mask = p->scramble_mask * 2 + 1;
	/* The first bar is given its exact weight 1 by starting the integral there. */
	p->zipf_low = zipf_integral(1.5) - 1;
	p->zipf_high = zipf_integral((double)n_pages + 0.5);
}

/* Rank in 1..n_pages: draws a point below the curve, takes the bar that it lies in, and
 * draws again when the point is above that bar. */
static uint64_t zipf_rank(struct sim_pattern *p)
{
	for (;;) {
		double u = (double)(sim_pattern_random(p) >> 11) * 0x1p-53;
		double y = p->zipf_high - u * (p->zipf_high - p->zipf_low);
		double k = floor(zipf_inverse(y) + 0.5);

		k = k < 1 ? 1 : k > (double)p->n_pages ? (double)p->n_pages : k;
		if (y >= zipf_integral(k + 0.5) - pow(k, -ZIPF_EXPONENT))
			return (uint64_t)k;
	}
}

/* One-to-one over 0..n_pages-1: steps that are one-to-one over the next power of two, until
 * one ends inside. */
static uint64_t scramble(const struct sim_pattern *p, uint64_t page)
{
	do {
		page = (page * 0x9e3779b97f4a7c15ull + 0x632be59bd9b4e019ull) & p->scramble_mask;
		page ^= page >> 7;
	} while (page >= p->n_pages);
	return page;
}

static uint64_t next_stride(struct sim_pattern *p)
{
	uint64_t page = p->position;

	p->position += STRIDE;
	if (p->position >= p->n_pages) {
		p->column = (p->column + 1) % MIN(p->n_pages, STRIDE);
		p->position = p->column;
	}
	return page;
}

uint64_t sim_pattern_next(struct sim_pattern *p)
{
	uint64_t page = p->position;

	switch (p->kind) {
	case SIM_PATTERN_RANDOM:
		return sim_pattern_random(p) % p->n_pages;
	case SIM_PATTERN_ZIPF:
		return scramble(p, zipf_rank(p) - 1);
	case SIM_PATTERN_STRIDE:
		return next_stride(p);
	case SIM_PATTERN_SEQ:
		break;
	}
	p->position = page + 1 == p->n_pages ? 0 : page + 1;
	return page;
}
