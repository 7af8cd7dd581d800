/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a simulated device shall do: the text behind "sim:" as a struct. Meanings and
 * defaults: iopfd.conf(5).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "device/sim/pattern.h"

#define SIM_MAX_CHANNELS 64u
#define SIM_MAX_GROUP 64u
#define SIM_MAX_DEPTH 1024u
#define SIM_MAX_CREDITS 65536u
#define SIM_MAX_PASIDS 16u
#define SIM_MAX_PATH 256u
#define SIM_PASID_LIMIT (1u << 20)
#define SIM_COUNT_MAX UINT64_MAX /* count=max */

struct sim_options {
	unsigned channels;
	enum sim_pattern_kind pattern;
	uint64_t working_set; /* bytes; 0 = whole regions */
	unsigned write_percent;
	uint64_t rate;        /* visits per second and channel; 0 = no limit */
	uint64_t count;       /* visits per channel */
	unsigned group;
	unsigned depth;
	unsigned credits;
	uint32_t pasids[SIM_MAX_PASIDS];
	unsigned n_pasids;    /* 0: the RID */
	uint64_t seed;
	bool verify;
	char present[SIM_MAX_PATH]; /* the device is there while this file is; "" = always */
	uint64_t corrupt;     /* one bit in every N-th transfer; 0 = never */
};

/* True for "sim" and "sim:..."; whatever follows may still be wrong. */
bool sim_options_claims(const char *address);

/* Returns 0 or -EINVAL with the sentence in why. */
int sim_options_parse(const char *address, struct sim_options *ret, struct reason *why);
