/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's mock devices (the kernel's CONFIG_IOMMUFD_TEST) from outside: its /dev/iommu
 * is taken with pidfd_getfd(), and everything in it has a small number.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "kernel-mock.h"

#define MOCK_PAGE 4096u
#define MOCK_FIRST_IOVA 0x1000000ull /* the mock's page tables end at 2 GiB */

struct mock {
	int iommufd;
	uint32_t dev_id;   /* as in fault records */
	uint32_t stdev_id; /* for replacing */
	uint32_t group;    /* the index that the last group had */
	uint64_t groups;   /* triggered so far */
	uint64_t records;
};

/* What the kernel's device was answered since the machine started. */
struct mock_answers {
	uint64_t success;
	uint64_t invalid;
	uint64_t failure;
};

/* Device number `index` of the process, in the order in which it made them. Dies when there
 * is none. */
void mock_open(struct mock *m, pid_t process, unsigned index);
void mock_close(struct mock *m);

/* One record; a group ends with the first one without MOCK_MORE. pasid 0: the RID. */
void mock_trigger(struct mock *m, uint32_t pasid, uint64_t address, uint32_t perm);

/* A whole group of n records on pages that are `step` bytes apart. */
void mock_trigger_group(struct mock *m, uint32_t pasid, uint64_t address, uint32_t n, uint64_t step, uint32_t perm);

void mock_answers(struct mock_answers *ret);

/* Waits until the device got n answers since `before`; more would be wrong and are found by
 * looking again. Dies after a minute. */
void mock_wait_answers(const struct mock_answers *before, uint64_t n, struct mock_answers *ret);

/* The page table whose pages at the IOVA are those of our memory; 0 = none. */
uint32_t mock_find_hwpt(const struct mock *m, uint64_t iova, const void *memory);
int mock_check_map(const struct mock *m, uint32_t hwpt_id, uint64_t iova, uint64_t length, const void *memory);

/* Takes the RID or a PASID off the daemon's page table: the RID goes to an IOAS instead, for
 * the mock has no other way. And back. */
int mock_leave(const struct mock *m, uint32_t pasid, uint32_t ioas_id);
int mock_return(const struct mock *m, uint32_t pasid, uint32_t hwpt_id);

/* The lowest number that no object of the process has: grows when objects are left behind. */
uint32_t mock_next_id(pid_t process);

/* An IOAS that is no space of the daemon. */
uint32_t mock_new_ioas(const struct mock *m);
