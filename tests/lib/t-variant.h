/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as the bus delivers them, without a bus. For tests that link iopfctl's archive.
 */
#pragma once

#include "ctl/snapshot.h"

/* types: of one complete value, as of sd_bus_message_append(), which takes what follows. */
struct variant *t_variant(const char *types, ...);

/* One device and one space, 'device' and 'space', and the manager's properties. */
struct t_daemon {
	const char *device, *space;
	uint64_t usec;   /* the time of all snapshots */
	uint64_t faults; /* each in a group of its own; half of them reads */
	uint64_t invalid;
	uint64_t evictions;
	struct bucket buckets[4]; /* of the device; ends with count 0 */
};

/* The caller's, as snapshot_load() would give it. */
struct snapshot t_snapshot(const struct t_daemon *d);
