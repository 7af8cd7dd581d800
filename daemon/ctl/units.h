/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers with units, as people write and read them. Reading: sizes take K M G T (1024),
 * times us ms s min h; hexadecimal addresses 0x. Writing: at most four digits and a unit.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fits every number that is written here. */
#define UNITS_MAX 32

/* 0; -EINVAL: not a number of this kind; -ERANGE: too large. *ret only on success. */
int units_parse_number(const char *text, uint64_t *ret);
int units_parse_size(const char *text, uint64_t *ret);
int units_parse_usec(const char *text, uint64_t *ret); /* without a unit: seconds; 0.5s is fine */

/* All return buffer, which has UNITS_MAX bytes. */
const char *units_size(char *buffer, uint64_t bytes);     /* 12.5M */
const char *units_count(char *buffer, uint64_t n);        /* 1234567 as 1.23M; below 10000 exact */
const char *units_rate(char *buffer, double per_second);  /* 12.3k */
const char *units_ns(char *buffer, uint64_t ns);          /* 12.3us */
const char *units_duration(char *buffer, uint64_t usec);  /* 2h 3min, 12s */
