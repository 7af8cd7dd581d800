/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of policy "file". The core takes the interval of write-back from the same key
 * and keeps the time; here it only has to be one.
 */
#include "policy/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/util.h"

static int PRINTF_LIKE(3, 4) refuse(char *why, size_t why_size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, why_size, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* -EINVAL: no time at all; -ERANGE: not one that can be used. */
static int check_time(const char *text)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "us", NSEC_PER_USEC },
		{ "ms", NSEC_PER_MSEC },
		{ "s", NSEC_PER_SEC },
		{ "", NSEC_PER_SEC },
		{ "min", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
	};
	bool overflow = false;
	uint64_t v = 0;

	if (!isdigit((unsigned char)*text) || (*text == '0' && isdigit((unsigned char)text[1])))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			overflow = true;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(text, units[i].name)) {
			overflow |= __builtin_mul_overflow(v, units[i].ns, &v);
			return overflow || v == 0 || v > INT64_MAX ? -ERANGE : 0;
		}
	return -EINVAL;
}

static int set_path(struct file *f, const char *value, char *why, size_t why_size)
{
	char *copy;

	if (*value != '/')
		return refuse(why, why_size, "'%s' is not an absolute path, expected /DIR/FILE", value);
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(f->path);
	f->path = copy;
	return 0;
}

static int set_write_back(struct file *f, const char *value, char *why, size_t why_size)
{
	bool never = !strcmp(value, "never");
	int r = 0;

	if (!never && strcmp(value, "on-evict") != 0)
		r = check_time(value);
	if (r < 0)
		return refuse(why, why_size, "'%s' is %s, expected never, on-evict or a time such as 500ms, 10s or 1min",
			      value, r == -ERANGE ? "out of range" : "not valid");
	f->write_back = !never;
	return 0;
}

static int set_extend(struct file *f, const char *value, char *why, size_t why_size)
{
	static const char *const no[] = { "0", "no", "n", "false", "f", "off" };
	static const char *const yes[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (!strcasecmp(value, no[i]) || !strcasecmp(value, yes[i])) {
			f->extend = !strcasecmp(value, yes[i]) ? FILE_EXTEND_YES : FILE_EXTEND_NO;
			return 0;
		}
	return refuse(why, why_size, "'%s' is not valid, expected yes or no", value);
}

int file_config(struct file *f, const char *key, const char *value, char *why, size_t why_size)
{
	if (!strcmp(key, "path"))
		return set_path(f, value, why, why_size);
	if (!strcmp(key, "write-back"))
		return set_write_back(f, value, why, why_size);
	if (!strcmp(key, "extend"))
		return set_extend(f, value, why, why_size);
	return -ENOENT;
}
