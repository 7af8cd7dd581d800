/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Permissions are bits of the kernel's struct iommu_hwpt_pgfault, outcomes those of
 * iopfd-stats(7).
 */
#include "ctl/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "ctl/units.h"

#define MAGIC 0x74706f69u /* "iopt" */
#define VERSION 1u
#define PASID_NONE 0xffffffffu

#define PERM_READ (1u << 0)
#define PERM_WRITE (1u << 1)
#define PERM_EXEC (1u << 2)
#define PERM_PRIV (1u << 3)

_Static_assert(sizeof(struct trace_header) == 24 && sizeof(struct trace_record) == 128, "an interface");

int trace_check(const void *datagram, size_t size, struct trace_header *ret)
{
	struct trace_header h;

	if (size < sizeof(h))
		return -EBADMSG;
	memcpy(&h, datagram, sizeof(h));
	if (h.magic != MAGIC)
		return -EBADMSG;
	if (h.version != VERSION)
		return -EPROTO;
	if (h.header_size < sizeof(h) || h.record_size < sizeof(struct trace_record) ||
	    h.header_size + (size_t)h.n_records * h.record_size > size)
		return -EBADMSG;
	*ret = h;
	return 0;
}

void trace_read(const void *datagram, const struct trace_header *h, size_t i, struct trace_record *ret)
{
	memcpy(ret, (const char *)datagram + h->header_size + i * h->record_size, sizeof(*ret));
	ret->device[TRACE_NAME_SIZE - 1] = ret->space[TRACE_NAME_SIZE - 1] = '\0';
}

static const char *outcome_name(uint32_t outcome)
{
	static const char *const names[] = { "success", "invalid", "stale" };

	return outcome < ARRAY_SIZE(names) ? names[outcome] : "unknown";
}

static const char *access_text(char text[static 5], uint32_t perm)
{
	snprintf(text, 5, "%s%s%s%s", perm & PERM_READ ? "r" : "", perm & PERM_WRITE ? "w" : "",
		 perm & PERM_EXEC ? "x" : "", perm & PERM_PRIV ? "p" : "");
	return *text ? text : "-";
}

void trace_print_title(FILE *out)
{
	fprintf(out, "%18s %-12s %-12s %7s %-14s %-4s %-8s %8s\n", "TIME", "DEVICE", "SPACE", "PASID", "IOVA", "PERM",
		"OUTCOME", "LATENCY");
}

void trace_print(const struct trace_record *r, FILE *out)
{
	char latency[UNITS_MAX], access[5], pasid[16] = "-";

	if (r->pasid != PASID_NONE)
		snprintf(pasid, sizeof(pasid), "%" PRIu32, r->pasid);
	fprintf(out, "%11" PRIu64 ".%06" PRIu64 " %-12s %-12s %7s 0x%012" PRIx64 " %-4s %-8s %8s",
		r->time_ns / 1000000000, r->time_ns / 1000 % 1000000, *r->device ? r->device : "-", r->space, pasid,
		r->iova, access_text(access, r->perm), outcome_name(r->outcome), units_ns(latency, r->latency_ns));
	/* A group gets one answer: which belong together shows. */
	if (r->n_records > 1)
		fprintf(out, " %" PRIu32 "/%" PRIu32, r->index + 1, r->n_records);
	fputc('\n', out);
}

static void number(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_unsigned(j, v);
}

static void text(struct json *j, const char *key, const char *v)
{
	json_key(j, key);
	json_string(j, v);
}

void trace_json(const struct trace_record *r, struct json *j)
{
	char access[5];

	json_begin(j, '{');
	number(j, "TimeNSec", r->time_ns);
	text(j, "Device", r->device);
	text(j, "Space", r->space);
	if (r->pasid != PASID_NONE)
		number(j, "Pasid", r->pasid);
	number(j, "Iova", r->iova);
	text(j, "Access", access_text(access, r->perm));
	text(j, "Outcome", outcome_name(r->outcome));
	number(j, "LatencyNSec", r->latency_ns);
	number(j, "Cookie", r->cookie);
	number(j, "Records", r->n_records);
	number(j, "Index", r->index);
	json_end(j, '}');
}
