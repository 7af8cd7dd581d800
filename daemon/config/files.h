/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files make up the configuration, in the order in which they are read.
 */
#pragma once

#include "config/config.h"

/* Where the search path begins; for messages. */
#define FILES_MAIN "/etc/iopfd/iopfd.conf"

/* The list is NULL-terminated, maybe empty, the caller's. A folder that cannot be read is
 * told in d and left out. 0 or -ENOMEM. */
int files_find(const struct config_source *source, struct config_diagnostics *d, char ***ret);
char **files_free(char **files);
DEFINE_CLEANUP(char *, files_free)
