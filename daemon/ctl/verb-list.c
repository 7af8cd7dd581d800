/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list: devices, spaces or regions, a line each; with --names for completion.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/table.h"
#include "ctl/units.h"

static struct json json_out(void)
{
	return (struct json)JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
}

static enum ctl_exit print_table(const struct table *t)
{
	return table_print(t, stdout) < 0 ? client_no_memory() : CTL_OK;
}

/* (name, path, address, state, driver, faults_total) */
static const char *const device_members[] = { "Name", "Path", "Address", "State", "Driver", "FaultsTotal" };

static enum ctl_exit devices_table(const struct variant *list)
{
	static const char *const headers[] = { "NAME", "ADDRESS", "STATE", "DRIVER", ">FAULTS", NULL };
	_cleanup_(table_freep) struct table *t = table_new(headers);

	if (!t)
		return client_no_memory();
	for (size_t i = 0; i < variant_count(list); i++) {
		const struct variant *d = variant_at(list, i);
		const char *state = variant_string(variant_at(d, 3)), *driver = variant_string(variant_at(d, 4));

		table_cell(t, COLOUR_NONE, "%s", variant_string(variant_at(d, 0)));
		table_cell(t, COLOUR_NONE, "%s", variant_string(variant_at(d, 2)));
		table_cell(t, colour_of_state(state), "%s", state);
		table_cell(t, COLOUR_NONE, "%s", *driver ? driver : "-");
		table_cell(t, COLOUR_NONE, "%" PRIu64, variant_number(variant_at(d, 5)));
	}
	return print_table(t);
}

static void devices_json(const struct variant *list)
{
	struct json j = json_out();

	json_begin(&j, '[');
	for (size_t i = 0; i < variant_count(list); i++) {
		const struct variant *d = variant_at(list, i);

		json_begin(&j, '{');
		for (size_t k = 0; k < MIN(variant_count(d), ARRAY_SIZE(device_members)); k++) {
			json_key(&j, device_members[k]);
			variant_to_json(d->items[k], &j);
		}
		json_end(&j, '}');
	}
	json_end(&j, ']');
}

static enum ctl_exit list_devices(sd_bus *bus, bool names)
{
	const struct client_call c = { NULL, CLIENT_MANAGER, "ListDevices", NULL, false };
	_cleanup_(variant_freep) struct variant *list = NULL;
	enum ctl_exit e = client_ask(bus, &c, &list, NULL);

	if (e)
		return e;
	if (names)
		for (size_t i = 0; i < variant_count(list); i++)
			puts(variant_string(variant_at(variant_at(list, i), 0)));
	else if (ctl_options.json)
		devices_json(list);
	else
		return devices_table(list);
	return CTL_OK;
}

static void add_space(struct table *t, const struct variant *s)
{
	uint64_t budget = variant_number(variant_get(s, "Budget"));
	uint64_t mapped = variant_number(variant_get(s, "MappedBytes"));
	char buffer[UNITS_MAX];

	table_cell(t, COLOUR_NONE, "%s", variant_string(variant_get(s, "Name")));
	table_cell(t, COLOUR_NONE, "%s", budget ? units_size(buffer, budget) : "-");
	table_cell(t, COLOUR_NONE, "%s", units_size(buffer, mapped));
	table_cell(t, COLOUR_NONE, "%s", units_size(buffer, variant_number(variant_get(s, "BackedBytes"))));
	table_cell(t, COLOUR_NONE, "%zu", variant_count(variant_get(s, "Regions")));
	table_cell(t, COLOUR_NONE, "%zu", variant_count(variant_get(s, "Devices")));
}

static enum ctl_exit spaces_table(const struct variant *objects)
{
	static const char *const headers[] = { "NAME", ">BUDGET", ">MAPPED", ">BACKED", ">REGIONS", ">DEVICES", NULL };
	_cleanup_(table_freep) struct table *t = table_new(headers);

	if (!t)
		return client_no_memory();
	for (size_t i = 0; i < variant_count(objects); i++)
		if (object_at(objects, i, CLIENT_SPACE))
			add_space(t, object_at(objects, i, CLIENT_SPACE));
	return print_table(t);
}

static void spaces_json(const struct variant *objects)
{
	struct json j = json_out();

	json_begin(&j, '[');
	for (size_t i = 0; i < variant_count(objects); i++)
		if (object_at(objects, i, CLIENT_SPACE))
			variant_to_json(object_at(objects, i, CLIENT_SPACE), &j);
	json_end(&j, ']');
}

