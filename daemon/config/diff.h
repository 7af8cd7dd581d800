/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What would have to be done to come from one configuration to another, and the same in
 * words. Sections are compared by what they mean: 64K and 65536 are no change, nor is a
 * section that moved to another file.
 */
#pragma once

#include "config/config.h"

enum config_change {
	CONFIG_SAME,
	CONFIG_ADDED,
	CONFIG_RETUNED, /* of a space: nothing but its budget */
	CONFIG_CHANGED, /* a space: its regions too */
};

struct config_diff {
	enum config_change *spaces;  /* of each of the new spaces */
	enum config_change *devices; /* of each of the new devices; SAME even if a space of it changes */
	char *text; /* "region dma0/heap: granule: 64K -> 2M", a line for each change; "" = none */
};

/* What is removed is in the text only: config_find_*() says it. started: the configuration
 * of the start, for what only a start can change. 0 or -ENOMEM; the diff is the caller's. */
int config_diff(const struct config *started, const struct config *old, const struct config *new,
		const struct config_hooks *hooks, struct config_diff *ret);
void config_diff_free(struct config_diff *d);

/* Index, or SIZE_MAX. */
size_t config_find_space(const struct config *c, const char *name);
size_t config_find_device(const struct config *c, const char *name);

/* The region with this name of both spaces is backed by the same: its memory can stay. */
bool config_keeps_memory(const struct config_space *old, const struct config_space *new, const char *region);
