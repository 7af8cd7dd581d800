/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Collecting what is wrong with a configuration, and guessing what was meant.
 */
#pragma once

#include "base/util.h"
#include "config/config.h"

struct diagnostic_place {
	const char *file;
	unsigned line;       /* 0: the file as a whole */
	const char *section; /* all three are copied; */
	const char *key;     /* these two may be empty */
};

/* 0 or -ENOMEM. */
int diagnostics_add(struct config_diagnostics *d, enum config_severity severity, const struct diagnostic_place *place,
		    const char *format, ...) PRINTF_LIKE(4, 5);

/* To put behind what is wrong with a value: "", or what may be the cause. */
const char *diagnostic_advice(const char *value);

/* The nearest of the candidates to a word, if one is near at all. */
struct hint {
	const char *word;
	const char *best;    /* NULL: none */
	size_t distance;     /* of best; only what is nearer counts */
};

void hint_init(struct hint *h, const char *word);
void hint_consider(struct hint *h, const char *candidate);
/* ", did you mean 'best'?" or nothing, in `text`, which is returned. */
const char *hint_format(const struct hint *h, char *text, size_t size);

/* "unknown WHAT 'WORD', did you mean 'x'? expected one of: x, y"; words end with NULL. */
void hint_describe_unknown(const char *what, const char *word, const char *const *words, char *text, size_t size);

/* Adds a word to a list with commas. What does not fit is left out. */
void list_add_word(char *list, size_t size, const char *word);
