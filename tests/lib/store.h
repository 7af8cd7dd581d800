/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One region of a policy, driven as the core drives it: a host of our own, calls that wait
 * for their completion, and a look at memory as a device has it.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <iopfd/policy.h>

struct iopfd_request {
	bool completed;
	int result;
	struct iopfd_memory memory;
	pthread_t thread; /* that completed it */
};

struct store {
	const struct iopfd_policy *ops;
	void *instance;
	struct iopfd_region region;
	char why[512]; /* of the last refusal */
};

extern const struct iopfd_host store_host;

/* What was logged: how many lines, and the last one. */
extern unsigned store_n_logged;
extern char store_logged[512];

/* settings: "KEY=VALUE" ..., NULL-terminated. The result of the first call that failed, or 0.
 * Ends with store_close() in any case. */
int store_open(struct store *s, const struct iopfd_policy *ops, uint64_t length, uint64_t granule, uint32_t access,
	       const char *const *settings);
void store_close(struct store *s);

/* The call, and its completion if it is pending. */
int store_fill(struct store *s, uint64_t offset, uint64_t length, uint32_t access, struct iopfd_memory *ret);
int store_release(struct store *s, uint64_t offset, uint64_t length, bool dirty);
int store_flush(struct store *s, uint64_t offset, uint64_t length);

/* For calls that are made by hand: has them begun; waits for the completion if `r` is
 * IOPFD_PENDING. */
void store_submit(struct store *s);
int store_wait(struct iopfd_request *request, int r);
bool store_is_completed(struct iopfd_request *request);

uint64_t store_counter(struct store *s, const char *name);

/* As a device: bytes of a filled range. */
void store_dma_write(const struct iopfd_memory *memory, uint64_t at, const void *bytes, uint64_t n);
void store_dma_read(const struct iopfd_memory *memory, uint64_t at, void *bytes, uint64_t n);
