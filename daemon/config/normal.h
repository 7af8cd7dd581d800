/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One section in normal form: all its keys, defaults included, each in one way of writing it
 * and in one order, so that two sections mean the same if and only if the texts are equal.
 * The sections of a config that was loaded are asked, which means that they are valid.
 */
#pragma once

#include "config/section.h"

/* One "KEY = VALUE". */
struct normal_line {
	char *text;          /* key NUL value NUL */
	const char *key;
	const char *value;
	bool repeatable;     /* the key may come again */
	enum key_applies applies;
};

struct normal {
	struct normal_line *lines;
	size_t n_lines;
};

/* name: as in the header; of a space, which need not have a section of its own. 0 or -ENOMEM. */
int normal_init(struct normal *n, const struct config *c, enum section_kind kind, const char *name);
void normal_deinit(struct normal *n);

bool normal_equal(const struct normal *a, const struct normal *b);

/* The order of lines: by key, then by value. */
int normal_compare(const struct normal_line *a, const struct normal_line *b);
