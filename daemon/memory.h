/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much memory there is for this process.
 */
#pragma once

#include <stdint.h>

/* The smaller of RAM and the limits (memory.max) of the cgroups that this process is in. */
uint64_t memory_available(void);
