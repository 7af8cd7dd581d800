/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The counting of faults and answers: the only writer of struct stats. Each call is one
 * bracket, so that every copy a reader takes satisfies
 * FaultGroupsTotal = ResponsesSuccess + ResponsesInvalid + ResponsesStale + FaultsPending.
 */
#pragma once

#include "device/uapi.h"
#include "fault/queue.h"
#include "fault/stats.h"

/* What was read for one attachment. */
struct account_read {
	uint64_t n_groups;
	uint64_t n_records;
	uint64_t n_malformed;
	uint64_t n_read; /* records that ask for it; likewise below */
	uint64_t n_write;
	uint64_t n_exec;
	uint64_t n_pasid;
};

/* n that ask for the same as this one: all but the number of records. */
static inline void account_records(struct account_read *a, const struct uapi_fault_record *record, uint32_t n)
{
	a->n_read += record->perm & UAPI_PERM_READ ? n : 0;
	a->n_write += record->perm & UAPI_PERM_WRITE ? n : 0;
	a->n_exec += record->perm & UAPI_PERM_EXEC ? n : 0;
	a->n_pasid += record->flags & UAPI_FAULT_PASID_VALID ? n : 0;
}

void account_read(struct stats *s, const struct account_read *a);
void account_answered(struct stats *s, enum queue_outcome outcome, uint64_t n_groups, uint64_t latency_ns);
void account_stages(struct stats *s, const uint64_t ns[STAGE_COUNT], unsigned passed); /* bits: by stage */
void account_mapped(struct stats *s, uint64_t bytes);
void account_unmapped(struct stats *s, uint64_t bytes);

/* What is counted for the space, not for an attachment. */
enum account_event {
	ACCOUNT_EVICTION,
	ACCOUNT_REFAULT,
	ACCOUNT_BYTES_WRITTEN_BACK,
	ACCOUNT_FILL_ERROR,
	ACCOUNT_GROUP_OVER_BUDGET,
	ACCOUNT_GROUP_PAST_DEADLINE,
	ACCOUNT_EXTENT_AROUND,
};
void account_event(struct stats *s, enum account_event event, uint64_t n);
