/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One region of a policy, used as the core uses it and through the core's own policy.h: the
 * calls, what a device sees and writes, and a copy of what it has to see. What fails where
 * nothing may fail, or is completed any other number of times than once, fails the test.
 */
#pragma once

#include "policy-fixture.h"
#include "policy-wrap.h"

#define DRIVE_GRANULES_MAX 64u
#define READ IOPFD_ACCESS_READ
#define WRITE IOPFD_ACCESS_WRITE

struct drive_call {
	struct policy_request rq;
	struct drive *drive;
	struct drive_call *next; /* all calls of the region, to its end */
	enum wrap_call kind;
	uint64_t first;
	uint64_t n;
	uint32_t access;
	int returned;
	int result;
	unsigned n_done;
};

struct drive {
	const struct policy_fixture *fixture;
	enum wrap wrap;
	struct policy_case set_up;
	struct policy *policy;
	uint32_t access;
	uint64_t granule;
	uint64_t n_granules;
	uint64_t length;
	uint8_t *shadow;            /* what a device has to see */
	uint8_t *bytes;             /* of one granule, for comparisons */
	uint32_t filled[DRIVE_GRANULES_MAX]; /* access; 0: not filled */
	struct { uint64_t first, n; } range[DRIVE_GRANULES_MAX]; /* of granules that it was filled with */
	struct iopfd_memory memory[DRIVE_GRANULES_MAX];
	bool may_be_gone[DRIVE_GRANULES_MAX]; /* its bytes, after a release that failed */
	struct drive_call *calls;
	uint64_t random;
};

/* False: not on this machine, and `why`. numa_node: -1. */
bool drive_open(struct drive *d, const struct policy_fixture *fixture, enum wrap wrap, uint32_t access,
		int32_t numa_node, char *why, size_t why_size);
void drive_close(struct drive *d);

/* What the core asks for on a read: all rights, unless the policy counts what was written. */
uint32_t drive_read_access(const struct drive *d);

/* One call; _wait returns its result, however it comes. A result is noted when it is taken. */
struct drive_call *drive_start(struct drive *d, enum wrap_call kind, uint64_t first, uint64_t n, uint32_t access);
bool drive_has_ended(struct drive_call *c);
int drive_wait(struct drive_call *c);

/* To success; only a wrapper that fails may need more than one try. */
void drive_fill(struct drive *d, uint64_t first, uint64_t n, uint32_t access);
void drive_release(struct drive *d, uint64_t first, uint64_t n);
void drive_flush(struct drive *d, uint64_t first, uint64_t n);
void drive_sync(struct drive *d);

/* The device, on filled granules. */
void drive_write(struct drive *d, uint64_t granule);
void drive_check(struct drive *d, uint64_t first, uint64_t n);

/* Anybody who has the memory of a granule. */
void drive_poke(struct drive *d, const struct iopfd_memory *memory, uint64_t at, const void *bytes, uint64_t n);

/* What others see of all of it is what the device wrote. */
void drive_check_durable(struct drive *d);

uint64_t drive_random(struct drive *d, uint64_t below);
