/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts everything that is allocated, but by libraries (linked with --wrap), and refuses
 * anything new on command.
 */
#pragma once

#include <stdbool.h>

extern unsigned n_allocated;
extern bool no_memory;
