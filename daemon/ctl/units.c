/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digits are read one by one: strtoull() takes signs, blanks and octal numbers. The suffixes
 * are those of iopfd.conf(5), so that what is right there is right here.
 */
#include "ctl/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static int digit(char c, unsigned base)
{
	int v = -1;

	if (c >= '0' && c <= '9')
		v = c - '0';
	else if (c >= 'a' && c <= 'f')
		v = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		v = c - 'A' + 10;
	return v < (int)base ? v : -1;
}

/* Reads digits up to what is none. */
static int parse_digits(const char **text, unsigned *ret_base, uint64_t *ret)
{
	bool hex = (*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X'), overflow = false;
	const char *s = *text + (hex ? 2 : 0), *start = s;
	unsigned base = hex ? 16 : 10;
	uint64_t v = 0;

	for (; digit(*s, base) >= 0; s++)
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit(*s, base), &v))
			overflow = true;
	if (s == start)
		return -EINVAL;
	*text = s;
	*ret_base = base;
	*ret = v;
	return overflow ? -ERANGE : 0;
}

int units_parse_number(const char *text, uint64_t *ret)
{
	unsigned base;
	uint64_t v;
	int r = parse_digits(&text, &base, &v);

	if (r == -EINVAL || *text)
		return -EINVAL;
	if (!r)
		*ret = v;
	return r;
}

int units_parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "BKMGT"; /* each is 1024 of the one before */
	const char *unit;
	unsigned base;
	uint64_t v;
	int r = parse_digits(&text, &base, &v);

	if (r == -EINVAL)
		return r;
	if (*text) {
		unit = base == 10 ? strchr(units, *text) : NULL;
		if (!unit || text[1])
			return -EINVAL;
		if (__builtin_mul_overflow(v, 1ull << (10 * (unit - units)), &v))
			return -ERANGE;
	}
	if (!r)
		*ret = v;
	return r;
}

/* Microseconds of a unit, 0 if there is no such unit. */
static uint64_t time_unit(const char *name)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} units[] = { { "", 1000000 },	{ "us", 1 },	      { "ms", 1000 },
		      { "s", 1000000 }, { "min", 60000000 }, { "h", 3600000000 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i].name, name))
			return units[i].usec;
	return 0;
}

/* The digits after the point, in millionths; less is dropped. */
static int parse_fraction(const char **text, uint64_t *ret)
{
	uint64_t scale = 100000;

	*ret = 0;
	if (**text != '.')
		return 0;
	(*text)++;
	if (digit(**text, 10) < 0)
		return -EINVAL;
	for (; digit(**text, 10) >= 0; (*text)++, scale /= 10)
		*ret += (uint64_t)digit(**text, 10) * scale;
	return 0;
}

int units_parse_usec(const char *text, uint64_t *ret)
{
	uint64_t v, fraction, unit;
	unsigned base;
	int r = parse_digits(&text, &base, &v);

	if (r == -EINVAL || base != 10 || parse_fraction(&text, &fraction) < 0)
		return -EINVAL;
	unit = time_unit(text);
	if (!unit)
		return -EINVAL;
	if (r < 0 || __builtin_mul_overflow(v, unit, &v) ||
	    __builtin_add_overflow(v, unit * fraction / 1000000, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}

/* Three digits or four, never more than 1023: 9.99K, 99.9K, 1023K. */
static const char *scaled(char *buffer, double v, double base, const char *const *units)
{
	while (units[1] && v >= (base == 1024 ? 1023.5 : 999.5)) {
		v /= base;
		units++;
	}
	snprintf(buffer, UNITS_MAX, "%.*f%s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, *units);
	return buffer;
}

const char *units_size(char *buffer, uint64_t bytes)
{
	static const char *const units[] = { "B", "K", "M", "G", "T", "P", "E", NULL };
	unsigned n = 0;

	/* What was configured as 64M shall read so. */
	while (n < 6 && bytes && !(bytes % 1024)) {
		bytes /= 1024;
		n++;
	}
	if (bytes < 1024 || units[n + 1] == NULL) {
		snprintf(buffer, UNITS_MAX, "%" PRIu64 "%s", bytes, units[n]);
		return buffer;
	}
	return scaled(buffer, (double)bytes, 1024, units + n);
}

const char *units_count(char *buffer, uint64_t n)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E", NULL };

	if (n < 10000) {
		snprintf(buffer, UNITS_MAX, "%" PRIu64, n);
		return buffer;
	}
	return scaled(buffer, (double)n, 1000, units);
}

const char *units_rate(char *buffer, double per_second)
{
	static const char *const units[] = { "", "k", "M", "G", "T", NULL };

	if (per_second <= 0)
		return strcpy(buffer, "0");
	return scaled(buffer, per_second, 1000, units);
}

const char *units_ns(char *buffer, uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	if (ns < 1000) {
		snprintf(buffer, UNITS_MAX, "%" PRIu64 "ns", ns);
		return buffer;
	}
	return scaled(buffer, (double)ns, 1000, units);
}

const char *units_duration(char *buffer, uint64_t usec)
{
	uint64_t s = usec / 1000000;

	if (s >= 86400)
		snprintf(buffer, UNITS_MAX, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buffer, UNITS_MAX, "%" PRIu64 "h %" PRIu64 "min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(buffer, UNITS_MAX, "%" PRIu64 "min %" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(buffer, UNITS_MAX, "%" PRIu64 "s", s);
	return buffer;
}
