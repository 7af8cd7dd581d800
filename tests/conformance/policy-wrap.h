/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies around a policy: one that answers every fill, release and flush later and in
 * another order, from threads of its own, and one that fails them on command. Both keep
 * the contract that the inner policy has to keep: a fill of what is filled already ends at
 * once, and bytes are never lost by a failure.
 */
#pragma once

#include <stdbool.h>

#include <iopfd/policy.h>

enum wrap {
	WRAP_NONE,
	WRAP_DELAY,
	WRAP_FAIL, /* every third call, in a way that changes; or as wrap_command() says */
	WRAP_MAX,
};

enum wrap_call {
	WRAP_FILL,
	WRAP_RELEASE,
	WRAP_FLUSH,
	WRAP_CALL_MAX,
};

enum trouble {
	TROUBLE_NONE,
	TROUBLE_ERROR,        /* -EIO; the inner policy is not asked */
	TROUBLE_LATE_ERROR,   /* the same, later */
	TROUBLE_LOST,         /* what was done is answered as an error */
	TROUBLE_LATE_LOST,
	TROUBLE_LATE,         /* all is well, later */
	TROUBLE_EARLY,        /* completed before the call has returned */
	TROUBLE_TWICE,        /* completed twice; the second one is to be ignored */
	TROUBLE_BOTH,         /* completed and returned: the first counts */
	TROUBLE_AFTERWARDS,   /* returned, and completed with an error by wrap_let_go() */
	TROUBLE_NOSPACE,      /* fills only, from here on */
	TROUBLE_LATE_NOSPACE,
	TROUBLE_MAX,
};

extern const char *const trouble_names[TROUBLE_MAX];

/* Valid until the next call; WRAP_NONE: the policy itself. */
const struct iopfd_policy *wrap_policy(const struct iopfd_policy *inner, enum wrap wrap);

/* The next call of this kind has this trouble, and no call after that has any. */
void wrap_command(enum wrap_call call, enum trouble trouble);

/* The call has been answered: now its completion comes, much too late. */
void wrap_let_go(void);

/* Calls of the wrapper's that are not ended, completions that come too late included. */
unsigned wrap_n_under_way(void);
