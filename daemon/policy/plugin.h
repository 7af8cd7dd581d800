/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies from shared objects: FOLDER/NAME.so. What is loaded runs with the daemon's
 * rights, so nothing is loaded that anybody but root and the daemon's own user could have
 * put there. What was loaded stays to the end of the process.
 */
#pragma once

#include <stddef.h>

#include <iopfd/policy.h>

/* $(libdir)/iopfd/policies, by the Makefile. */
#define PLUGIN_DIR IOPFD_PLUGIN_DIR

/* Control thread. *ret is valid for ever, and has every field that this daemon knows. On
 * failure `why` is a sentence that says what to do. */
int plugin_load(const char *folder, const char *name, const struct iopfd_policy **ret, char *why, size_t why_size);

/* 0: there is such a file. Whether it can be used only plugin_load() tells. */
int plugin_exists(const char *folder, const char *name);
