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

void account_group_read(struct stats *s, const struct uapi_fault_record *records, uint32_t n, uint32_t n_malformed);
void account_group_answered(struct stats *s, enum queue_outcome outcome, uint64_t latency_ns);
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
