/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status, version, log-level: the daemon as a whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/snapshot.h"
#include "ctl/table.h"
#include "ctl/units.h"

#define LABEL 14

static uint64_t counter(const struct snapshot *s, const char *name)
{
	return variant_number(variant_get(s->statistics, name));
}

static void print_state(const struct snapshot *s)
{
	const char *state = variant_string(variant_get(s->manager, "State"));
	uint64_t start = variant_number(variant_get(s->manager, "StartTimestampMonotonicUSec"));
	char buffer[UNITS_MAX];

	/* Both times are of the daemon's clock, which may be another machine's. */
	printf("iopfd %s: %s%s%s for %s, %s\n", variant_string(variant_get(s->manager, "Version")),
	       colour_begin(colour_of_state(state)), state, colour_end(),
	       units_duration(buffer, counter(s, "SnapshotMonotonicUSec") - start),
	       variant_string(variant_get(s->manager, "Backend")));
}

/* "3: 2 active, 1 failed" */
static void print_devices(const struct snapshot *s)
{
	static const char *const states[] = { "active", "paused", "draining", "attaching", "detached", "absent",
					      "unbound", "failed" };
	const struct variant *device;
	unsigned total = 0;

	for (size_t i = 0; i < variant_count(s->objects); i++)
		total += object_at(s->objects, i, CLIENT_DEVICE) != NULL;
	printf("%*s: %u", LABEL, "Devices", total);
	for (size_t k = 0, printed = 0; k < ARRAY_SIZE(states); k++) {
		unsigned n = 0;

		for (size_t i = 0; i < variant_count(s->objects); i++) {
			device = object_at(s->objects, i, CLIENT_DEVICE);
			n += device && !strcmp(variant_string(variant_get(device, "State")), states[k]);
		}
		if (n)
			printf("%s%u %s%s%s", printed++ ? ", " : " (", n, colour_begin(colour_of_state(states[k])),
			       states[k], colour_end());
		if (k + 1 == ARRAY_SIZE(states) && printed)
			putchar(')');
	}
	putchar('\n');
}

static void print_spaces(const struct snapshot *s)
{
	char mapped_text[UNITS_MAX], backed_text[UNITS_MAX];
	uint64_t mapped = 0, backed = 0;
	const struct variant *space;
	unsigned n = 0;

	for (size_t i = 0; i < variant_count(s->objects); i++) {
		space = object_at(s->objects, i, CLIENT_SPACE);
		if (!space)
			continue;
		n++;
		mapped += variant_number(variant_get(space, "MappedBytes"));
		backed += variant_number(variant_get(space, "BackedBytes"));
	}
	printf("%*s: %u, %s mapped, %s backed\n", LABEL, "Spaces", n, units_size(mapped_text, mapped),
	       units_size(backed_text, backed));
}

static void print_faults(const struct snapshot *s)
{
	char p50[UNITS_MAX], p99[UNITS_MAX], p999[UNITS_MAX];

	printf("%*s: %" PRIu64 " in %" PRIu64 " groups, %" PRIu64 " pending, %" PRIu64 " invalid\n", LABEL, "Faults",
	       counter(s, "FaultsTotal"), counter(s, "FaultGroupsTotal"), counter(s, "FaultsPending"),
	       counter(s, "ResponsesInvalid"));
	printf("%*s: p50 %s, p99 %s, p99.9 %s\n", LABEL, "Latency", units_ns(p50, counter(s, "LatencyP50NSec")),
	       units_ns(p99, counter(s, "LatencyP99NSec")), units_ns(p999, counter(s, "LatencyP999NSec")));
}

/* All diagnostics, a line each. */
static void print_reload_error(const char *text)
{
	const char *label = "Reload failed";
	size_t n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		printf("%*s%c %s%.*s%s\n", LABEL, label, *label ? ':' : ' ', colour_begin(COLOUR_RED), (int)n, text,
		       colour_end());
		label = "";
	}
}

/* Only what this daemon has. */
static void print_optional(const struct snapshot *s)
{
	static const struct {
		const char *name;
		const char *label;
	} properties[] = {
		{ "ConfigLoadTimestampUSec", "Configured" },
		{ "LockedBytes", "Locked" },
		{ "LockedBytesLimit", "Lock limit" },
	};
	const struct variant *v;

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		v = variant_get(s->manager, properties[i].name);
		if (!variant_number(v))
			continue;
		printf("%*s: ", LABEL, properties[i].label);
		object_print_property(properties[i].name, v, stdout);
		putchar('\n');
	}
	if (*variant_string(variant_at(variant_get(s->manager, "LastReloadError"), 0)))
		print_reload_error(variant_string(variant_at(variant_get(s->manager, "LastReloadError"), 1)));
}

