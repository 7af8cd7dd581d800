/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers are read digit by digit instead of with strtoull(), which takes signs, blanks and
 * octal, and turns "-1" into the largest number there is.
 */
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

/* Of the fixed-size set that the C library hands to the kernel. */
#define CPU_MAX 1024u
#include "config/config.h"

static const char units[] = "BKMGT"; /* each is 1024 of the one before */

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{ "us", 1000 },
	{ "ms", 1000 * 1000 },
	{ "", 1000 * 1000 * 1000 },
	{ "s", 1000 * 1000 * 1000 },
	{ "min", 60ull * 1000 * 1000 * 1000 },
	{ "h", 3600ull * 1000 * 1000 * 1000 },
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Reads digits up to the first character that is none; *ret_base for what may follow. */
static int parse_digits(const char **text, unsigned *ret_base, uint64_t *ret)
{
	bool hex = (*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X');
	const char *s = *text + (hex ? 2 : 0), *start = s;
	unsigned base = hex ? 16 : 10;
	bool overflow = false;
	uint64_t v = 0;

	for (; digit_value(*s) < (int)base; s++)
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit_value(*s), &v))
			overflow = true;
	/* 010 is eight to some readers and ten to others. */
	if (s == start || (!hex && start[0] == '0' && s != start + 1))
		return -EINVAL;
	*text = s;
	*ret_base = base;
	*ret = v;
	return overflow ? -ERANGE : 0;
}

int value_parse_uint(const char *text, uint64_t *ret)
{
	unsigned base;
	uint64_t v;
	int r;

	r = parse_digits(&text, &base, &v);
	if (r == -EINVAL || *text)
		return -EINVAL;
	if (r == 0)
		*ret = v;
	return r;
}

int value_parse_size(const char *text, uint64_t *ret)
{
	const char *unit;
	unsigned base;
	uint64_t v;
	int r;

	r = parse_digits(&text, &base, &v);
	if (r == -EINVAL)
		return r;
	if (*text) {
		/* After a hexadecimal number B would be a digit. */
		unit = strchr(units, *text);
		if (base == 16 || !unit || text[1])
			return -EINVAL;
		if (__builtin_mul_overflow(v, 1ull << (10 * (unit - units)), &v))
			r = -ERANGE;
	}
	if (r == 0)
		*ret = v;
	return r;
}

int value_parse_percent(const char *text, uint64_t *ret)
{
	unsigned base;
	uint64_t v;
	int r;

	r = parse_digits(&text, &base, &v);
	if (r == -EINVAL || base != 10 || strcmp(text, "%") != 0)
		return -EINVAL;
	if (r == 0 && (v < 1 || v > 100))
		r = -ERANGE;
	if (r == 0)
		*ret = v;
	return r;
}

int value_next_cpu(const char *list, int after)
{
	unsigned base;
	uint64_t next = CPU_MAX, first, last;
	int r;

	for (;; list++) {
		r = parse_digits(&list, &base, &first);
		last = first;
		if (r == 0 && base == 10 && *list == '-') {
			list++;
			r = parse_digits(&list, &base, &last);
		}
		if (r == -EINVAL || base != 10 || (*list && *list != ',') || (r == 0 && last < first))
			return -EINVAL;
		if (r < 0 || last >= CPU_MAX)
			return -ERANGE;
		if ((int64_t)last > after)
			next = MIN(next, MAX(first, (uint64_t)(after + 1)));
		if (!*list)
			break;
	}
	return next < CPU_MAX ? (int)next : -ENOENT;
}

int value_parse_time(const char *text, uint64_t *ret_ns)
{
	unsigned base;
	uint64_t v;
	int r;

	r = parse_digits(&text, &base, &v);
	if (r == -EINVAL || base != 10)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++) {
		if (strcmp(text, time_units[i].name) != 0)
			continue;
		/* What is added to the time of day must not wrap around. */
		if (r < 0 || __builtin_mul_overflow(v, time_units[i].ns, &v) || v > INT64_MAX)
			return -ERANGE;
		*ret_ns = v;
		return 0;
	}
	return -EINVAL;
}

int value_parse_bool(const char *text, bool *ret)
{
	static const char *const words[][6] = {
		{ "0", "no", "n", "false", "f", "off" },
		{ "1", "yes", "y", "true", "t", "on" },
	};

	for (unsigned v = 0; v < ARRAY_SIZE(words); v++)
		for (size_t i = 0; i < ARRAY_SIZE(words[v]); i++)
			if (strcasecmp(text, words[v][i]) == 0) {
				*ret = v;
				return 0;
			}
	return -EINVAL;
}

bool value_is_name(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return length > 0 && length <= CONFIG_NAME_MAX && !text[length];
}

bool value_is_policy(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return length > 0 && length <= CONFIG_NAME_MAX && !text[length];
}

const char *value_format_size(uint64_t bytes, char text[static VALUE_SIZE_TEXT_MAX])
{
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, VALUE_SIZE_TEXT_MAX, "%" PRIu64 "%.*s", bytes, unit > 0, units + unit);
	return text;
}

const char *value_format_time(uint64_t ns, char text[static VALUE_SIZE_TEXT_MAX])
{
	size_t unit = ARRAY_SIZE(time_units) - 1;

	while (unit && ns % time_units[unit].ns)
		unit--;
	snprintf(text, VALUE_SIZE_TEXT_MAX, "%" PRIu64 "%s", ns / time_units[unit].ns, ns ? time_units[unit].name : "");
	return text;
}
