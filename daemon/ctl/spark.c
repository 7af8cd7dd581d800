/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Eighths of blocks: U+2581 to U+2588 grow upwards, U+258F to U+2588 to the right.
 */
#include "ctl/spark.h"

#include <math.h>
#include <string.h>

#include "base/util.h"

static char *put(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n);
	return to + n;
}

/* level: 0 = nothing, 8 = full */
static char *put_level(char *to, unsigned level, bool utf8)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", "_", ".", ",", "-", "~", "+", "*", "#" };

	return put(to, utf8 ? blocks[level] : ascii[level]);
}

void spark_line(const double *values, size_t n, size_t columns, bool utf8, char *ret)
{
	const double *first = values + n - MIN(n, columns);
	double highest = 0;

	for (const double *v = first; v < values + n; v++)
		highest = MAX(highest, *v);
	for (size_t i = n; i < columns; i++)
		ret = put(ret, " ");
	for (const double *v = first; v < values + n; v++)
		ret = put_level(ret, *v > 0 ? (unsigned)MAX(1, lround(*v / highest * 8)) : 0, utf8);
	*ret = '\0';
}

void spark_bar(double fraction, size_t columns, bool utf8, char *ret)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	size_t units, used;

	fraction = fraction > 1 ? 1 : fraction;
	units = fraction > 0 && columns ? (size_t)MAX(1, lround(fraction * (double)columns * 8)) : 0;
	used = units / 8;
	for (size_t i = 0; i < used; i++)
		ret = put(ret, utf8 ? "█" : "#");
	if (units % 8) {
		ret = put(ret, utf8 ? eighths[units % 8] : units % 8 >= 4 || !used ? "-" : " ");
		used++;
	}
	for (; used < columns; used++)
		ret = put(ret, " ");
	*ret = '\0';
}
