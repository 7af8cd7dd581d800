/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that fail on command, below anything that does I/O: the fd that somebody has open
 * on a path is replaced by another one, which cannot be read or has no space left.
 */
#pragma once

struct broken_file {
	int fd;
	int original;
};

/* Whoever has `path` open has `instead` from here on, opened with these flags. */
struct broken_file broken_file(const char *path, const char *instead, int flags);
void broken_file_mend(struct broken_file broken);
