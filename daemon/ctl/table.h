/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text in columns, and the few colours there are. A table is filled cell by cell, row after
 * row, and printed at once; running out of memory shows at the end.
 */
#pragma once

#include <stdio.h>

#include "base/cleanup.h"
#include "base/util.h"

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_GREY,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_RED,
};

/* "" unless ctl_options.colour. */
const char *colour_begin(enum colour c);
const char *colour_end(void);

/* Of a device's or the manager's state. */
enum colour colour_of_state(const char *state);

struct table;

/* headers: NULL-terminated, valid as long as the table; '>' in front: right-aligned. NULL when
 * out of memory. */
struct table *table_new(const char *const *headers);
struct table *table_free(struct table *t);
DEFINE_CLEANUP(struct table, table_free)

void table_cell(struct table *t, enum colour c, const char *format, ...) PRINTF_LIKE(3, 4);

/* -ENOMEM if a cell could not be kept; then nothing is printed. */
int table_print(const struct table *t, FILE *out);

/* Columns that UTF-8 text takes where each character takes one. */
size_t table_width(const char *text);
