/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One picture: the latency histogram above, the fault rate over time below.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "ctl/buckets.h"

struct svg_sample {
	double seconds; /* since the start */
	double rate;    /* of the interval that ends there */
};

struct svg_picture {
	const char *title;
	const char *subtitle;
	struct buckets latency;
	const struct svg_sample *samples;
	size_t n_samples;
};

void svg_write(const struct svg_picture *p, FILE *out);
