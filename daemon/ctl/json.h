/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes JSON as it comes: short on one line, or pretty. The caller opens and closes
 * containers in pairs and gives each value in an object a key first; commas, line breaks and
 * escapes are made here. Text that is not UTF-8 comes out as U+FFFD where it is not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 160 /* a D-Bus message has at most 128 containers in each other */

struct json {
	FILE *out;
	bool pretty;
	bool has_key;  /* the next value belongs to it */
	unsigned depth;
	bool filled[JSON_DEPTH_MAX]; /* the container has something in it */
};

#define JSON_INIT(out_, pretty_) { .out = (out_), .pretty = (pretty_) }

void json_begin(struct json *j, char open); /* '{' or '[' */
void json_end(struct json *j, char close);  /* '}' or ']'; the outermost ends the line */
void json_key(struct json *j, const char *key);
void json_string(struct json *j, const char *text);
void json_unsigned(struct json *j, uint64_t v);
void json_signed(struct json *j, int64_t v);
void json_real(struct json *j, double v); /* null if it is no number */
void json_bool(struct json *j, bool v);
