/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each object is measured over the daemon's time of its own snapshots. A counter that fell is
 * that of another daemon, and then the interval is thrown away.
 */
#include "ctl/top-model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "ctl/client.h"
#include "ctl/object.h"

void top_model_deinit(struct top_model *m)
{
	for (size_t i = 0; i < m->n_devices; i++) {
		buckets_deinit(&m->devices[i].total);
		buckets_deinit(&m->devices[i].interval);
	}
	free(m->devices);
	free(m->spaces);
	snapshot_deinit(&m->snapshot);
	*m = (struct top_model){ 0 };
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static struct top_device *find_device(struct top_model *m, const char *name)
{
	struct top_device *devices;

	for (size_t i = 0; i < m->n_devices; i++)
		if (!strcmp(m->devices[i].name, name))
			return &m->devices[i];
	devices = reallocarray(m->devices, m->n_devices + 1, sizeof(*devices));
	if (!devices)
		return NULL;
	m->devices = devices;
	devices[m->n_devices] = (struct top_device){ 0 };
	copy(devices[m->n_devices].name, TOP_NAME, name);
	return &devices[m->n_devices++];
}

static struct top_space *find_space(struct top_model *m, const char *name)
{
	struct top_space *spaces;

	for (size_t i = 0; i < m->n_spaces; i++)
		if (!strcmp(m->spaces[i].name, name))
			return &m->spaces[i];
	spaces = reallocarray(m->spaces, m->n_spaces + 1, sizeof(*spaces));
	if (!spaces)
		return NULL;
	m->spaces = spaces;
	spaces[m->n_spaces] = (struct top_space){ 0 };
	copy(spaces[m->n_spaces].name, TOP_NAME, name);
	return &spaces[m->n_spaces++];
}

/* Moves *counter on and returns its growth per second; < 0: it fell. */
static double rate_of(uint64_t *counter, uint64_t now, uint64_t usec)
{
	double rate = now < *counter ? -1 : usec ? (double)(now - *counter) * 1e6 / (double)usec : 0;

	*counter = now;
	return rate;
}

static void remember(struct top_device *d)
{
	if (d->n_history == TOP_HISTORY)
		memmove(d->history, d->history + 1, (TOP_HISTORY - 1) * sizeof(*d->history));
	else
		d->n_history++;
	d->history[d->n_history - 1] = d->rate;
}

static int update_latency(struct top_device *d, struct buckets *now)
{
	struct buckets interval;

	/* It went while it was asked. */
	if (!now->items)
		return 0;
	if (buckets_since(now, &d->total, &interval) < 0)
		return -ENOMEM;
	buckets_deinit(&d->interval);
	buckets_deinit(&d->total);
	d->interval = interval;
	d->total = *now;
	*now = (struct buckets){ 0 };
	d->p50 = buckets_percentile(&d->interval, 500);
	d->p99 = buckets_percentile(&d->interval, 990);
	d->p999 = buckets_percentile(&d->interval, 999);
	return 0;
}

static int update_device(struct top_device *d, const struct variant *object, struct buckets *latency)
{
	const struct variant *properties = variant_get(object, CLIENT_DEVICE);
	const struct variant *counters = variant_get(object, CLIENT_STATISTICS);
	uint64_t usec = variant_number(variant_get(counters, "SnapshotMonotonicUSec"));
	uint64_t past = usec > d->usec ? usec - d->usec : 0;
	bool first = !d->usec;

	copy(d->state, sizeof(d->state), variant_string(variant_get(properties, "State")));
	copy(d->address, sizeof(d->address), variant_string(variant_get(properties, "Address")));
	copy(d->error, sizeof(d->error), variant_string(variant_at(variant_get(properties, "LastError"), 1)));
	d->seen = true;
	d->usec = usec;
	d->pending = variant_number(variant_get(counters, "FaultsPending"));
	d->rate = rate_of(&d->faults, variant_number(variant_get(counters, "FaultsTotal")), past);
	d->invalid_rate = rate_of(&d->invalid, variant_number(variant_get(counters, "ResponsesInvalid")), past);
	d->measured = !first && past && d->rate >= 0 && d->invalid_rate >= 0;
	if (!d->measured)
		d->rate = d->invalid_rate = 0;
	else
		remember(d);
	return update_latency(d, latency);
}

static void update_space(struct top_space *s, const struct variant *object)
{
	const struct variant *properties = variant_get(object, CLIENT_SPACE);
	const struct variant *counters = variant_get(object, CLIENT_STATISTICS);
	uint64_t usec = variant_number(variant_get(counters, "SnapshotMonotonicUSec"));
	uint64_t past = usec > s->usec ? usec - s->usec : 0;
	bool first = !s->usec;

	s->seen = true;
	s->usec = usec;
	s->mapped = variant_number(variant_get(properties, "MappedBytes"));
	s->budget = variant_number(variant_get(properties, "Budget"));
	s->backed = variant_number(variant_get(properties, "BackedBytes"));
	s->devices = variant_get(properties, "Devices");
	s->eviction_rate = rate_of(&s->evictions, variant_number(variant_get(counters, "Evictions")), past);
	s->refault_rate = rate_of(&s->refaults, variant_number(variant_get(counters, "Refaults")), past);
	s->measured = !first && past && s->eviction_rate >= 0 && s->refault_rate >= 0;
}

static int update_object(struct top_model *m, const struct variant *object, struct buckets *latency)
{
	struct top_device *device;
	struct top_space *space;

	if (variant_get(object, CLIENT_DEVICE)) {
		device = find_device(m, object_name(object->key));
		return device ? update_device(device, object, latency) : -ENOMEM;
	}
	if (!variant_get(object, CLIENT_SPACE))
		return 0;
	space = find_space(m, object_name(object->key));
	if (!space)
		return -ENOMEM;
	update_space(space, object);
	return 0;
}

static void forget_unseen(struct top_model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_devices; i++) {
		if (m->devices[i].seen) {
			m->devices[n++] = m->devices[i];
			continue;
		}
		buckets_deinit(&m->devices[i].total);
		buckets_deinit(&m->devices[i].interval);
	}
	m->n_devices = n;
	n = 0;
	for (size_t i = 0; i < m->n_spaces; i++)
		if (m->spaces[i].seen)
			m->spaces[n++] = m->spaces[i];
	m->n_spaces = n;
}

