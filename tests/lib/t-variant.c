/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A message belongs to a bus that was started; that nothing listens there does not matter.
 */
#include "t-variant.h"

#include <stdarg.h>
#include <systemd/sd-bus.h>

#include "t.h"

struct variant *t_variant(const char *types, ...)
{
	sd_bus_message *m = NULL;
	struct variant *v = NULL;
	sd_bus *bus = NULL;
	va_list list;

	T_OK(sd_bus_new(&bus));
	T_OK(sd_bus_set_address(bus, "unix:path=/nonexistent/bus"));
	T_ASSERT(sd_bus_start(bus) < 0);
	T_OK(sd_bus_message_new_method_call(bus, &m, "a.b", "/", "a.b", "C"));
	va_start(list, types);
	T_OK(sd_bus_message_appendv(m, types, list));
	va_end(list);
	T_OK(sd_bus_message_seal(m, 1, 0));
	T_OK(variant_read(m, &v));
	sd_bus_message_unref(m);
	sd_bus_unref(bus);
	return v;
}

static struct variant *objects(const struct t_daemon *d)
{
	char device[64], space[64];

	snprintf(device, sizeof(device), "/org/iopfd1/device/%s", d->device);
	snprintf(space, sizeof(space), "/org/iopfd1/space/%s", d->space);
	return t_variant("a{oa{sa{sv}}}", 2, device, 2,
			 "org.iopfd1.Device", 4, "Name", "s", d->device, "State", "s", "active", "Address", "s", "sim",
			 "LastError", "(ss)", "", "",
			 "org.iopfd1.Statistics", 10, "SnapshotMonotonicUSec", "t", d->usec, "FaultsTotal", "t", d->faults,
			 "FaultGroupsTotal", "t", d->faults, "FaultsRead", "t", d->faults / 2, "FaultsWrite", "t",
			 d->faults - d->faults / 2, "FaultsExec", "t", UINT64_C(0), "ResponsesSuccess", "t",
			 d->faults - d->invalid, "ResponsesInvalid", "t", d->invalid, "FaultsPending", "u", 3u,
			 "ServiceTimeNSecSum", "t", UINT64_C(1500000000),
			 space, 2,
			 "org.iopfd1.Space", 5, "Name", "s", d->space, "MappedBytes", "t", UINT64_C(65536), "Budget", "t",
			 UINT64_C(131072), "BackedBytes", "t", UINT64_C(98304), "Devices", "ao", 1, device,
			 "org.iopfd1.Statistics", 3, "SnapshotMonotonicUSec", "t", d->usec, "Evictions", "t", d->evictions,
			 "Refaults", "t", d->evictions / 2);
}

struct snapshot t_snapshot(const struct t_daemon *d)
{
	struct snapshot s = { 0 };
	size_t n = 0;

	s.manager = t_variant("a{sv}", 3, "Version", "s", "0.1\"\\\n", "Backend", "s", "libevent", "LockedBytesLimit", "t",
			      UINT64_MAX);
	s.statistics = t_variant("a{sv}", 2, "SnapshotMonotonicUSec", "t", d->usec, "FaultsPending", "u", 3u);
	s.objects = objects(d);
	s.latency = calloc(3, sizeof(*s.latency));
	T_ASSERT(s.latency);
	s.latency[0].items = calloc(5, sizeof(struct bucket));
	T_ASSERT(s.latency[0].items);
	for (; n < 4 && d->buckets[n].count; n++)
		s.latency[0].items[n] = d->buckets[n];
	s.latency[0].n = n;
	return s;
}