/* What somebody must do something about. */
static void print_troubles(const struct snapshot *s)
{
	for (size_t i = 0; i < variant_count(s->objects); i++) {
		const struct variant *device = object_at(s->objects, i, CLIENT_DEVICE);
		const char *state = variant_string(variant_get(device, "State"));
		const char *error = variant_string(variant_at(variant_get(device, "LastError"), 1));

		if (!device || !*error || !strcmp(state, "active"))
			continue;
		printf("\n%s%s%s %s: %s\n", colour_begin(colour_of_state(state)), state, colour_end(),
		       variant_string(variant_get(device, "Name")), error);
	}
}

static void members_to_json(const struct variant *v, struct json *j)
{
	for (size_t i = 0; i < variant_count(v); i++) {
		json_key(j, v->items[i]->key);
		variant_to_json(v->items[i], j);
	}
}

static void interfaces_to_json(const struct snapshot *s, const char *key, const char *interface, struct json *j)
{
	json_key(j, key);
	json_begin(j, '[');
	for (size_t i = 0; i < variant_count(s->objects); i++)
		if (object_at(s->objects, i, interface))
			variant_to_json(object_at(s->objects, i, interface), j);
	json_end(j, ']');
}

static void print_json(const struct snapshot *s)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);

	json_begin(&j, '{');
	members_to_json(s->manager, &j);
	json_key(&j, "Statistics");
	variant_to_json(s->statistics, &j);
	interfaces_to_json(s, "Devices", CLIENT_DEVICE, &j);
	interfaces_to_json(s, "Spaces", CLIENT_SPACE, &j);
	json_end(&j, '}');
}

int verb_status(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	enum ctl_exit e = args_read(&argc, argv, NULL, 0, 0);

	e = e ?: client_open(&bus);
	e = e ?: snapshot_load(bus, false, &s);
	if (e)
		return e;
	if (ctl_options.json) {
		print_json(&s);
		return CTL_OK;
	}
	print_state(&s);
	print_devices(&s);
	print_spaces(&s);
	print_faults(&s);
	print_optional(&s);
	print_troubles(&s);
	return CTL_OK;
}

int verb_version(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(variant_freep) struct variant *version = NULL;
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	enum ctl_exit e = args_read(&argc, argv, NULL, 0, 0);

	if (e)
		return e;
	if (!ctl_options.json)
		puts("iopfctl " IOPFD_VERSION);
	e = client_open(&bus);
	e = e ?: client_get(bus, NULL, CLIENT_MANAGER, "Version", &version);
	if (e)
		return e;
	if (!ctl_options.json) {
		printf("iopfd %s\n", variant_string(version));
		return CTL_OK;
	}
	json_begin(&j, '{');
	json_key(&j, "ClientVersion");
	json_string(&j, IOPFD_VERSION);
	json_key(&j, "Version");
	variant_to_json(version, &j);
	json_end(&j, '}');
	return CTL_OK;
}

#define LOG_PATH "/org/freedesktop/LogControl1"
#define LOG_INTERFACE "org.freedesktop.LogControl1"

static enum ctl_exit set_log_level(sd_bus *bus, const char *level)
{
	const struct client_call c = { LOG_PATH, "org.freedesktop.DBus.Properties", "Set", level, false };

	return client_call(bus, &c, NULL, "ssv", LOG_INTERFACE, "LogLevel", "s", level);
}

int verb_log_level(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(variant_freep) struct variant *level = NULL;
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	enum ctl_exit e = args_read(&argc, argv, NULL, 0, 1);

	e = e ?: client_open(&bus);
	if (e || argc == 2)
		return e ?: set_log_level(bus, argv[1]);
	e = client_get(bus, LOG_PATH, LOG_INTERFACE, "LogLevel", &level);
	if (e)
		return e;
	if (!ctl_options.json) {
		puts(variant_string(level));
		return CTL_OK;
	}
	json_begin(&j, '{');
	json_key(&j, "LogLevel");
	variant_to_json(level, &j);
	json_end(&j, '}');
	return CTL_OK;
}
