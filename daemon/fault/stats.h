/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is counted for each attachment and each space, and how other threads read it. One
 * thread, the shard, writes; it brackets the changes of one event (one call of account.h)
 * with stats_begin() and stats_end(). A reader copies until no bracket was open or closed
 * meanwhile (a seqlock), so every copy is of one moment and the writer never waits. Inside a
 * bracket the writer changes values with relaxed atomic stores, for readers may look.
 * Meanings: org.iopfd1(5).
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/histogram.h"

/* What a group is at, from when it was read until its answer was written: see stages.h. */
enum stage {
	STAGE_QUEUE,
	STAGE_HELD,
	STAGE_ROOM,
	STAGE_FILL,
	STAGE_MAP,
	STAGE_ANSWER,
	STAGE_COUNT,
};

/* Sums and snapshots; plain data. */
struct stats_values {
	uint64_t faults_total;
	uint64_t fault_groups_total;
	uint64_t faults_read;
	uint64_t faults_write;
	uint64_t faults_exec;
	uint64_t faults_pasid;
	uint64_t responses_success;
	uint64_t responses_invalid;
	uint64_t responses_stale;
	uint64_t records_malformed;
	uint64_t faults_pending;      /* groups */
	uint64_t faults_pending_max;
	uint64_t bytes_mapped;        /* ever */
	uint64_t bytes_unmapped;      /* ever */
	uint64_t evictions;           /* extents unmapped for lack of room */
	uint64_t refaults;            /* granules mapped again not long after that */
	uint64_t bytes_written_back;
	uint64_t fill_errors;         /* fills that a policy could not end well */
	uint64_t groups_over_budget;  /* answered INVALID: larger than the whole budget */
	uint64_t groups_past_deadline; /* answered INVALID: too old */
	uint64_t prefetched;          /* extents mapped around a fault that did not ask for them */
	uint64_t service_time_sum_ns;
	uint64_t service_time_max_ns;
	struct histogram latency;
	struct histogram_coarse stages[STAGE_COUNT]; /* of groups that were sampled */
};

struct stats {
	atomic_uint sequence; /* odd while the writer changes it */
	struct stats_values values;
};

/* Writer. */
void stats_begin(struct stats *s);
void stats_end(struct stats *s);

/* Any thread: one consistent copy. */
void stats_read(const struct stats *s, struct stats_values *ret);

/* Adds everything of `other`; maxima are taken, not added. */
void stats_merge(struct stats_values *sum, const struct stats_values *other);
