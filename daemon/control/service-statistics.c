/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1.Statistics of the manager, of each device and of each space. sd-bus looks the
 * object up once for each message and interface, and that is when the snapshot is taken;
 * all properties are then plain fields of it. So one GetAll is of one moment.
 */
#include "control/service-members.h"

#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/stats-names.h"

static void *finish_snapshot(const struct service *s, struct service_snapshot *snapshot)
{
	const struct stats_values *v = &snapshot->values;
	const atomic_uint_fast64_t *dropped = s->directory->trace_dropped;

	snapshot->monotonic_usec = clock_now_ns() / NSEC_PER_USEC;
	snapshot->latency_p50_ns = histogram_percentile(&v->latency, 500);
	snapshot->latency_p99_ns = histogram_percentile(&v->latency, 990);
	snapshot->latency_p999_ns = histogram_percentile(&v->latency, 999);
	snapshot->faults_pending = (uint32_t)v->faults_pending;
	snapshot->faults_pending_max = (uint32_t)v->faults_pending_max;
	snapshot->trace_dropped = dropped ? atomic_load_explicit(dropped, memory_order_relaxed) : 0;
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
	*ret_found = finish_snapshot(s, &s->snapshot);
	return 1;
}

SERVICE_FIND(service_statistics_device)
{
	struct service *s = userdata;
	const struct device_entry *e = service_device_at(s, path);

	if (!e)
		return 0;
	directory_device_stats(e, &s->snapshot.values);
	*ret_found = finish_snapshot(s, &s->snapshot);
	return 1;
}

SERVICE_FIND(service_statistics_space)
{
	struct service *s = userdata;
	const struct space_entry *e = service_space_at(s, path);

	if (!e)
		return 0;
	directory_space_stats(s->directory, e, &s->snapshot.values);
	*ret_found = finish_snapshot(s, &s->snapshot);
	return 1;
}

/* (the longest duration that counts in the bucket, how many did), empty ones left out */
static int append_buckets(sd_bus_message *m, const uint64_t *buckets, unsigned n, uint64_t (*bucket_max)(unsigned bucket))
{
	int r = sd_bus_message_open_container(m, 'a', "(tt)");

	for (unsigned i = 0; i < n && r >= 0; i++)
		if (buckets[i])
			r = sd_bus_message_append(m, "(tt)", bucket_max(i), buckets[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

SERVICE_GETTER(get_latency_buckets)
{
	const struct histogram *h = userdata;

	return append_buckets(reply, h->buckets, HISTOGRAM_BUCKETS, histogram_bucket_max);
}

static int append_stage(sd_bus_message *m, const char *name, const struct histogram_coarse *h)
{
	int r = sd_bus_message_open_container(m, 'e', "sa(tt)");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = append_buckets(m, h->buckets, HISTOGRAM_COARSE_BUCKETS, histogram_coarse_bucket_max);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* All stages, in their order. */
SERVICE_GETTER(get_latency_by_stage)
{
#define STAGE_NAME(name, stage) [stage] = name,
	static const char *const names[] = { STATS_STAGES(STAGE_NAME) };
	const struct histogram_coarse *stages = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "{sa(tt)}");

	for (unsigned i = 0; i < STAGE_COUNT && r >= 0; i++)
		r = append_stage(reply, names[i], &stages[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* All that are numbers, in the order in which they are shown: X(name, type, field). */
#define COUNTERS(X)										\
	X("SnapshotMonotonicUSec", "t", monotonic_usec)						\
	X("FaultsTotal", "t", values.faults_total)						\
	X("FaultGroupsTotal", "t", values.fault_groups_total)					\
	X("FaultsRead", "t", values.faults_read)						\
	X("FaultsWrite", "t", values.faults_write)						\
	X("FaultsExec", "t", values.faults_exec)						\
	X("FaultsPasid", "t", values.faults_pasid)						\
	X("ResponsesSuccess", "t", values.responses_success)					\
	X("ResponsesInvalid", "t", values.responses_invalid)					\
	X("ResponsesStale", "t", values.responses_stale)					\
	X("RecordsMalformed", "t", values.records_malformed)					\
	X("FaultsPending", "u", faults_pending)							\
	X("FaultsPendingMax", "u", faults_pending_max)						\
	X("BytesMapped", "t", values.bytes_mapped)						\
	X("BytesUnmapped", "t", values.bytes_unmapped)						\
	X("Evictions", "t", values.evictions)							\
	X("Refaults", "t", values.refaults)							\
	X("BytesWrittenBack", "t", values.bytes_written_back)					\
	X("FillErrors", "t", values.fill_errors)						\
	X("GroupsOverBudget", "t", values.groups_over_budget)					\
	X("GroupsPastDeadline", "t", values.groups_past_deadline)				\
	X("ExtentsAround", "t", values.prefetched)						\
	X("ServiceTimeNSecSum", "t", values.service_time_sum_ns)				\
	X("ServiceTimeNSecMax", "t", values.service_time_max_ns)				\
	X("LatencyP50NSec", "t", latency_p50_ns)						\
	X("LatencyP99NSec", "t", latency_p99_ns)						\
	X("LatencyP999NSec", "t", latency_p999_ns)						\
	X("TraceDropped", "t", trace_dropped)

static const struct {
	const char *name;
	char type;
	size_t offset;
} counters[] = {
#define ROW(name, type, field) { name, type[0], offsetof(struct service_snapshot, field) },
	COUNTERS(ROW)
};

int service_statistics_append(const struct service *s, const struct stats_values *values, sd_bus_message *m)
{
	struct service_snapshot snapshot = { .values = *values };
	int r = sd_bus_message_open_container(m, 'a', "{st}");

	finish_snapshot(s, &snapshot);
	for (size_t i = 0; i < ARRAY_SIZE(counters) && r >= 0; i++) {
		const char *field = (const char *)&snapshot + counters[i].offset;
		uint64_t value = counters[i].type == 'u' ? *(const uint32_t *)(const void *)field :
							   *(const uint64_t *)(const void *)field;

		r = sd_bus_message_append(m, "{st}", counters[i].name, value);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

#define PROPERTY(name, type, field) SD_BUS_PROPERTY(name, type, NULL, offsetof(struct service_snapshot, field), 0),

const sd_bus_vtable service_statistics_vtable[] = {
	SD_BUS_VTABLE_START(0),
	COUNTERS(PROPERTY)
	SD_BUS_PROPERTY("LatencyBuckets", "a(tt)", get_latency_buckets,
			offsetof(struct service_snapshot, values.latency), SD_BUS_VTABLE_PROPERTY_EXPLICIT),
	SD_BUS_PROPERTY("LatencyByStage", "a{sa(tt)}", get_latency_by_stage,
			offsetof(struct service_snapshot, values.stages), SD_BUS_VTABLE_PROPERTY_EXPLICIT),
	SD_BUS_VTABLE_END,
};
