/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/account.h"

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

void account_group_read(struct stats *s, const struct uapi_fault_record *records, uint32_t n, uint32_t n_malformed)
{
	struct stats_values *v = &s->values;
	uint64_t n_read = 0, n_write = 0, n_exec = 0, n_pasid = 0;

	for (uint32_t i = 0; i < n; i++) {
		n_read += records[i].perm & UAPI_PERM_READ ? 1 : 0;
		n_write += records[i].perm & UAPI_PERM_WRITE ? 1 : 0;
		n_exec += records[i].perm & UAPI_PERM_EXEC ? 1 : 0;
		n_pasid += records[i].flags & UAPI_FAULT_PASID_VALID ? 1 : 0;
	}
	stats_begin(s);
	add(&v->faults_total, n);
	add(&v->fault_groups_total, 1);
	add(&v->faults_read, n_read);
	add(&v->faults_write, n_write);
	add(&v->faults_exec, n_exec);
	add(&v->faults_pasid, n_pasid);
	add(&v->records_malformed, n_malformed);
	add(&v->faults_pending, 1);
	raise_to(&v->faults_pending_max, v->faults_pending);
	stats_end(s);
}

void account_group_answered(struct stats *s, enum queue_outcome outcome, uint64_t latency_ns)
{
	struct stats_values *v = &s->values;

	stats_begin(s);
	add(outcome == QUEUE_SUCCESS ? &v->responses_success :
	    outcome == QUEUE_INVALID ? &v->responses_invalid : &v->responses_stale, 1);
	add(&v->faults_pending, -1ull);
	add(&v->service_time_sum_ns, latency_ns);
	raise_to(&v->service_time_max_ns, latency_ns);
	add(&v->latency.buckets[histogram_bucket(latency_ns)], 1);
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
	struct stats_values *v = &s->values;
	uint64_t *const counters[] = {
		[ACCOUNT_EVICTION] = &v->evictions,
		[ACCOUNT_REFAULT] = &v->refaults,
		[ACCOUNT_BYTES_WRITTEN_BACK] = &v->bytes_written_back,
		[ACCOUNT_FILL_ERROR] = &v->fill_errors,
		[ACCOUNT_GROUP_OVER_BUDGET] = &v->groups_over_budget,
		[ACCOUNT_GROUP_PAST_DEADLINE] = &v->groups_past_deadline,
		[ACCOUNT_EXTENT_AROUND] = &v->prefetched,
	};

	if (!n)
		return;
	stats_begin(s);
	add(counters[event], n);
	stats_end(s);
}
