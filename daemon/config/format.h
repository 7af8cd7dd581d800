/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way back from what a parser made: one text for one value, so that values can be
 * compared and shown by their texts. What a formatter writes, its parser reads as the same.
 */
#pragma once

#include "config/key.h"

#define FORMATTER(name) void name(const void *field, char text[static KEY_TEXT_MAX])

FORMATTER(format_string);    /* const char *; NULL is "" */
FORMATTER(format_workers);   /* uint32_t */
FORMATTER(format_cpus);      /* const char *; NULL is any */
FORMATTER(format_spin);      /* int64_t */
FORMATTER(format_budget);    /* struct config_budget */
FORMATTER(format_time);      /* uint64_t */
FORMATTER(format_numa_node); /* int32_t */
FORMATTER(format_iova);      /* uint64_t, in hexadecimal */
FORMATTER(format_size);      /* uint64_t */
FORMATTER(format_on_fault);  /* uint32_t */
FORMATTER(format_access);    /* uint32_t */
FORMATTER(format_bool);      /* bool */
