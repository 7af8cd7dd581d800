/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of the counters and of the stages, as on the bus and in the page of statistics:
 * all fields of struct stats_values but the histogram.
 */
#pragma once

#include "fault/stats.h"

/* X(name, field), in the order of the fields. */
#define STATS_COUNTERS(X)                                   \
	X("FaultsTotal", faults_total)                      \
	X("FaultGroupsTotal", fault_groups_total)           \
	X("FaultsRead", faults_read)                        \
	X("FaultsWrite", faults_write)                      \
	X("FaultsExec", faults_exec)                        \
	X("FaultsPasid", faults_pasid)                      \
	X("ResponsesSuccess", responses_success)            \
	X("ResponsesInvalid", responses_invalid)            \
	X("ResponsesStale", responses_stale)                \
	X("RecordsMalformed", records_malformed)            \
	X("FaultsPending", faults_pending)                  \
	X("FaultsPendingMax", faults_pending_max)           \
	X("BytesMapped", bytes_mapped)                      \
	X("BytesUnmapped", bytes_unmapped)                  \
	X("Evictions", evictions)                           \
	X("Refaults", refaults)                             \
	X("BytesWrittenBack", bytes_written_back)           \
	X("FillErrors", fill_errors)                        \
	X("GroupsOverBudget", groups_over_budget)           \
	X("GroupsPastDeadline", groups_past_deadline)       \
	X("ExtentsAround", prefetched)                      \
	X("ServiceTimeNSecSum", service_time_sum_ns)        \
	X("ServiceTimeNSecMax", service_time_max_ns)

#define STATS_COUNT_ONE(name, field) +1
enum { STATS_N_COUNTERS = STATS_COUNTERS(STATS_COUNT_ONE) };

_Static_assert(sizeof(struct stats_values) == STATS_N_COUNTERS * sizeof(uint64_t) + sizeof(struct histogram) +
	       STAGE_COUNT * sizeof(struct histogram_coarse), "a counter without a name");

/* X(name, stage), in the order in which a group goes through them. */
#define STATS_STAGES(X)                                     \
	X("queue", STAGE_QUEUE)                             \
	X("held", STAGE_HELD)                               \
	X("room", STAGE_ROOM)                               \
	X("fill", STAGE_FILL)                               \
	X("map", STAGE_MAP)                                 \
	X("answer", STAGE_ANSWER)

_Static_assert(STATS_STAGES(STATS_COUNT_ONE) == STAGE_COUNT, "a stage without a name");
