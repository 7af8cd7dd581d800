/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host for policies without the core around them: calls are waited for, memory is a
 * memfd, and what is logged can be read.
 */
#pragma once

#include <stdbool.h>

#include <iopfd/policy.h>

extern const struct iopfd_host t_host;

/* Creates, configures (KEY, VALUE, ..., NULL) and opens; fails the test if one of them
 * fails. */
void *t_policy_open(const struct iopfd_policy *policy, const struct iopfd_region *region, ...)
	__attribute__((sentinel));

/* The same, but open has to fail, with this and with `words` in its explanation. */
void t_policy_refuses(const struct iopfd_policy *policy, const struct iopfd_region *region, int error,
		      const char *words, ...) __attribute__((sentinel));

/* One call, to its end. *ret_pending (if not NULL): it ended later. */
int t_policy_fill(const struct iopfd_policy *policy, void *instance, uint64_t offset, uint64_t length,
		  uint32_t access, struct iopfd_memory *ret, bool *ret_pending);

/* Several fills at once; their results and memories. */
void t_policy_fill_many(const struct iopfd_policy *policy, void *instance, const uint64_t offsets[], size_t n,
			uint64_t length, int ret_results[], struct iopfd_memory ret[]);

/* The value of one of its counters; there has to be one. */
uint64_t t_policy_counter(const struct iopfd_policy *policy, void *instance, const char *name);

/* What was logged since the last call. */
const char *t_host_log(void);
