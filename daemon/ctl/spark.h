/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small drawings of one line, of block characters or, where there are none, of ASCII.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes that a line of this many columns takes. */
#define SPARK_SIZE(columns) ((columns) * 3 + 1)

/* The last `columns` of n values, the newest at the right, the highest as a full block; blank
 * in front if there are fewer. What is not 0 is never blank. */
void spark_line(const double *values, size_t n, size_t columns, bool utf8, char *ret);

/* A bar whose full length is `columns`; the rest is blank. What is not 0 shows. */
void spark_bar(double fraction, size_t columns, bool utf8, char *ret);
