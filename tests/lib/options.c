/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	const char *name;
	char **pairs;
	size_t n_pairs;
	bool *used;
} args;

void die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "not ok: %s", args.name);
	for (size_t i = 0; i < args.n_pairs; i++)
		fprintf(stderr, " %s", args.pairs[i]);
	fputs(": ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

const char *option(const char *key, const char *fallback)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < args.n_pairs; i++)
		if (!strncmp(args.pairs[i], key, length) && args.pairs[i][length] == '=') {
			args.used[i] = true;
			return args.pairs[i] + length + 1;
		}
	if (!fallback)
		die("%s= is missing", key);
	return fallback;
}

uint64_t option_number(const char *key, uint64_t fallback)
{
	const char *text = option(key, "");
	uint64_t value;
	char *end;

	if (!*text)
		return fallback;
	value = strtoull(text, &end, 0);
	for (const char *unit = " KMG"; *end && *unit; unit++)
		if (*end == *unit) {
			value <<= 10 * (unit - " KMG");
			end++;
			break;
		}
	if (*end)
		die("%s=%s is no number", key, text);
	return value;
}

bool option_item(const char *key, size_t i, char ret_item[static OPTION_ITEM_SIZE])
{
	const char *item = option(key, "");

	for (; i && item; i--) {
		item = strchr(item, ',');
		item = item ? item + 1 : NULL;
	}
	if (!item || !*item)
		return false;
	snprintf(ret_item, OPTION_ITEM_SIZE, "%.*s", (int)strcspn(item, ","), item);
	return true;
}

void options_init(const char *name, char **pairs, size_t n)
{
	args.name = name;
	args.pairs = pairs;
	args.n_pairs = n;
	args.used = calloc(n + 1, sizeof(*args.used));
	if (!args.used)
		abort();
}

int options_check(void)
{
	for (size_t i = 0; i < args.n_pairs; i++)
		if (!args.used[i]) {
			fprintf(stderr, "%s: nobody knows the key of %s\n", args.name, args.pairs[i]);
			return 2;
		}
	free(args.used);
	args.used = NULL;
	return 0;
}
