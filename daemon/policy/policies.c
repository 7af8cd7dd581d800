/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one list of built-in policies. A test that needs others links its own list instead
 * of this file.
 */
#include "policy/policy.h"

const struct iopfd_policy *const policy_table[] = {
	&policy_anon,
	NULL,
};
