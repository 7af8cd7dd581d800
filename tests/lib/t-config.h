/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading configurations from texts, for the tests that ask what they mean.
 */
#pragma once

#include "config/config.h"

/* A config that goes with its scope. */
#define scoped _cleanup_(config_freep) struct config *

/* Of the last load; goes with the next one, or by t_diagnostics_free(). */
extern struct config_diagnostics t_diagnostics;
void t_diagnostics_free(void);

/* One of them, formatted; valid until the next call. */
const char *t_diagnostic_text(size_t i);

/* Below t_tmpdir(); the path is for ever valid, and no leak. */
const char *t_write_conf(const char *path, const char *text);

int t_load_source(const struct config_source *source, struct config **ret);

/* A file of its own with this text, strictly; it must load. */
struct config *t_load_text(const char *text);

/* On the heap. No line of it is too long for the reader. */
char *t_dump(const struct config *c);

/* The dump of it reads back as the same. */
void t_expect_round_trip(const struct config *c);
