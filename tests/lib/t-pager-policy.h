/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies of the pager's tests: "anon", and "fickle", which tracks what is dirty and
 * answers as it is told. Defines policy_table and swap_holds(), so whoever links it has no
 * other policies, and in swap is what the test says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <iopfd/policy.h>

struct t_hint {
	uint64_t offset, length;
};

extern int policy_error; /* IOPFD_PENDING: the requests are kept in pending[] */
extern struct iopfd_memory policy_answer;
extern const struct iopfd_host *policy_host_seen;
extern struct iopfd_request *pending[64];
extern unsigned n_pending, n_released, n_released_dirty, n_flushed, n_fills, n_submits;
extern struct t_hint hints[16]; /* what it was told to prefetch */
extern unsigned n_hints;

/* As if something were in swap. */
extern bool swapped;
extern unsigned n_swap_asked;
