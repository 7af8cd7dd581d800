/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The terminal: raw input, the alternate screen, and frames that are put together in memory,
 * cut to its size and written at once, so that nothing flickers. Plain ANSI sequences.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"
#include "ctl/table.h"

enum screen_key {
	SCREEN_NONE,   /* the time is over */
	SCREEN_RESIZE,
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_RIGHT,
	SCREEN_LEFT,
	SCREEN_ENTER,
	SCREEN_ESCAPE,
	SCREEN_END,    /* a signal, or the terminal has gone */
	SCREEN_LETTER, /* and what follows: SCREEN_LETTER + 'q' */
};

struct screen {
	unsigned columns, rows;
	bool utf8;
	FILE *out; /* of the frame that is being made */
	char *frame;
	size_t frame_size;
	unsigned row, column;
};

/* Size and character set; the terminal is left as it is, until screen_enter(). */
void screen_init(struct screen *s);
void screen_resize(struct screen *s);
int screen_enter(void);
void screen_leave(void); /* also if it was not entered */

/* A frame: text, at most one line at a time; what does not fit is cut. */
int screen_begin(struct screen *s); /* -ENOMEM */
void screen_put(struct screen *s, enum colour c, const char *format, ...) PRINTF_LIKE(3, 4);
void screen_reverse(struct screen *s, const char *text); /* the whole line, then the next */
void screen_line(struct screen *s);
void screen_end(struct screen *s, FILE *out);

/* Waits for a key, at most until then (CLOCK_MONOTONIC). */
int screen_key(uint64_t until_ns);
