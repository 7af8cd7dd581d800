/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frame of the programs that drive a running daemon from outside:
 *
 *	PROGRAM --bus=ADDRESS SCENARIO [KEY=VALUE...]
 *
 * A scenario prints one line of result, or ends the program with 1 and says what was wrong.
 * A key that no scenario asked for is a mistake of the caller: exit 2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "options.h"

struct scenario {
	const char *name;
	void (*run)(struct client *c);
};

int scenario_main(int argc, char **argv, const struct scenario *scenarios, size_t n);

void scenario_statistics(struct client *c, const char *object, struct client_statistics *ret);
uint64_t scenario_counter(const struct client_statistics *s, const char *name);

/* The bytes [at, at + size) of the region SPACE/NAME, by OpenMemory; to be unmapped. */
void *scenario_map_memory(struct client *c, const char *region, uint64_t at, uint64_t size);

/* Waits for the quiet moment (nothing pending), then demands
 * FaultGroupsTotal = ResponsesSuccess + ResponsesInvalid + ResponsesStale + FaultsPending.
 * ret may be NULL. */
void scenario_quiet(struct client *c, const char *object, struct client_statistics *ret);
