/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread of one policy instance, for fills that zero, read or wait so long that the
 * thread that serves faults must not do them. Each instance has its own, so that a slow
 * region delays no other; jobs run in the order they came in.
 */
#pragma once

#include <iopfd/policy.h>

#include "base/cleanup.h"

struct helper;

/* On the helper's thread: what the fill returns; never IOPFD_PENDING. */
typedef int (*helper_fill_fn)(void *instance, uint64_t offset, uint64_t length, struct iopfd_memory *ret_memory);

/* On the helper's thread as well: makes so much of what was wished for, or not. */
typedef void (*helper_wish_fn)(void *instance, uint64_t offset);

/* name: of the thread, at most 15 characters. */
int helper_new(const char *name, const struct iopfd_host *host, helper_fill_fn fill, void *instance,
	       struct helper **ret);
struct helper *helper_free(struct helper *h); /* nothing is under way; takes NULL, returns NULL */
DEFINE_CLEANUP(struct helper, helper_free)

/* Before the first wish: fn does `step` bytes at a time, between jobs. */
void helper_take_wishes(struct helper *h, helper_wish_fn fn, uint64_t step);

/* The thread that serves faults: a range that would be good to have. It is done while there is
 * no job, and a later wish takes its place. */
void helper_wish(struct helper *h, uint64_t offset, uint64_t length);

/* Both on the thread that serves faults. submit: IOPFD_PENDING, and the request is completed by
 * the helper's thread, but begun only by the next begin, which wakes it once for all that were
 * submitted; or -ENOMEM, and nothing comes. */
int helper_submit(struct helper *h, struct iopfd_request *request, uint64_t offset, uint64_t length);
void helper_begin(struct helper *h);