int top_model_look(struct top_model *m, struct snapshot *snapshot)
{
	int r = 0;

	snapshot_deinit(&m->snapshot);
	m->snapshot = *snapshot;
	*snapshot = (struct snapshot){ 0 };
	for (size_t i = 0; i < m->n_devices; i++)
		m->devices[i].seen = false;
	for (size_t i = 0; i < m->n_spaces; i++)
		m->spaces[i].seen = false;
	for (size_t i = 0; i < variant_count(m->snapshot.objects) && r >= 0; i++)
		r = update_object(m, m->snapshot.objects->items[i], &m->snapshot.latency[i]);
	forget_unseen(m);
	m->rate = 0;
	for (size_t i = 0; i < m->n_devices; i++)
		m->rate += m->devices[i].rate;
	return r;
}

const char *top_order_name(enum top_order order)
{
	static const char *const names[] = { "rate", "p99", "pending", "invalid", "name" };

	return names[order];
}

static double weight(const struct top_device *d, enum top_order order)
{
	switch (order) {
	case TOP_BY_RATE:
		return d->rate;
	case TOP_BY_P99:
		return (double)d->p99;
	case TOP_BY_PENDING:
		return (double)d->pending;
	case TOP_BY_INVALID:
		return (double)d->invalid;
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b, void *order)
{
	double x = weight(a, *(enum top_order *)order), y = weight(b, *(enum top_order *)order);

	if (x > y || x < y)
		return x > y ? -1 : 1;
	return strcmp(((const struct top_device *)a)->name, ((const struct top_device *)b)->name);
}

void top_model_sort(struct top_model *m, enum top_order order)
{
	if (m->n_devices)
		qsort_r(m->devices, m->n_devices, sizeof(*m->devices), compare, &order);
}
