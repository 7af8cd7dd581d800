/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies that exist and the life of one instance of a policy for one region. Checks
 * every answer, so that a policy cannot make the core map what it should not. Policies
 * themselves know include/iopfd/policy.h only.
 */
#pragma once

#include <iopfd/policy.h>

#include "base/cleanup.h"

struct policy; /* one instance */

/* NULL when there is no such policy. */
const struct iopfd_policy *policy_find(const char *name);

/* Names for messages and for the configuration's check; NULL-terminated. */
const char *const *policy_names(void);

/* Control thread. The region's strings are needed during the call only. */
int policy_open(const struct iopfd_policy *ops, const struct iopfd_region *region, struct policy **ret);
struct policy *policy_close(struct policy *p); /* takes NULL, returns NULL */
DEFINE_CLEANUP(struct policy, policy_close)

/* Shard. Range inside the region, granules only (asserted). -EBADE: the policy's answer made
 * no sense. */
int policy_fill(struct policy *p, uint64_t offset, uint64_t length, uint32_t access, struct iopfd_memory *ret_memory);

/* Control thread. -EOPNOTSUPP where no single file is the truth. */
int policy_memory(struct policy *p, struct iopfd_memory *ret_memory);

/* Defined in policies.c, the one place where policies are listed; tests bring their own. */
extern const struct iopfd_policy *const policy_table[]; /* NULL-terminated */
extern const struct iopfd_policy policy_anon;
