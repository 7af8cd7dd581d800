/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of /sys, /proc, /boot, /etc and /dev, below ctl_options.root when there is one: then
 * a folder with a few files stands for a whole machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/util.h"

struct files_names {
	char **names;
	size_t n;
};

void files_names_deinit(struct files_names *names);

/* There is a root, other than "/": what the running kernel says has nothing to do with it. */
bool files_rooted(void);

/* Root and all, for calls that take a path. False: too long. */
bool files_path(char *ret, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/* A short attribute, as a string without the newlines at its end; -errno. */
int files_read(char *ret, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/* All of a file; the caller frees it. files_gunzip() runs gzip for that. */
int files_slurp(char **ret, const char *format, ...) PRINTF_LIKE(2, 3);
int files_gunzip(char **ret, const char *format, ...) PRINTF_LIKE(2, 3);

/* Opens, writes, closes. */
int files_write(const char *text, const char *format, ...) PRINTF_LIKE(2, 3);

bool files_exist(const char *format, ...) PRINTF_LIKE(1, 2);

/* What a symbolic link points to, its last component only. */
int files_link(char *ret, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/* Names in a folder, sorted, those that begin with a dot left out. */
int files_list(struct files_names *ret, const char *format, ...) PRINTF_LIKE(2, 3);

/* Moves on behind the next line and returns it, ended by NUL; NULL at the end. */
char *files_line(char **text);

/* Runs a program from PATH to its end. 0: it ended with 0; positive: with something else. */
int files_run(char *const argv[]);
