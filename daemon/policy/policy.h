/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies that exist and the life of one instance of a policy for one region. Checks
 * every answer, so that a policy cannot make the core map what it should not: one that
 * answers nonsense fails its region, and nothing else. Policies themselves know
 * include/iopfd/policy.h only.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include <iopfd/policy.h>

#include "base/cleanup.h"

struct policy; /* one instance */

/* What the first version of a policy had: all that came later may be missing. */
#define POLICY_SIZE_MIN (offsetof(struct iopfd_policy, close) + sizeof(((struct iopfd_policy *)0)->close))

/* One call that may be pending, embedded in what it is about. One call at a time. */
struct policy_request {
	/* Any thread, after a call that returned IOPFD_PENDING, maybe before it returned. */
	void (*done)(struct policy_request *rq);
	int result;
	struct iopfd_memory memory;
	size_t memory_size; /* private: how much of it the policy knows */
	atomic_int state;   /* private */
};

struct policy_setting {
	const char *key;
	const char *value;
};

/* Built-in, or loaded from the folder. A negative errno: why says what to do. */
int policy_find(const char *name, const char *plugin_dir, const struct iopfd_policy **ret, char *why, size_t why_size);

/* For the configuration: 0; -ENOENT: no such policy. Loads nothing. */
int policy_check(const char *name, const char *plugin_dir);

/* For the configuration: 0; -ENOENT: the policy has no such key; -EINVAL: the value. Plugins
 * are not asked: they take any key until they are opened. */
int policy_check_setting(const char *name, const char *key, const char *value, char *why, size_t why_size);

/* Names of the built-in ones. NULL-terminated. */
const char *const *policy_names(void);

/* The keys of a built-in policy, NULL-terminated; NULL for any other name. */
const char *const *policy_keys(const char *name);

/* What a granule has at least because of this setting or, key being NULL, with the policy's
 * defaults. 0: nothing, or nothing known before it is opened. */
uint64_t policy_min_granule(const char *name, const char *key, const char *value);

/* Control thread. The region's strings are copied. */
int policy_open(const struct iopfd_policy *ops, const struct iopfd_region *region,
		const struct policy_setting *settings, size_t n_settings, struct policy **ret, char *why,
		size_t why_size);
struct policy *policy_close(struct policy *p); /* takes NULL, returns NULL */
DEFINE_CLEANUP(struct policy, policy_close)

/* Shard. Range inside the region, granules only (asserted). Return 0 (rq->memory is set by
 * a fill), IOPFD_PENDING (rq->done follows), IOPFD_NOSPACE (fill only), or a negative errno;
 * -EBADE: the policy's answer made no sense. */
int policy_fill(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length, uint32_t access);
int policy_release(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length, bool dirty);
int policy_flush(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length);
void policy_prefetch(struct policy *p, uint64_t offset, uint64_t length);

/* Shard, after calls that are pending: no others follow for now. */
void policy_submit(struct policy *p);

/* Shard, after done: what the call that was pending would have returned. */
int policy_fill_result(struct policy *p, const struct policy_request *rq, uint64_t length);

/* Facts that never change. */
const char *policy_name(const struct policy *p);
bool policy_tracks_dirty(const struct policy *p);
bool policy_releases(const struct policy *p);

/* Control thread, while the shard uses the policy. */
int policy_memory(struct policy *p, struct iopfd_memory *ret_memory);       /* -EOPNOTSUPP: no one file is it */
uint64_t policy_backed_bytes(struct policy *p);                             /* 0 where it is unknown */
size_t policy_stats(struct policy *p, struct iopfd_counter *ret, size_t n); /* how many there are */

/* Defined in policies.c, the one place where policies are listed; tests bring their own. */
struct policy_builtin {
	const struct iopfd_policy *ops;
	const char *const *keys; /* NULL-terminated; or NULL */
	uint64_t (*min_granule)(const char *key, const char *value); /* or NULL */
};
extern const struct policy_builtin policy_table[]; /* ends with ops NULL */
extern const struct iopfd_policy policy_anon;
extern const struct iopfd_policy policy_file;
extern const struct iopfd_policy policy_hugepage;
extern const struct iopfd_policy policy_fd;
uint64_t hugepage_min_granule(const char *key, const char *value);
