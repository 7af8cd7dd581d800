/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1.Statistics of the manager, of each device and of each space. sd-bus looks the
 * object up once for each message and interface, and that is when the snapshot is taken;
 * all properties are then plain fields of it. So one GetAll is of one moment.
 */
#include "control/service-internal.h"

#include <string.h>

#include "base/clock.h"

static void *finish_snapshot(struct service_snapshot *snapshot)
{
	const struct stats_values *v = &snapshot->values;

	snapshot->monotonic_usec = clock_now_ns() / NSEC_PER_USEC;
	snapshot->latency_p50_ns = histogram_percentile(&v->latency, 500);
	snapshot->latency_p99_ns = histogram_percentile(&v->latency, 990);
	snapshot->latency_p999_ns = histogram_percentile(&v->latency, 999);
	snapshot->faults_pending = (uint32_t)v->faults_pending;
	snapshot->faults_pending_max = (uint32_t)v->faults_pending_max;
	return snapshot;
}

/* Each function knows the objects of one node only: what is found below two nodes would be
 * listed twice. */

SERVICE_FIND(service_statistics_total)
{
	struct service *s = userdata;

	if (strcmp(path, SERVICE_PATH))
		return 0;
	directory_total_stats(s->directory, &s->snapshot.values);
	*ret_found = finish_snapshot(&s->snapshot);
	return 1;
}

SERVICE_FIND(service_statistics_device)
{
	struct service *s = userdata;
	const struct device_entry *e = service_device_at(s, path);

	if (!e)
		return 0;
	directory_device_stats(e, &s->snapshot.values);
	*ret_found = finish_snapshot(&s->snapshot);
	return 1;
}

SERVICE_FIND(service_statistics_space)
{
	struct service *s = userdata;
	const struct space_entry *e = service_space_at(s, path);

	if (!e)
		return 0;
	directory_space_stats(s->directory, e, &s->snapshot.values);
	*ret_found = finish_snapshot(&s->snapshot);
	return 1;
}

/* (the longest duration that counts in the bucket, how many did), empty ones left out */
SERVICE_GETTER(get_latency_buckets)
{
	const struct histogram *h = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(tt)");

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && r >= 0; i++)
		if (h->buckets[i])
			r = sd_bus_message_append(reply, "(tt)", histogram_bucket_max(i), h->buckets[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

#define COUNTER(name, type, field) SD_BUS_PROPERTY(name, type, NULL, offsetof(struct service_snapshot, field), 0)

const sd_bus_vtable service_statistics_vtable[] = {
	SD_BUS_VTABLE_START(0),
	COUNTER("SnapshotMonotonicUSec", "t", monotonic_usec),
	COUNTER("FaultsTotal", "t", values.faults_total),
	COUNTER("FaultGroupsTotal", "t", values.fault_groups_total),
	COUNTER("FaultsRead", "t", values.faults_read),
	COUNTER("FaultsWrite", "t", values.faults_write),
	COUNTER("FaultsExec", "t", values.faults_exec),
	COUNTER("FaultsPasid", "t", values.faults_pasid),
	COUNTER("ResponsesSuccess", "t", values.responses_success),
	COUNTER("ResponsesInvalid", "t", values.responses_invalid),
	COUNTER("ResponsesStale", "t", values.responses_stale),
	COUNTER("RecordsMalformed", "t", values.records_malformed),
	COUNTER("FaultsPending", "u", faults_pending),
	COUNTER("FaultsPendingMax", "u", faults_pending_max),
	COUNTER("BytesMapped", "t", values.bytes_mapped),
	COUNTER("BytesUnmapped", "t", values.bytes_unmapped),
	COUNTER("Evictions", "t", values.evictions),
	COUNTER("Refaults", "t", values.refaults),
	COUNTER("BytesWrittenBack", "t", values.bytes_written_back),
	COUNTER("FillErrors", "t", values.fill_errors),
	COUNTER("GroupsOverBudget", "t", values.groups_over_budget),
	COUNTER("GroupsPastDeadline", "t", values.groups_past_deadline),
	COUNTER("ExtentsAround", "t", values.prefetched),
	COUNTER("ServiceTimeNSecSum", "t", values.service_time_sum_ns),
	COUNTER("ServiceTimeNSecMax", "t", values.service_time_max_ns),
	COUNTER("LatencyP50NSec", "t", latency_p50_ns),
	COUNTER("LatencyP99NSec", "t", latency_p99_ns),
	COUNTER("LatencyP999NSec", "t", latency_p999_ns),
	SD_BUS_PROPERTY("LatencyBuckets", "a(tt)", get_latency_buckets,
			offsetof(struct service_snapshot, values.latency), SD_BUS_VTABLE_PROPERTY_EXPLICIT),
	SD_BUS_VTABLE_END,
};
