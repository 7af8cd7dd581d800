/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show: all properties of devices or spaces, those that this iopfctl never heard of included.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/table.h"
#include "ctl/units.h"

#define LABEL 20
#define PASID_NONE 0xffffffffu

struct shown {
	bool is_space;
	char *path;
	struct variant *properties;
	struct variant *statistics;
	struct variant *attachments; /* of a device: [[pasid, space]] */
};

static void shown_deinit(struct shown *s)
{
	free(s->path);
	variant_free(s->properties);
	variant_free(s->statistics);
	variant_free(s->attachments);
}

static enum ctl_exit load(sd_bus *bus, const char *name, struct shown *s)
{
	enum ctl_exit e = client_find(bus, s->is_space ? "GetSpace" : "GetDevice", name, &s->path);
	const struct client_call attachments = { s->path, CLIENT_DEVICE, "GetAttachments", name, false };

	e = e ?: client_get_all(bus, s->path, s->is_space ? CLIENT_SPACE : CLIENT_DEVICE, &s->properties);
	e = e ?: client_get_all(bus, s->path, CLIENT_STATISTICS, &s->statistics);
	return e || s->is_space ? e : client_ask(bus, &attachments, &s->attachments, NULL);
}

static void print_property(const struct variant *v)
{
	const char *state = !strcmp(v->key, "State") ? variant_string(v) : "";

	printf("%*s: %s", LABEL, v->key, colour_begin(colour_of_state(state)));
	object_print_property(v->key, v, stdout);
	printf("%s\n", colour_end());
}

static void print_attachments(const struct variant *list)
{
	printf("%*s: ", LABEL, "Attachments");
	for (size_t i = 0; i < variant_count(list); i++) {
		uint64_t pasid = variant_number(variant_at(list->items[i], 0));

		fputs(i ? ", " : "", stdout);
		if (pasid != PASID_NONE)
			printf("PASID %" PRIu64 " in ", pasid);
		printf("%s", variant_string(variant_at(list->items[i], 1)));
	}
	puts(variant_count(list) ? "" : "-");
}

/* (name, iova, length, policy, {key: value}): a line each */
static void print_regions(const struct variant *list)
{
	char length[UNITS_MAX];

	for (size_t i = 0; i < variant_count(list); i++) {
		const struct variant *r = list->items[i];

		printf("%*s: %s: 0x%" PRIx64 " + %s, %s", LABEL, i ? "" : "Regions", variant_string(variant_at(r, 0)),
		       variant_number(variant_at(r, 1)), units_size(length, variant_number(variant_at(r, 2))),
		       variant_string(variant_at(r, 3)));
		for (size_t k = 0; k < variant_count(variant_at(r, 4)); k++) {
			const struct variant *key = r->items[4]->items[k];

			printf(", %s ", key->key);
			if (key->kind == VARIANT_UNSIGNED)
				fputs(units_size(length, key->number), stdout);
			else
				object_print_property(key->key, key, stdout);
		}
		putchar('\n');
	}
}

static void print_devices(const struct variant *list)
{
	printf("%*s:", LABEL, "Devices");
	for (size_t i = 0; i < variant_count(list); i++)
		printf(" %s", object_name(variant_string(list->items[i])));
	puts(variant_count(list) ? "" : " -");
}

/* The counters are for stats; here only what answers "how is it?". */
static void print_statistics(const struct variant *s)
{
	static const char *const names[] = { "FaultsTotal", "FaultsPending", "ResponsesInvalid", "LatencyP50NSec",
					     "LatencyP99NSec" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (variant_get(s, names[i]))
			print_property(variant_get(s, names[i]));
}

static void print_text(const struct shown *s)
{
	printf("%s%s%s\n", colour_begin(COLOUR_BOLD), variant_string(variant_get(s->properties, "Name")), colour_end());
	for (size_t i = 0; i < variant_count(s->properties); i++) {
		const struct variant *v = s->properties->items[i];

		if (s->is_space && !strcmp(v->key, "Regions"))
			print_regions(v);
		else if (s->is_space && !strcmp(v->key, "Devices"))
			print_devices(v);
		else if (strcmp(v->key, "Name"))
			print_property(v);
	}
	if (s->attachments)
		print_attachments(s->attachments);
	print_statistics(s->statistics);
}

static void print_json(const struct shown *s, struct json *j)
{
	json_begin(j, '{');
	json_key(j, "Path");
	json_string(j, s->path);
	for (size_t i = 0; i < variant_count(s->properties); i++) {
		json_key(j, s->properties->items[i]->key);
		variant_to_json(s->properties->items[i], j);
	}
	if (s->attachments) {
		json_key(j, "Attachments");
		variant_to_json(s->attachments, j);
	}
	json_key(j, "Statistics");
	variant_to_json(s->statistics, j);
	json_end(j, '}');
}

static enum ctl_exit show(sd_bus *bus, const char *name, bool is_space, bool first, struct json *j)
{
	_cleanup_(shown_deinit) struct shown s = { .is_space = is_space };
	enum ctl_exit e = load(bus, name, &s);

	if (e)
		return e;
	if (ctl_options.json) {
		print_json(&s, j);
		return CTL_OK;
	}
	fputs(first ? "" : "\n", stdout);
	print_text(&s);
	return CTL_OK;
}

/* One name: an object. Several: an array of them. The last failure is the exit code. */
int verb_show(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	bool is_space = false;
	const struct args_option options[] = { { .name = "--space", .flag = &is_space }, { 0 } };
	enum ctl_exit e = args_read(&argc, argv, options, 1, -1), last = CTL_OK;

	e = e ?: client_open(&bus);
	if (e)
		return e;
	if (ctl_options.json && argc > 2)
		json_begin(&j, '[');
	for (int i = 1; i < argc; i++) {
		e = show(bus, argv[i], is_space, i == 1, &j);
		if (e)
			last = e;
	}
	if (ctl_options.json && argc > 2)
		json_end(&j, ']');
	return last;
}
