/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table names each family and where its numbers come from; rows of one family stand
 * together, as the format wants it. A number that this daemon does not have is left out.
 *
 * The bounds of the histogram are powers of two, where buckets of the daemon end exactly, so
 * that nothing is interpolated.
 */
#include "ctl/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "ctl/client.h"
#include "ctl/object.h"

#define FIRST_BOUND 10 /* 2^10 ns, about a microsecond */
#define LAST_BOUND 34  /* 17 s */

/* Whose number it is. */
enum level {
	MANAGER,       /* a property */
	TOTAL,         /* a counter of all */
	DEVICE,        /* a counter of each */
	SPACE,         /* a property of each */
	SPACE_COUNTER,
};

struct row {
	const char *family;
	enum level level;
	bool counter;
	const char *property;
	const char *help; /* NULL: one more row of the family above */
	double unit;      /* what 1 is in the unit of the family; 0 = 1, an integer */
	const char *label; /* beside the device or space; NULL = none */
	const char *value; /* of the label */
};

static const struct row rows[] = {
	{ "iopfd_devices", MANAGER, false, "DeviceCount", "Configured devices.", 0, NULL, NULL },
	{ "iopfd_locked_bytes_limit", MANAGER, false, "LockedBytesLimit", "The most there may be.", 0, NULL, NULL },
	{ "iopfd_config_serial", MANAGER, false, "ConfigSerial", "Configurations loaded so far.", 0, NULL, NULL },
	{ "iopfd_config_load_timestamp_seconds", MANAGER, false, "ConfigLoadTimestampUSec",
	  "When the configuration was loaded.", 1e-6, NULL, NULL },
	{ "iopfd_trace_dropped", TOTAL, true, "TraceDropped", "Trace records that slow readers lost.", 0, NULL, NULL },
	{ "iopfd_faults", DEVICE, true, "FaultsRead", "Fault records by the access asked for.", 0, "access", "read" },
	{ "iopfd_faults", DEVICE, true, "FaultsWrite", NULL, 0, "access", "write" },
	{ "iopfd_faults", DEVICE, true, "FaultsExec", NULL, 0, "access", "exec" },
	{ "iopfd_fault_records", DEVICE, true, "FaultsTotal", "Fault records read.", 0, NULL, NULL },
	{ "iopfd_fault_records_pasid", DEVICE, true, "FaultsPasid", "Fault records with a PASID.", 0, NULL, NULL },
	{ "iopfd_fault_records_malformed", DEVICE, true, "RecordsMalformed", "Malformed ones.", 0, NULL, NULL },
	{ "iopfd_fault_groups", DEVICE, true, "FaultGroupsTotal", "Groups read; each gets one answer.", 0, NULL, NULL },
	{ "iopfd_responses", DEVICE, true, "ResponsesSuccess", "Answers to fault groups.", 0, "code", "success" },
	{ "iopfd_responses", DEVICE, true, "ResponsesInvalid", NULL, 0, "code", "invalid" },
	{ "iopfd_responses", DEVICE, true, "ResponsesStale", NULL, 0, "code", "stale" },
	{ "iopfd_pending_faults", DEVICE, false, "FaultsPending", "Fault groups not yet answered.", 0, NULL, NULL },
	{ "iopfd_fill_errors", DEVICE, true, "FillErrors", "Fills that a policy could not end well.", 0, NULL, NULL },
	{ "iopfd_groups_over_budget", DEVICE, true, "GroupsOverBudget", "Groups refused: larger than the whole budget.",
	  0, NULL, NULL },
	{ "iopfd_groups_past_deadline", DEVICE, true, "GroupsPastDeadline", "Groups refused: too old.", 0, NULL, NULL },
	{ "iopfd_mapped_bytes", SPACE, false, "MappedBytes", "Memory mapped, and so pinned.", 0, NULL, NULL },
	{ "iopfd_backed_bytes", SPACE, false, "BackedBytes", "Memory and swap that regions occupy.", 0, NULL, NULL },
	{ "iopfd_budget_bytes", SPACE, false, "Budget", "The most that may be mapped; 0: no limit of its own.", 0, NULL,
	  NULL },
	{ "iopfd_extents_mapped", SPACE, false, "ExtentsMapped", "Pieces that are mapped.", 0, NULL, NULL },
	{ "iopfd_map_bytes", SPACE_COUNTER, true, "BytesMapped", "Bytes mapped, ever.", 0, NULL, NULL },
	{ "iopfd_unmap_bytes", SPACE_COUNTER, true, "BytesUnmapped", "Bytes unmapped, ever.", 0, NULL, NULL },
	{ "iopfd_evictions", SPACE_COUNTER, true, "Evictions", "Extents unmapped for lack of room.", 0, NULL, NULL },
	{ "iopfd_refaults", SPACE_COUNTER, true, "Refaults", "Granules asked for soon after eviction.", 0, NULL, NULL },
	{ "iopfd_written_back_bytes", SPACE_COUNTER, true, "BytesWrittenBack", "Bytes given to a policy to keep.", 0,
	  NULL, NULL },
};

