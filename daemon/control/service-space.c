/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1.Space: one address space, its regions and whose it is.
 */
#include "control/service-members.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "control/service-error.h"

#define MAX_COUNTERS 32

SERVICE_GETTER(get_mapped_bytes)
{
	return sd_bus_message_append(reply, "t", space_entry_mapped_bytes(userdata));
}

SERVICE_GETTER(get_extents_mapped)
{
	return sd_bus_message_append(reply, "t", space_entry_extents_mapped(userdata));
}

SERVICE_GETTER(get_backed_bytes)
{
	const struct space_entry *e = userdata;
	uint64_t sum = 0;

	for (size_t i = 0; i < e->n_regions; i++)
		if (e->regions[i].policy)
			sum += policy_backed_bytes(e->regions[i].policy);
	return sd_bus_message_append(reply, "t", sum);
}

static int append_counters(sd_bus_message *reply, const struct region_entry *region)
{
	struct iopfd_counter counters[MAX_COUNTERS];
	size_t n = region->policy ? policy_stats(region->policy, counters, MAX_COUNTERS) : 0;
	int r;

	if (!n)
		return 0;
	r = sd_bus_message_open_container(reply, 'e', "sa{st}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", region->name);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{st}");
	for (size_t i = 0; i < MIN(n, (size_t)MAX_COUNTERS) && r >= 0; i++)
		r = sd_bus_message_append(reply, "{st}", counters[i].name, counters[i].value);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

SERVICE_GETTER(get_policy_counters)
{
	const struct space_entry *e = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "{sa{st}}");

	for (size_t i = 0; i < e->n_regions && r >= 0; i++)
		r = append_counters(reply, &e->regions[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

SERVICE_GETTER(get_regions)
{
	const struct space_entry *e = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(sttsa{sv})");

	for (size_t i = 0; i < e->n_regions && r >= 0; i++) {
		const struct region_entry *region = &e->regions[i];

		r = sd_bus_message_append(reply, "(sttsa{sv})", region->name, region->iova, region->length,
					  region->policy_name, 3, "granule", "t", region->granule, "access", "s",
					  region->access, "on-fault", "s", region->on_fault);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static bool device_uses(const struct device_entry *e, const struct space_entry *space)
{
	const struct attachment_entry *a;

	TAILQ_FOREACH(a, &e->attachments, link)
		if (a->space == space)
			return true;
	return false;
}

static int append_path(sd_bus_message *reply, const char *prefix, const char *name)
{
	_cleanup_free_ char *path = service_path(prefix, name);

	return path ? sd_bus_message_append(reply, "o", path) : -ENOMEM;
}

SERVICE_GETTER(get_devices)
{
	const struct directory *d = service_current(bus)->directory;
	const struct device_entry *e;
	int r = sd_bus_message_open_container(reply, 'a', "o");

	TAILQ_FOREACH(e, &d->devices, link)
		if (r >= 0 && device_uses(e, userdata))
			r = append_path(reply, SERVICE_DEVICE_PREFIX, e->name);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

size_t service_region_at(const struct space_entry *e, const char *name)
{
	size_t i = 0;

	while (i < e->n_regions && strcmp(e->regions[i].name, name))
		i++;
	return i;
}

static int open_memory_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	const char *name, *path = sd_bus_message_get_path(m);
	const struct space_entry *e = service_space_at(s, path);
	const struct region_entry *region;
	struct iopfd_memory memory;
	size_t index;
	int r;

	if (!e)
		return service_gone(SERVICE_ERROR_NO_SUCH_SPACE, path, ret_error);
	r = sd_bus_message_read(m, "s", &name);
	if (r < 0)
		return r;
	index = service_region_at(e, name);
	if (index == e->n_regions)
		return service_no_such_region(e, name, ret_error);
	region = &e->regions[index];
	if (!region->policy)
		return service_space_closed(e, ret_error);
	r = policy_memory(region->policy, &memory);
	if (r == -EOPNOTSUPP)
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_NOT_SUPPORTED,
					 "No single file is the memory of region %s/%s (policy %s).", e->name, name,
					 region->policy_name);
	if (r < 0)
		return r;
	return sd_bus_reply_method_return(m, "htt", memory.fd, memory.offset, region->length);
}

static SERVICE_ADMIN_HANDLER(open_memory, open_memory_allowed)

const sd_bus_vtable service_space_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct space_entry, name), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Budget", "t", NULL, offsetof(struct space_entry, budget), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("MappedBytes", "t", get_mapped_bytes, 0, 0),
	SD_BUS_PROPERTY("BackedBytes", "t", get_backed_bytes, 0, 0),
	SD_BUS_PROPERTY("ExtentsMapped", "t", get_extents_mapped, 0, 0),
	SD_BUS_PROPERTY("PolicyCounters", "a{sa{st}}", get_policy_counters, 0, 0),
	SD_BUS_PROPERTY("Regions", "a(sttsa{sv})", get_regions, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Devices", "ao", get_devices, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	SD_BUS_METHOD_WITH_ARGS("OpenMemory", SD_BUS_ARGS("s", region),
				SD_BUS_RESULT("h", fd, "t", offset, "t", length), open_memory,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Flush", SD_BUS_ARGS("s", region), SD_BUS_NO_RESULT, service_space_flush,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Trim", SD_BUS_ARGS("s", region, "t", offset, "t", length),
				SD_BUS_RESULT("t", bytes), service_space_trim, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Prefault", SD_BUS_ARGS("s", region, "t", offset, "t", length),
				SD_BUS_RESULT("t", bytes), service_space_prefault, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
