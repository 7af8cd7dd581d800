/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/account.h"

#include <stddef.h>

/* Readers copy while we write, and throw such a copy away; relaxed atomics make that legal.
 * There is one writer, so load and store need not be one step. */
static void add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static void raise_to(uint64_t *maximum, uint64_t value)
{
	if (value > __atomic_load_n(maximum, __ATOMIC_RELAXED))
		__atomic_store_n(maximum, value, __ATOMIC_RELAXED);
}

void account_read(struct stats *s, const struct account_read *a)
{
	struct stats_values *v = &s->values;

	stats_begin(s);
	add(&v->faults_total, a->n_records);
	add(&v->fault_groups_total, a->n_groups);
	add(&v->faults_read, a->n_read);
	add(&v->faults_write, a->n_write);
	add(&v->faults_exec, a->n_exec);
	add(&v->faults_pasid, a->n_pasid);
	add(&v->records_malformed, a->n_malformed);
	add(&v->faults_pending, a->n_groups);
	raise_to(&v->faults_pending_max, v->faults_pending);
	stats_end(s);
}

void account_answered(struct stats *s, enum queue_outcome outcome, uint64_t n_groups, uint64_t latency_ns)
{
	struct stats_values *v = &s->values;

	stats_begin(s);
	add(outcome == QUEUE_SUCCESS ? &v->responses_success :
	    outcome == QUEUE_INVALID ? &v->responses_invalid : &v->responses_stale, n_groups);
	add(&v->faults_pending, -n_groups);
	add(&v->service_time_sum_ns, n_groups * latency_ns);
	raise_to(&v->service_time_max_ns, latency_ns);
	add(&v->latency.buckets[histogram_bucket(latency_ns)], n_groups);
	stats_end(s);
}

void account_stages(struct stats *s, const uint64_t ns[STAGE_COUNT], unsigned passed)
{
	stats_begin(s);
	for (; passed; passed &= passed - 1) {
		unsigned i = (unsigned)__builtin_ctz(passed);

		add(&s->values.stages[i].buckets[histogram_coarse_bucket(ns[i])], 1);
	}
	stats_end(s);
}

void account_mapped(struct stats *s, uint64_t bytes)
{
	stats_begin(s);
	add(&s->values.bytes_mapped, bytes);
	stats_end(s);
}

void account_unmapped(struct stats *s, uint64_t bytes)
{
	stats_begin(s);
	add(&s->values.bytes_unmapped, bytes);
	stats_end(s);
}

void account_event(struct stats *s, enum account_event event, uint64_t n)
{
	static const size_t offsets[] = {
		[ACCOUNT_EVICTION] = offsetof(struct stats_values, evictions),
		[ACCOUNT_REFAULT] = offsetof(struct stats_values, refaults),
		[ACCOUNT_BYTES_WRITTEN_BACK] = offsetof(struct stats_values, bytes_written_back),
		[ACCOUNT_FILL_ERROR] = offsetof(struct stats_values, fill_errors),
		[ACCOUNT_GROUP_OVER_BUDGET] = offsetof(struct stats_values, groups_over_budget),
		[ACCOUNT_GROUP_PAST_DEADLINE] = offsetof(struct stats_values, groups_past_deadline),
		[ACCOUNT_EXTENT_AROUND] = offsetof(struct stats_values, prefetched),
	};

	stats_begin(s);
	add((uint64_t *)(void *)((char *)&s->values + offsets[event]), n);
	stats_end(s);
}
