/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seqlock of stats.h. The writer stores the values themselves with relaxed atomics and
 * the reader loads them so, which makes a torn copy legal; the fences order the values
 * against the sequence, so that a torn copy is seen as one.
 */
#include "fault/stats.h"

#include <assert.h>
#include <sched.h>
#include <stddef.h>

#include "base/util.h"

/* Fences are unknown to gcc's thread sanitizer. It needs none here: every shared access is
 * atomic. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wtsan"
#endif

static_assert(sizeof(struct stats_values) % sizeof(uint64_t) == 0, "values are copied as 64-bit words");

void stats_begin(struct stats *s)
{
	unsigned sequence = atomic_load_explicit(&s->sequence, memory_order_relaxed);

	assert(!(sequence & 1));
	atomic_store_explicit(&s->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void stats_end(struct stats *s)
{
	unsigned sequence = atomic_load_explicit(&s->sequence, memory_order_relaxed);

	assert(sequence & 1);
	atomic_store_explicit(&s->sequence, sequence + 1, memory_order_release);
}

void stats_read(const struct stats *s, struct stats_values *ret)
{
	const uint64_t *from = (const uint64_t *)&s->values;
	uint64_t *to = (uint64_t *)ret;
	unsigned before, after;

	for (;;) {
		before = atomic_load_explicit(&s->sequence, memory_order_acquire);
		for (size_t i = 0; i < sizeof(*ret) / sizeof(*to); i++)
			to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&s->sequence, memory_order_relaxed);
		if (before == after && !(before & 1))
			return;
		/* The writer may have been preempted by us. */
		sched_yield();
	}
}

void stats_merge(struct stats_values *sum, const struct stats_values *other)
{
	sum->faults_total += other->faults_total;
	sum->fault_groups_total += other->fault_groups_total;
	sum->faults_read += other->faults_read;
	sum->faults_write += other->faults_write;
	sum->faults_exec += other->faults_exec;
	sum->faults_pasid += other->faults_pasid;
	sum->responses_success += other->responses_success;
	sum->responses_invalid += other->responses_invalid;
	sum->responses_stale += other->responses_stale;
	sum->records_malformed += other->records_malformed;
	sum->faults_pending += other->faults_pending;
	sum->faults_pending_max = MAX(sum->faults_pending_max, other->faults_pending_max);
	sum->bytes_mapped += other->bytes_mapped;
	sum->bytes_unmapped += other->bytes_unmapped;
	sum->evictions += other->evictions;
	sum->refaults += other->refaults;
	sum->bytes_written_back += other->bytes_written_back;
	sum->fill_errors += other->fill_errors;
	sum->groups_over_budget += other->groups_over_budget;
	sum->groups_past_deadline += other->groups_past_deadline;
	sum->prefetched += other->prefetched;
	sum->service_time_sum_ns += other->service_time_sum_ns;
	sum->service_time_max_ns = MAX(sum->service_time_max_ns, other->service_time_max_ns);
	histogram_merge(&sum->latency, &other->latency);
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		histogram_coarse_merge(&sum->stages[i], &other->stages[i]);
}