/* (name, iova, length, policy, {key: value}) of each region of each space */
struct region {
	const char *space;
	const struct variant *v;
};

/* Calls fn for each. */
static void each_region(const struct variant *objects, void (*fn)(void *userdata, const struct region *r),
			void *userdata)
{
	for (size_t i = 0; i < variant_count(objects); i++) {
		const struct variant *space = object_at(objects, i, CLIENT_SPACE);
		const struct variant *list = variant_get(space, "Regions");

		for (size_t k = 0; k < variant_count(list); k++)
			fn(userdata, &(struct region){ variant_string(variant_get(space, "Name")), list->items[k] });
	}
}

static void region_name(void *userdata, const struct region *r)
{
	(void)userdata;
	printf("%s/%s\n", r->space, variant_string(variant_at(r->v, 0)));
}

static void region_json(void *userdata, const struct region *r)
{
	static const char *const members[] = { "Space", "Name", "Iova", "Length", "Policy" };
	const struct variant *keys = variant_at(r->v, 4);
	struct json *j = userdata;

	json_begin(j, '{');
	json_key(j, members[0]);
	json_string(j, r->space);
	for (size_t i = 1; i < ARRAY_SIZE(members) && i <= variant_count(r->v); i++) {
		json_key(j, members[i]);
		variant_to_json(r->v->items[i - 1], j);
	}
	for (size_t i = 0; i < variant_count(keys); i++) {
		json_key(j, keys->items[i]->key);
		variant_to_json(keys->items[i], j);
	}
	json_end(j, '}');
}

static void region_row(void *userdata, const struct region *r)
{
	const struct variant *keys = variant_at(r->v, 4);
	struct table *t = userdata;
	char buffer[UNITS_MAX];

	table_cell(t, COLOUR_NONE, "%s/%s", r->space, variant_string(variant_at(r->v, 0)));
	table_cell(t, COLOUR_NONE, "0x%" PRIx64, variant_number(variant_at(r->v, 1)));
	table_cell(t, COLOUR_NONE, "%s", units_size(buffer, variant_number(variant_at(r->v, 2))));
	table_cell(t, COLOUR_NONE, "%s", variant_string(variant_at(r->v, 3)));
	table_cell(t, COLOUR_NONE, "%s", units_size(buffer, variant_number(variant_get(keys, "granule"))));
	table_cell(t, COLOUR_NONE, "%s", variant_string(variant_get(keys, "access")));
	table_cell(t, COLOUR_NONE, "%s", variant_string(variant_get(keys, "on-fault")));
}

static enum ctl_exit regions_table(const struct variant *objects)
{
	static const char *const headers[] = { "REGION", ">IOVA", ">LENGTH", "POLICY", ">GRANULE", "ACCESS", "ON-FAULT",
					       NULL };
	_cleanup_(table_freep) struct table *t = table_new(headers);

	if (!t)
		return client_no_memory();
	each_region(objects, region_row, t);
	return print_table(t);
}

static enum ctl_exit list_regions(const struct variant *objects, bool names)
{
	struct json j = json_out();

	if (!names && !ctl_options.json)
		return regions_table(objects);
	if (names) {
		each_region(objects, region_name, NULL);
		return CTL_OK;
	}
	json_begin(&j, '[');
	each_region(objects, region_json, &j);
	json_end(&j, ']');
	return CTL_OK;
}

static enum ctl_exit list_spaces(const struct variant *objects, bool names)
{
	if (names)
		for (size_t i = 0; i < variant_count(objects); i++)
			if (object_at(objects, i, CLIENT_SPACE))
				puts(variant_string(variant_get(object_at(objects, i, CLIENT_SPACE), "Name")));
	if (names)
		return CTL_OK;
	if (!ctl_options.json)
		return spaces_table(objects);
	spaces_json(objects);
	return CTL_OK;
}

int verb_list(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(variant_freep) struct variant *objects = NULL;
	bool names = false, spaces = false, regions = false;
	const struct args_option options[] = {
		{ .name = "--names", .flag = &names },
		{ .name = "--spaces", .flag = &spaces },
		{ .name = "--regions", .flag = &regions },
		{ 0 },
	};
	enum ctl_exit e = args_read(&argc, argv, options, 0, 0);

	if (!e && spaces && regions)
		e = client_usage(argv[0], "--spaces and --regions exclude each other");
	e = e ?: client_open(&bus);
	if (e || (!spaces && !regions))
		return e ?: list_devices(bus, names);
	e = client_objects(bus, &objects);
	return e ?: spaces ? list_spaces(objects, names) : list_regions(objects, names);
}
