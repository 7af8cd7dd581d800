/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core does for policies: the struct iopfd_host that every instance gets.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include <iopfd/policy.h>

#include "policy/policy.h"

extern const struct iopfd_host policy_host;

/* policy_request.state */
enum {
	REQUEST_IDLE,
	REQUEST_UNDER_WAY,
	REQUEST_COMPLETED,
};

/* Around each call that may be pending. begin: how much of struct iopfd_memory a completion
 * comes with, 0 if it gives no memory. end: r is what the call returned; returns what it
 * means. */
static inline void policy_request_begin(struct policy_request *rq, size_t memory_size)
{
	rq->memory_size = memory_size;
	atomic_store_explicit(&rq->state, REQUEST_UNDER_WAY, memory_order_relaxed);
}

static inline int policy_request_end(struct policy_request *rq, int r)
{
	int expected = REQUEST_UNDER_WAY;

	if (r == IOPFD_PENDING)
		return r;
	/* Completed and returned: what was completed counts, and it comes by done(). */
	if (!atomic_compare_exchange_strong(&rq->state, &expected, REQUEST_IDLE))
		return IOPFD_PENDING;
	return r;
}
