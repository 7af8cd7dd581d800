/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device that goes between two calls has no latencies; everything else is one call.
 */
#include "ctl/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/client.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

void snapshot_deinit(struct snapshot *s)
{
	for (size_t i = 0; s->latency && i < variant_count(s->objects); i++)
		buckets_deinit(&s->latency[i]);
	free(s->latency);
	variant_free(s->manager);
	variant_free(s->statistics);
	variant_free(s->objects);
	*s = (struct snapshot){ 0 };
}

static int try_latencies(sd_bus *bus, struct snapshot *s)
{
	s->latency = calloc(variant_count(s->objects) + 1, sizeof(*s->latency));
	if (!s->latency)
		return -ENOMEM;
	for (size_t i = 0; i < variant_count(s->objects); i++) {
		const struct client_call c = { s->objects->items[i]->key, PROPERTIES, "Get", NULL, false };
		_cleanup_(variant_freep) struct variant *v = NULL;

		if (variant_get(s->objects->items[i], CLIENT_DEVICE) &&
		    client_try(bus, &c, &v, NULL, "ss", CLIENT_STATISTICS, "LatencyBuckets") >= 0)
			buckets_read(v, &s->latency[i]);
	}
	return 0;
}

int snapshot_try(sd_bus *bus, bool latency, struct snapshot *ret, sd_bus_error *ret_error)
{
	const struct client_call properties = { NULL, PROPERTIES, "GetAll", NULL, false };
	const struct client_call objects = { NULL, OBJECT_MANAGER, "GetManagedObjects", NULL, false };
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	int r = client_try(bus, &properties, &s.manager, ret_error, "s", CLIENT_MANAGER);

	if (r >= 0)
		r = client_try(bus, &properties, &s.statistics, ret_error, "s", CLIENT_STATISTICS);
	if (r >= 0)
		r = client_try(bus, &objects, &s.objects, ret_error, NULL);
	if (r >= 0 && latency)
		r = try_latencies(bus, &s);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct snapshot){ 0 };
	return 0;
}

enum ctl_exit snapshot_load(sd_bus *bus, bool latency, struct snapshot *ret)
{
	const struct client_call c = { .subject = CLIENT_NAME };
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = snapshot_try(bus, latency, ret, &error);

	return r < 0 ? client_failed(&c, &error, r) : CTL_OK;
}
