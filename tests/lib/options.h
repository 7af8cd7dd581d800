/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * KEY=VALUE arguments of programs that scripts run. A key that nobody asked for is a mistake
 * of the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* name: of the program or of what it shall do. */
void options_init(const char *name, char **pairs, size_t n);

/* At the end: 0, or 2 (an exit status) when a key was not asked for, and says so. */
int options_check(void);

/* Says "NAME KEY=VALUE...: …" and ends the program with 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Dies when a negative errno came back. */
#define MUST(call)                                                                      \
	({                                                                              \
		int must_r_ = (call);                                                   \
		if (must_r_ < 0)                                                        \
			die("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(-must_r_)); \
		must_r_;                                                                \
	})

/* The value of KEY=, valid for ever. A NULL fallback makes the key obligatory. */
const char *option(const char *key, const char *fallback);
uint64_t option_number(const char *key, uint64_t fallback); /* 0x…, K, M, G */

/* Item number i of a value of the form A,B,C; false when there is none. */
#define OPTION_ITEM_SIZE 128
bool option_item(const char *key, size_t i, char ret_item[static OPTION_ITEM_SIZE]);
