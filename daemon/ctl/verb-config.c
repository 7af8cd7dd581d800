/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload, plan, check: the configuration. Diagnostics are printed as the daemon words them, a
 * line each, so that editors find the place.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/table.h"

#define CONFIG_INVALID CLIENT_NAME ".Error.ConfigInvalid"

/* A call whose error may be all the diagnostics at once. */
static enum ctl_exit call(sd_bus *bus, const char *member, bool takes_time, sd_bus_message **ret_reply)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const struct client_call c = { NULL, CLIENT_MANAGER, member, NULL, takes_time };
	enum ctl_exit e = client_message(bus, &c, &m);
	int r;

	if (e)
		return e;
	r = sd_bus_call(bus, m, takes_time ? UINT64_MAX : 0, &error, ret_reply);
	if (r >= 0)
		return CTL_OK;
	if (!sd_bus_error_has_name(&error, CONFIG_INVALID))
		return client_failed(&c, &error, r);
	fprintf(stderr, "%s\n", error.message ?: "");
	return client_complain(CTL_FAILURE, "the configuration is wrong (" CONFIG_INVALID ")");
}

int verb_reload(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 0, 0);

	e = e ?: client_open(&bus);
	return e ?: call(bus, "Reload", true, NULL);
}

static void plan_json(const char *text)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	char line[1024];
	size_t n;

	json_begin(&j, '{');
	json_key(&j, "Changes");
	json_begin(&j, '[');
	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		if (n)
			json_string(&j, line);
	}
	json_end(&j, ']');
	json_end(&j, '}');
}

int verb_plan(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 0, 0);
	const char *text;
	size_t n;

	e = e ?: client_open(&bus);
	e = e ?: call(bus, "PlanReload", false, &reply);
	if (e)
		return e;
	if (sd_bus_message_read(reply, "s", &text) < 0)
		return client_complain(CTL_FAILURE, "PlanReload: the reply makes no sense");
	n = strlen(text);
	if (ctl_options.json)
		plan_json(text);
	else
		printf("%s%s", n ? text : "Nothing would change.", n && text[n - 1] == '\n' ? "" : "\n");
	return CTL_OK;
}

/* As the daemon's program prints it: (file, line, severity, "[section] key", message) */
static void print_diagnostic(const struct variant *d)
{
	const char *severity = variant_string(variant_at(d, 2)), *key = variant_string(variant_at(d, 3));
	bool warning = !strcmp(severity, "warning");
	uint64_t line = variant_number(variant_at(d, 1));
	size_t n = strlen(key);

	printf("%s:", variant_string(variant_at(d, 0)));
	if (line)
		printf("%" PRIu64 ":", line);
	printf(" %s%s%s%s%s%s\n", colour_begin(warning ? COLOUR_YELLOW : COLOUR_RED), warning ? "warning: " : "",
	       colour_end(), key, !n ? "" : key[n - 1] == ']' ? " " : ": ", variant_string(variant_at(d, 4)));
}

static void diagnostics_json(const struct variant *list)
{
	static const char *const members[] = { "File", "Line", "Severity", "Key", "Message" };
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);

	json_begin(&j, '[');
	for (size_t i = 0; i < variant_count(list); i++) {
		json_begin(&j, '{');
		for (size_t k = 0; k < ARRAY_SIZE(members) && k < variant_count(list->items[i]); k++) {
			json_key(&j, members[k]);
			variant_to_json(variant_at(list->items[i], k), &j);
		}
		json_end(&j, '}');
	}
	json_end(&j, ']');
}

static enum ctl_exit check_running(void)
{
	const struct client_call c = { NULL, CLIENT_MANAGER, "CheckConfiguration", NULL, false };
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(variant_freep) struct variant *list = NULL;
	enum ctl_exit e = client_open(&bus);

	e = e ?: client_ask(bus, &c, &list, NULL);
	if (e)
		return e;
	if (ctl_options.json)
		diagnostics_json(list);
	for (size_t i = 0; i < variant_count(list); i++) {
		if (!ctl_options.json)
			print_diagnostic(list->items[i]);
		if (!strcmp(variant_string(variant_at(list->items[i], 2)), "error"))
			e = CTL_FAILURE;
	}
	return e;
}

/* The daemon's program knows the rules; it is installed with us, or beside us in a build
 * folder. Does not return if it can be run. */
static enum ctl_exit check_file(const char *file)
{
	char self[4096], option[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 32);
	char *slash;

	if (snprintf(option, sizeof(option), "--check-config=%s", file) >= (int)sizeof(option))
		return client_complain(CTL_FAILURE, "%s: %s", file, strerror(ENAMETOOLONG));
	fflush(stdout);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		strcpy(slash, "/iopfd");
		execl(self, "iopfd", option, (char *)NULL);
		strcpy(slash, "/../sbin/iopfd");
		execl(self, "iopfd", option, (char *)NULL);
	}
	execlp("iopfd", "iopfd", option, (char *)NULL);
	return client_complain(CTL_FAILURE, "cannot run iopfd: %s", strerror(errno));
}

int verb_check(int argc, char **argv)
{
	enum ctl_exit e = args_read(&argc, argv, NULL, 0, 1);

	if (e)
		return e;
	return argc == 2 ? check_file(argv[1]) : check_running();
}
