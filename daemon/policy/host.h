/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core does for policies: the struct iopfd_host that every instance gets.
 */
#pragma once

#include <iopfd/policy.h>

extern const struct iopfd_host policy_host;

struct policy_request;

/* Around each call that may be pending. begin: how much of struct iopfd_memory a completion
 * comes with, 0 if it gives no memory. end: r is what the call returned; returns what it
 * means. */
void policy_request_begin(struct policy_request *rq, size_t memory_size);
int policy_request_end(struct policy_request *rq, int r);
