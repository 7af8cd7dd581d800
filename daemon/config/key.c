/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/key.h"

#include <string.h>

#include "base/util.h"
#include "config/format.h"
#include "config/parser.h"

uint32_t key_split_pasid(const char *text, const char **ret_space)
{
	const char *colon = strchr(text, ':');

	*ret_space = colon + 1;
	return (uint32_t)strtoul(text, NULL, 0);
}

const struct section_kind_info section_kinds[SECTION_KIND_MAX] = {
	[SECTION_DAEMON] = { "daemon", "[daemon]" },
	[SECTION_SPACE] = { "space", "[space NAME]" },
	[SECTION_REGION] = { "region", "[region SPACE/NAME]" },
	[SECTION_DEVICE] = { "device", "[device NAME]" },
};

#define FIELD(f) .offset = offsetof(union section_values, f), .size = sizeof(((union section_values *)0)->f)
#define A_SIZE "bytes such as 65536, 0x10000 or 64K (units B K M G T)"
#define A_NAME "1 to 32 of A-Z a-z 0-9 _"
#define A_BUDGET "bytes such as 4G, a share such as 75%, or none"
#define A_SPIN "auto, 0, or a time of at most 100ms such as 20us"
#define AN_EXTENT "0 or a power of two such as 256K"

const struct key key_table[] = {
	{ SECTION_DAEMON, "event-loop", parse_event_loop, format_string, FIELD(daemon.event_loop), .fallback = "auto",
	  .applies = KEY_AT_START },
	{ SECTION_DAEMON, "workers", parse_workers, format_workers, FIELD(daemon.workers), .fallback = "auto",
	  .expected = "auto or 1 to 64", .applies = KEY_AT_START },
	{ SECTION_DAEMON, "cpus", parse_cpus, format_cpus, FIELD(daemon.cpus), .fallback = "any",
	  .expected = "any, or numbers and ranges such as 0-3,6", .applies = KEY_AT_START },
	{ SECTION_DAEMON, "spin", parse_spin, format_spin, FIELD(daemon.spin_ns), .fallback = "auto", .expected = A_SPIN,
	  .applies = KEY_AT_ATTACH },
	{ SECTION_DAEMON, "memory-budget", parse_budget, format_budget, FIELD(daemon.memory_budget), .fallback = "75%",
	  .expected = A_BUDGET },
	{ SECTION_DAEMON, "deadline", parse_time, format_time, FIELD(daemon.deadline_ns), .fallback = "0",
	  .expected = "0 or a time such as 500ms (one whole number; us ms s min h)" },
	{ SECTION_DAEMON, "plugin-dir", parse_folder, format_string, FIELD(daemon.plugin_dir),
	  .fallback = IOPFD_PLUGIN_DIR, .expected = "an absolute path", .applies = KEY_AT_START },
	{ SECTION_SPACE, "budget", parse_budget, format_budget, FIELD(space.budget), .fallback = "none",
	  .expected = A_BUDGET },
	{ SECTION_SPACE, "numa-node", parse_numa_node, format_numa_node, FIELD(space.numa_node), .fallback = "none",
	  .expected = "none or 0 to 1023" },
	{ SECTION_REGION, "iova", parse_size, format_iova, FIELD(region.iova), .required = true, .expected = A_SIZE },
	{ SECTION_REGION, "length", parse_length, format_size, FIELD(region.length), .required = true, .expected = A_SIZE },
	{ SECTION_REGION, "policy", parse_policy, format_string, FIELD(region.policy), .fallback = "anon",
	  .expected = "1 to 32 of a-z 0-9 _ -" },
	{ SECTION_REGION, "granule", parse_granule, format_size, FIELD(region.granule), .fallback = "64K",
	  .expected = "a power of two from 4K to 1G" },
	{ SECTION_REGION, "on-fault", parse_on_fault, format_on_fault, FIELD(region.on_fault), .fallback = "demand",
	  .expected = "demand, prefault or deny" },
	{ SECTION_REGION, "access", parse_access, format_access, FIELD(region.access), .fallback = "rw",
	  .expected = "rw, r or w" },
	{ SECTION_REGION, "merge", parse_extent, format_size, FIELD(region.merge), .fallback = "0", .expected = AN_EXTENT },
	{ SECTION_REGION, "fault-around", parse_extent, format_size, FIELD(region.fault_around), .fallback = "0",
	  .expected = AN_EXTENT },
	{ SECTION_REGION, "populate-ahead", parse_extent, format_size, FIELD(region.populate_ahead), .fallback = "2M",
	  .expected = AN_EXTENT },
	{ SECTION_REGION, "pinned", parse_bool, format_bool, FIELD(region.pinned), .fallback = "no",
	  .expected = "yes or no" },
	{ SECTION_DEVICE, "address", parse_address, format_string, FIELD(device.address), .required = true,
	  .expected = "a PCI address, vfioN, a path below /sys, sim[:OPTIONS] or mock[:pasid]" },
	{ SECTION_DEVICE, "space", parse_space, format_string, FIELD(device.space), .expected = A_NAME },
	{ SECTION_DEVICE, "rid", parse_bool, format_bool, FIELD(device.rid), .fallback = "yes", .expected = "yes or no" },
	{ SECTION_DEVICE, "pasid", parse_pasid, NULL, .repeatable = true, .expected = "N:SPACE with N from 1 to 1048575" },
	{ SECTION_DEVICE, "pasids", parse_bool, format_bool, FIELD(device.pasids), .fallback = "no",
	  .expected = "yes or no" },
	{ SECTION_DEVICE, "bus-master", parse_bool, format_bool, FIELD(device.bus_master), .fallback = "no",
	  .expected = "yes or no" },
	{ SECTION_DEVICE, "spin", parse_device_spin, format_spin, FIELD(device.spin_ns), .fallback = "default",
	  .expected = "default, " A_SPIN },
};

const size_t key_table_size = ARRAY_SIZE(key_table);

const struct key *key_find(enum section_kind kind, const char *name)
{
	for (size_t i = 0; i < key_table_size; i++)
		if (key_table[i].kind == kind && strcmp(key_table[i].name, name) == 0)
			return &key_table[i];
	return NULL;
}
