/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The little that test programs share. A test is a function; t_run() names it and runs it.
 * A failed assertion says where and ends the program with 1; t_skip() ends it with 77.
 */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void t_fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
void t_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Prints the name, runs the function, prints that it passed. */
#define t_run(test) t_run_named(#test, test)
void t_run_named(const char *name, void (*test)(void));

/* A fresh folder below $TMPDIR, removed with all in it when the program ends. */
const char *t_tmpdir(void);

/* Writes a file below t_tmpdir() (folders are made); returns its whole path, for ever valid. */
const char *t_write_file(const char *path, const char *contents);

/* Polls until the condition holds, at most 10 seconds. */
#define T_WAIT(condition)                                                               \
	do {                                                                            \
		for (int t_i_ = 0; !(condition); t_i_++) {                              \
			if (t_i_ >= 10000)                                              \
				t_fail(__FILE__, __LINE__, "never true: %s", #condition); \
			t_sleep_ms(1);                                                  \
		}                                                                       \
	} while (0)
void t_sleep_ms(unsigned ms);

/* What is written to stderr in between, 8 KiB at most; valid until the next capture ends. */
void t_capture_begin(void);
const char *t_capture_end(void);

#define T_ASSERT(condition)                                                     \
	do {                                                                    \
		if (!(condition))                                               \
			t_fail(__FILE__, __LINE__, "not true: %s", #condition); \
	} while (0)

/* Integers of any type up to 64 bits; prints both sides. */
#define T_EQ(a, b)                                                                                            \
	do {                                                                                                  \
		long long t_a_ = (long long)(a), t_b_ = (long long)(b);                                        \
		if (t_a_ != t_b_)                                                                             \
			t_fail(__FILE__, __LINE__, "%s is %lld (0x%llx), not %s = %lld (0x%llx)", #a, t_a_,    \
			       (unsigned long long)t_a_, #b, t_b_, (unsigned long long)t_b_);                  \
	} while (0)

#define T_OK(call)                                                                                       \
	do {                                                                                             \
		long long t_r_ = (long long)(call);                                                      \
		if (t_r_ < 0)                                                                            \
			t_fail(__FILE__, __LINE__, "%s: %lld (%s)", #call, t_r_, strerror((int)-t_r_));  \
	} while (0)

#define T_STREQ(a, b)                                                                              \
	do {                                                                                       \
		const char *t_a_ = (a), *t_b_ = (b);                                               \
		if (strcmp(t_a_, t_b_) != 0)                                                       \
			t_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #a, t_a_, t_b_);    \
	} while (0)