static void header(FILE *out, const char *family, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void label(FILE *out, char before, const char *name, const char *value)
{
	fprintf(out, "%c%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else
			fprintf(out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	}
	fputc('"', out);
}

static void number(FILE *out, const struct row *row, uint64_t v)
{
	if (row->unit > 0)
		fprintf(out, " %.6f\n", (double)v * row->unit);
	else if (v == UINT64_MAX)
		fputs(" +Inf\n", out);
	else
		fprintf(out, " %" PRIu64 "\n", v);
}

/* The object's kind and name are a label; NULL: it is of the daemon. */
static void sample(FILE *out, const struct row *row, const char *kind, const char *name, const struct variant *v)
{
	if (!v)
		return;
	fprintf(out, "%s%s", row->family, row->counter ? "_total" : "");
	if (kind)
		label(out, '{', kind, name);
	if (row->label)
		label(out, kind ? ',' : '{', row->label, row->value);
	fputs(kind || row->label ? "}" : "", out);
	number(out, row, variant_number(v));
}

/* The property of one object, if it is of the kind that the row is about. */
static const struct variant *number_of(const struct variant *object, const struct row *row)
{
	const char *kind = row->level == DEVICE ? CLIENT_DEVICE : CLIENT_SPACE;
	const char *interface = row->level == SPACE ? CLIENT_SPACE : CLIENT_STATISTICS;

	return variant_get(object, kind) ? variant_get(variant_get(object, interface), row->property) : NULL;
}

static const struct variant *total_of(const struct snapshot *m, const struct row *row)
{
	return variant_get(row->level == TOTAL ? m->statistics : m->manager, row->property);
}

static bool exists(const struct snapshot *m, const struct row *row)
{
	if (row->level == MANAGER || row->level == TOTAL)
		return total_of(m, row);
	for (size_t i = 0; i < variant_count(m->objects); i++)
		if (number_of(m->objects->items[i], row))
			return true;
	return false;
}

static void write_row(const struct snapshot *m, const struct row *row, FILE *out)
{
	if (!exists(m, row))
		return;
	if (row->help)
		header(out, row->family, row->counter ? "counter" : "gauge", row->help);
	if (row->level == MANAGER || row->level == TOTAL)
		sample(out, row, NULL, NULL, total_of(m, row));
	else
		for (size_t i = 0; i < variant_count(m->objects); i++)
			sample(out, row, row->level == DEVICE ? "device" : "space",
			       object_name(m->objects->items[i]->key), number_of(m->objects->items[i], row));
}

/* "info" would be the type for it, which the older format does not have. */
static void write_build(const struct snapshot *m, FILE *out)
{
	header(out, "iopfd_build_info", "gauge", "The version of the daemon and its event loop.");
	fputs("iopfd_build_info", out);
	label(out, '{', "version", variant_string(variant_get(m->manager, "Version")));
	label(out, ',', "backend", variant_string(variant_get(m->manager, "Backend")));
	fputs("} 1\n", out);
}

static void write_states(const struct snapshot *m, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < variant_count(m->objects); i++) {
		const struct variant *device = object_at(m->objects, i, CLIENT_DEVICE);

		if (!device)
			continue;
		if (!any)
			header(out, "iopfd_device_active", "gauge", "1: the faults of the device are served.");
		any = true;
		fputs("iopfd_device_active", out);
		label(out, '{', "device", object_name(m->objects->items[i]->key));
		fprintf(out, "} %d\n", !strcmp(variant_string(variant_get(device, "State")), "active"));
	}
}

/* What is mapped is pinned; a daemon that counts it itself may know better. */
static void write_locked(const struct snapshot *m, FILE *out)
{
	const struct variant *locked = variant_get(m->manager, "LockedBytes");
	uint64_t sum = variant_number(locked);

	for (size_t i = 0; i < variant_count(m->objects) && !locked; i++)
		sum += variant_number(variant_get(object_at(m->objects, i, CLIENT_SPACE), "MappedBytes"));
	header(out, "iopfd_locked_bytes", "gauge", "Memory pinned for devices.");
	fprintf(out, "iopfd_locked_bytes %" PRIu64 "\n", sum);
}

static void write_histogram(const struct buckets *b, const char *device, uint64_t sum_ns, FILE *out)
{
	for (unsigned bound = FIRST_BOUND; bound <= LAST_BOUND; bound++) {
		fputs("iopfd_fault_service_seconds_bucket", out);
		label(out, '{', "device", device);
		fprintf(out, ",le=\"%.12g\"} %" PRIu64 "\n", (double)(1ull << bound) / 1e9,
			buckets_up_to(b, 1ull << bound));
	}
	fputs("iopfd_fault_service_seconds_bucket", out);
	label(out, '{', "device", device);
	fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\niopfd_fault_service_seconds_count", buckets_total(b));
	label(out, '{', "device", device);
	fprintf(out, "} %" PRIu64 "\niopfd_fault_service_seconds_sum", buckets_total(b));
	label(out, '{', "device", device);
	fprintf(out, "} %.9f\n", (double)sum_ns / 1e9);
}

static void write_latencies(const struct snapshot *m, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < variant_count(m->objects); i++) {
		const struct variant *object = m->objects->items[i], *counters = variant_get(object, CLIENT_STATISTICS);

		if (!variant_get(object, CLIENT_DEVICE) || !m->latency[i].items)
			continue;
		if (!any)
			header(out, "iopfd_fault_service_seconds", "histogram",
			       "From the read of a fault group to its answer.");
		any = true;
		write_histogram(&m->latency[i], object_name(object->key),
				variant_number(variant_get(counters, "ServiceTimeNSecSum")), out);
	}
}

void metrics_write(const struct snapshot *m, FILE *out)
{
	write_build(m, out);
	write_states(m, out);
	write_locked(m, out);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		write_row(m, &rows[i], out);
	write_latencies(m, out);
	fputs("# EOF\n", out);
}
