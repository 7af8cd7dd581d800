/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state as text, for people who look for what is wrong. Nothing reads it again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "fault/stats-names.h"
#include "managed.h"

static void dump_counters(FILE *out, const char *indent, const struct stats_values *v)
{
	const struct {
		const char *name;
		uint64_t value;
	} counters[] = {
#define ROW(name, field) { name, v->field },
		STATS_COUNTERS(ROW)
	};

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		if (counters[i].value)
			fprintf(out, "%s%s: %" PRIu64 "\n", indent, counters[i].name, counters[i].value);
}

static void dump_attachment(FILE *out, const struct attachment_entry *a)
{
	struct stats_values values;

	if (a->pasid == PASID_NONE)
		fprintf(out, "  RID");
	else
		fprintf(out, "  PASID %" PRIu32, a->pasid);
	fprintf(out, " in space %s: %s\n", a->space->name, a->attached ? "attached" : "not attached");
	stats_read(a->stats, &values);
	dump_counters(out, "    ", &values);
}

static void dump_device(FILE *out, struct device_entry *e)
{
	const struct attachment_entry *a;

	fprintf(out, "device %s: %s, address %s%s%s\n", e->name, device_state_to_string(e->state), e->address,
		e->lent ? ", lent" : "", managed_device(e)->ended ? ", a step is under way" : "");
	if (e->source && *e->source)
		fprintf(out, "  configured in %s\n", e->source);
	if (e->error_text)
		fprintf(out, "  error %d: %s\n", e->error, e->error_text);
	TAILQ_FOREACH(a, &e->attachments, link)
		dump_attachment(out, a);
}

static void dump_region(FILE *out, const struct region_entry *r)
{
	fprintf(out, "  region %s: 0x%" PRIx64 "-0x%" PRIx64 ", granule %" PRIu64, r->name, r->iova,
		r->iova + r->length - 1, r->granule);
	fprintf(out, ", policy %s%s, on-fault %s, access %s\n", r->policy_name, r->policy ? "" : " (closed)",
		r->on_fault, r->access);
}

static size_t shard_index(const struct manager *m, const struct shard *shard)
{
	size_t i = 0;

	while (i < m->n_shards && m->shards[i] != shard)
		i++;
	return i;
}

static void dump_space(FILE *out, const struct manager *m, struct space_entry *e)
{
	const struct managed_space *s = managed_space(e);
	struct stats_values values;

	fprintf(out, "space %s: ", e->name);
	if (s->is_open)
		fprintf(out, "open on shard %zu", shard_index(m, s->shard));
	else
		fprintf(out, "closed");
	fprintf(out, ", %" PRIu64 " bytes in %" PRIu64 " extents mapped, budget %" PRIu64 "\n",
		space_entry_mapped_bytes(e), space_entry_extents_mapped(e), e->budget);
	for (size_t i = 0; i < e->n_regions; i++)
		dump_region(out, &e->regions[i]);
	stats_read(e->stats, &values);
	dump_counters(out, "    ", &values);
}

void managed_dump(void *manager, FILE *out)
{
	const struct manager *m = manager;
	const struct directory *d = &m->directory;
	struct stats_values total;
	struct device_entry *device;
	struct space_entry *space;

	fprintf(out, "iopfd %s, %s, %s, up %.1f s\n", IOPFD_VERSION, manager_state_to_string(d->state), d->backend,
		(double)(clock_now_ns() - d->start_ns) / (double)NSEC_PER_SEC);
	fprintf(out, "%zu of %zu shards, room for %zu of %zu calls taken, %u traces\n", m->n_shards, m->max_shards,
		m->n_calls, m->max_calls, m->n_traces);
	fprintf(out, "%zu steps and %u commands under way\n", m->n_settling, m->n_commands);
	TAILQ_FOREACH(device, &d->devices, link)
		dump_device(out, device);
	TAILQ_FOREACH(space, &d->spaces, link)
		dump_space(out, m, space);
	directory_total_stats(d, &total);
	fprintf(out, "total\n");
	dump_counters(out, "    ", &total);
}
