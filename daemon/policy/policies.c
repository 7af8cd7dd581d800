/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one list of built-in policies and their keys. A test that needs others links its own
 * list instead of this file.
 */
#include "policy/policy.h"

#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

const struct policy_builtin policy_table[] = {
	{ &policy_anon, KEYS("discard"), NULL },
	{ &policy_file, KEYS("path", "write-back", "extend"), NULL },
	{ &policy_hugepage, KEYS("page-size", "fallback"), hugepage_min_granule },
	{ &policy_fd, NULL, NULL }, /* its fd comes from a program, never from a file */
	{ NULL, NULL, NULL },
};
