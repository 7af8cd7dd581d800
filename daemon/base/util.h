/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few macros that every layer needs and that have no better home.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))

static inline bool is_power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* Without the slashes at its end: a path to a folder may be written with them. */
static inline size_t path_length(const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return n;
}

/* Largest multiple of the power of two `unit` that is not above v. */
static inline uint64_t align_down(uint64_t v, uint64_t unit)
{
	return v & ~(unit - 1);
}
