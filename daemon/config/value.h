/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scalar types of the configuration: text to number and back. A parser takes the whole
 * text or nothing: -EINVAL, or -ERANGE when only the size of the number is wrong.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal without leading zeroes, or hexadecimal after 0x. No sign, no blanks. */
int value_parse_uint(const char *text, uint64_t *ret);

/* Bytes: the same, a decimal one with an optional B, K, M, G or T (base 1024, as systemd). */
int value_parse_size(const char *text, uint64_t *ret);

/* Decimal, from 1% to 100%. */
int value_parse_percent(const char *text, uint64_t *ret);

/* Decimal, in us, ms, s, min or h, or without a unit in seconds, as systemd; but only one such
 * number, and whole. Below 2^63 ns. */
int value_parse_time(const char *text, uint64_t *ret_ns);

/* The next CPU of a list such as 0-3,6, above `after` (-1: the first). -ENOENT: no more; -EINVAL:
 * no list; -ERANGE: a CPU of 1024 or more. */
int value_next_cpu(const char *list, int after);

/* systemd's words: 1 yes y true t on, 0 no n false f off, in any case. */
int value_parse_bool(const char *text, bool *ret);

/* [A-Za-z0-9_]{1,32}: legal in D-Bus paths and fd names as it is. */
bool value_is_name(const char *text);

/* [a-z0-9_-]{1,32}: legal in a file name as it is. */
bool value_is_policy(const char *text);

/* "64K", "500ms": exact, in the largest unit that divides it. */
#define VALUE_SIZE_TEXT_MAX 24
const char *value_format_size(uint64_t bytes, char text[static VALUE_SIZE_TEXT_MAX]);
const char *value_format_time(uint64_t ns, char text[static VALUE_SIZE_TEXT_MAX]);
