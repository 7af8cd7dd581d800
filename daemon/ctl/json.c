/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RFC 8259. Only what must be escaped is, so that names stay readable.
 */
#include "ctl/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void line(const struct json *j)
{
	if (!j->pretty)
		return;
	fputc('\n', j->out);
	for (unsigned i = 0; i < j->depth; i++)
		fputc('\t', j->out);
}

/* What stands in front of a value, or of a key. */
static void separate(struct json *j)
{
	if (j->has_key) {
		j->has_key = false;
		return;
	}
	if (!j->depth)
		return;
	if (j->filled[j->depth - 1])
		fputc(',', j->out);
	j->filled[j->depth - 1] = true;
	line(j);
}

void json_begin(struct json *j, char open)
{
	assert(j->depth < JSON_DEPTH_MAX);
	separate(j);
	fputc(open, j->out);
	j->filled[j->depth++] = false;
}

void json_end(struct json *j, char close)
{
	assert(j->depth && !j->has_key);
	j->depth--;
	if (j->filled[j->depth])
		line(j);
	fputc(close, j->out);
	if (!j->depth)
		fputc('\n', j->out);
}

/* Bytes of the UTF-8 character at s; 0 if there is none: cut off, too long, a surrogate. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = 0;

	if (*s < 0x80)
		n = 1;
	else if (*s >= 0xc2 && *s < 0xf5)
		n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
	    (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void quoted(struct json *j, const char *text)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const unsigned char *s = (const unsigned char *)text;
	const char *found;

	fputc('"', j->out);
	while (*s) {
		size_t n = utf8_length(s);

		found = strchr(escaped, *s);
		if (found)
			fprintf(j->out, "\\%c", letters[found - escaped]);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(j->out, "\\u%04x", *s);
		else if (!n)
			fputs("\\ufffd", j->out);
		else
			fwrite(s, 1, n, j->out);
		s += n ?: 1;
	}
	fputc('"', j->out);
}

void json_key(struct json *j, const char *key)
{
	assert(j->depth && !j->has_key);
	separate(j);
	quoted(j, key);
	fputs(j->pretty ? ": " : ":", j->out);
	j->has_key = true;
}

void json_string(struct json *j, const char *text)
{
	separate(j);
	quoted(j, text);
}

void json_unsigned(struct json *j, uint64_t v)
{
	separate(j);
	fprintf(j->out, "%" PRIu64, v);
}

void json_signed(struct json *j, int64_t v)
{
	separate(j);
	fprintf(j->out, "%" PRId64, v);
}

void json_real(struct json *j, double v)
{
	separate(j);
	if (isfinite(v))
		fprintf(j->out, "%.9g", v);
	else
		fputs("null", j->out);
}

void json_bool(struct json *j, bool v)
{
	separate(j);
	fputs(v ? "true" : "false", j->out);
}
