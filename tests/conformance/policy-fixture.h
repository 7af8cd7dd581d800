/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the conformance suite of policies needs to know of a policy beyond its table: the
 * keys that make it work here, and what its memory has to be like.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iopfd/policy.h>

#include "policy/policy.h"

#define FIXTURE_SETTINGS_MAX 4

/* What backed_bytes() says. */
enum backing {
	BACKING_UNKNOWN, /* 0 */
	BACKING_KEPT,    /* all that was ever touched */
	BACKING_FILLED,  /* what is filled */
	BACKING_WHOLE,   /* always the whole region */
};

/* Filled by set_up(). */
struct policy_case {
	const struct iopfd_policy *ops;
	struct policy_setting settings[FIXTURE_SETTINGS_MAX];
	size_t n_settings;
};

struct policy_fixture {
	const char *name;
	uint64_t granule;
	uint64_t n_granules;
	bool discards;       /* what is released is gone */
	bool unchanged;      /* what was written is kept, but others never see it */
	bool is_private;     /* the memory is the policy's own, so that it can be on any node */
	enum backing backing;
	const char *amount;  /* a counter that may go down; or NULL */

	/* access: of the region. False: this machine cannot have it, and `why`. */
	bool (*set_up)(uint32_t access, struct policy_case *ret, char *why, size_t why_size);
	void (*tear_down)(void);

	/* What a device sees before it has written; NULL: zeroes. */
	void (*untouched)(uint64_t offset, uint8_t *bytes, uint64_t n);
	/* What others see of it after a flush; NULL: there are no others. */
	void (*durable)(uint64_t offset, uint8_t *bytes, uint64_t n);
};

extern const struct policy_fixture policy_anon_fixture, policy_anon_discard_fixture;
extern const struct policy_fixture policy_file_uring_fixture, policy_file_threads_fixture;
extern const struct policy_fixture policy_file_never_fixture, policy_file_tmpfs_fixture;
extern const struct policy_fixture policy_file_hugetlbfs_fixture;
extern const struct policy_fixture policy_hugepage_fixture, policy_hugepage_fallback_fixture;
extern const struct policy_fixture policy_fd_fixture;
extern const struct policy_fixture policy_pattern_fixture, policy_trouble_fixture;

/* For fixtures of files: bytes that tell where they belong (offset and n are multiples of
 * 8), and a memfd that is full of them. */
void fixture_fill(uint64_t offset, uint8_t *bytes, uint64_t n);
int fixture_memfd(uint64_t size, unsigned flags);

/* From the pool of 2M pages, which root may fill; it is put back when the program ends. */
bool fixture_huge_pages(uint64_t n, char *why, size_t why_size);
