/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strict reading of one INI file: what inih would silently split, cut, join or move to
 * another section is refused here, with the line it stands on. What passes has exactly the
 * meaning that inih gives it, whichever release is installed.
 */
#pragma once

#include <stddef.h>

/* Without line ending. inih's buffer of 200 bytes also has to hold a newline (without one,
 * newer releases drop the line after it) and a NUL. */
#define READER_LINE_MAX 198
#define READER_SECTION_MAX 49       /* inih cuts what is longer */
#define READER_FILE_MAX (1u << 20)  /* bytes */

/* Each returns 0 or a negative errno, which ends the reading. Strings live during the call. */
struct reader_events {
	/* Every header, empty sections too. NULL: a header that makes no sense, on_problem()
	 * told why; the keys below it are skipped. */
	int (*on_section)(void *userdata, unsigned line, const char *section);
	int (*on_key)(void *userdata, unsigned line, const char *key, const char *value);
	/* line 0: the file as a whole; section and key may be empty. */
	int (*on_problem)(void *userdata, unsigned line, const char *section, const char *key, const char *text);
};

/* 0: read to its end, maybe with problems. Negative errno: it could not be read, which
 * on_problem() was told too, or an event handler failed. */
int reader_read(const char *path, const struct reader_events *events, void *userdata);

/* The same for a text that is there. */
int reader_read_text(const char *text, size_t size, const struct reader_events *events, void *userdata);
