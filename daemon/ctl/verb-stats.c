/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats: counters, a column for each device, space or attachment; below, where the time of
 * faults goes. What is in a column is of one moment.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/buckets.h"
#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/plot.h"
#include "ctl/table.h"
#include "ctl/units.h"

#define PASID_NONE 0xffffffffu
#define MAX_COLUMNS 256

struct column {
	char *name;
	struct variant *owned;
	const struct variant *counters; /* a dict; owned, or within what columns.kept holds */
	struct variant *stages; /* a dict of histograms; NULL: an attachment, or an older daemon */
};

struct columns {
	struct column items[MAX_COLUMNS];
	size_t n;
	struct variant *kept[MAX_COLUMNS];
	size_t n_kept;
};

static struct columns *columns_free(struct columns *c)
{
	for (size_t i = 0; c && i < c->n; i++) {
		free(c->items[i].name);
		variant_free(c->items[i].owned);
		variant_free(c->items[i].stages);
	}
	for (size_t i = 0; c && i < c->n_kept; i++)
		variant_free(c->kept[i]);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct columns, columns_free)

static enum ctl_exit add_object(sd_bus *bus, struct columns *c, const char *method, const char *name)
{
	_cleanup_(variant_freep) struct variant *counters = NULL;
	_cleanup_(variant_freep) struct variant *stages = NULL;
	_cleanup_free_ char *path = NULL, *title = strdup(name ?: "total");
	enum ctl_exit e = name ? client_find(bus, method, name, &path) : CTL_OK;
	const struct client_call get = { path, "org.freedesktop.DBus.Properties", "Get", name, false };

	e = e ?: client_get_all(bus, path, CLIENT_STATISTICS, &counters);
	if (e)
		return e;
	if (!title)
		return client_no_memory();
	client_try(bus, &get, &stages, NULL, "ss", CLIENT_STATISTICS, "LatencyByStage");
	c->items[c->n++] = (struct column){ TAKE_PTR(title), counters, counters, TAKE_PTR(stages) };
	(void)TAKE_PTR(counters);
	return CTL_OK;
}

/* (pasid, space, {counter: value}) */
static enum ctl_exit add_attachment(struct columns *c, const char *device, const struct variant *v)
{
	uint64_t pasid = variant_number(variant_at(v, 0));
	const char *space = variant_string(variant_at(v, 1));
	char *title;
	int r = pasid == PASID_NONE ? asprintf(&title, "%s:%s", device, space) :
				      asprintf(&title, "%s#%" PRIu64 ":%s", device, pasid, space);

	if (r < 0)
		return client_no_memory();
	c->items[c->n++] = (struct column){ title, NULL, variant_at(v, 2), NULL };
	return CTL_OK;
}

static enum ctl_exit add_attachments(sd_bus *bus, struct columns *c, const char *name)
{
	_cleanup_(variant_freep) struct variant *list = NULL;
	_cleanup_free_ char *path = NULL;
	enum ctl_exit e = client_find(bus, "GetDevice", name, &path);
	const struct client_call call = { path, CLIENT_DEVICE, "GetAttachmentStatistics", name, false };

	e = e ?: client_ask(bus, &call, &list, NULL);
	for (size_t i = 0; !e && i < variant_count(list) && c->n < MAX_COLUMNS; i++)
		e = add_attachment(c, object_name(path), list->items[i]);
	if (list)
		c->kept[c->n_kept++] = TAKE_PTR(list);
	return e;
}

/* Rows are what the first column has; a counter that another one lacks is "-" there. */
static enum ctl_exit print_text(const struct columns *c)
{
	_cleanup_free_ const char **headers = calloc(c->n + 2, sizeof(*headers));
	_cleanup_free_ char *titles = NULL;
	_cleanup_(table_freep) struct table *t = NULL;
	size_t size;
	FILE *out = open_memstream(&titles, &size);
	char *title;

	if (!headers || !out)
		return client_no_memory();
	for (size_t i = 0; i < c->n; i++)
		fprintf(out, ">%s%c", c->items[i].name, 0);
	if (fclose(out))
		return client_no_memory();
	title = titles;
	headers[0] = "COUNTER";
	for (size_t i = 0; i < c->n; i++, title += strlen(title) + 1)
		headers[i + 1] = title;
	t = table_new(headers);
	for (size_t row = 0; t && row < variant_count(c->items[0].counters); row++) {
		const char *key = c->items[0].counters->items[row]->key;

		table_cell(t, COLOUR_NONE, "%s", key);
		for (size_t i = 0; i < c->n; i++) {
			const struct variant *v = variant_get(c->items[i].counters, key);
			_cleanup_free_ char *text = v ? object_property(key, v) : strdup("-");

			table_cell(t, COLOUR_NONE, "%s", text ?: "");
		}
	}
	return !t || table_print(t, stdout) < 0 ? client_no_memory() : CTL_OK;
}

static enum ctl_exit add_stages(struct table *t, const struct column *c, bool named)
{
	for (size_t i = 0; i < variant_count(c->stages); i++) {
		_cleanup_(buckets_deinit) struct buckets b = { 0 };
		char p50[UNITS_MAX], p99[UNITS_MAX];
		int r = buckets_read(c->stages->items[i], &b);

		if (r == -ENOMEM)
			return client_no_memory();
		if (r < 0)
			return client_complain(CTL_FAILURE, "LatencyByStage makes no sense");
		if (!b.n)
			continue;
		table_cell(t, COLOUR_NONE, "%s", c->stages->items[i]->key);
		table_cell(t, COLOUR_NONE, "%" PRIu64, buckets_total(&b));
		table_cell(t, COLOUR_NONE, "%s", units_ns(p50, buckets_percentile(&b, 500)));
		table_cell(t, COLOUR_NONE, "%s", units_ns(p99, buckets_percentile(&b, 990)));
		if (named)
			table_cell(t, COLOUR_NONE, "%s", c->name);
	}
	return CTL_OK;
}

/* A row for each stage that any sample was in; the names only where there are several. */
static enum ctl_exit print_stages(const struct columns *c)
{
	const char *const headers[] = { "STAGE", ">SAMPLES", ">P50", ">P99", c->n > 1 ? "OF" : NULL, NULL };
	_cleanup_(table_freep) struct table *t = table_new(headers);
	bool any = false;
	enum ctl_exit e;

	if (!t)
		return client_no_memory();
	for (size_t i = 0; i < c->n; i++) {
		const struct variant *stages = c->items[i].stages;

		/* Each sample begins in the first one. */
		any = any || variant_count(variant_at(stages, 0)) > 0;
		e = add_stages(t, &c->items[i], c->n > 1);
		if (e)
			return e;
	}
	if (!any)
		return CTL_OK;
	putchar('\n');
	return table_print(t, stdout) < 0 ? client_no_memory() : CTL_OK;
}

/* One column: an object. Several: an array of them. */
static void print_json(const struct columns *c)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);

	if (c->n != 1)
		json_begin(&j, '[');
	for (size_t i = 0; i < c->n; i++) {
		json_begin(&j, '{');
		json_key(&j, "Name");
		json_string(&j, c->items[i].name);
		for (size_t k = 0; k < variant_count(c->items[i].counters); k++) {
			json_key(&j, c->items[i].counters->items[k]->key);
			variant_to_json(c->items[i].counters->items[k], &j);
		}
		if (c->items[i].stages) {
			json_key(&j, "LatencyByStage");
			variant_to_json(c->items[i].stages, &j);
		}
		json_end(&j, '}');
	}
	if (c->n != 1)
		json_end(&j, ']');
}

static enum ctl_exit print(sd_bus *bus, int argc, char **argv, bool spaces, bool attachments)
{
	_cleanup_(columns_freep) struct columns *c = calloc(1, sizeof(*c));
	enum ctl_exit e = CTL_OK;

	if (!c)
		return client_no_memory();
	if (argc == 1)
		e = add_object(bus, c, NULL, NULL);
	for (int i = 1; i < argc && !e && c->n < MAX_COLUMNS; i++)
		e = attachments ? add_attachments(bus, c, argv[i]) :
				  add_object(bus, c, spaces ? "GetSpace" : "GetDevice", argv[i]);
	if (e)
		return e;
	if (ctl_options.json)
		print_json(c);
	else if (c->n)
		e = print_text(c) ?: print_stages(c);
	return e;
}

int verb_stats(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	bool spaces = false, attachments = false;
	struct plot_request plot = PLOT_REQUEST_INIT;
	const char *interval = NULL, *duration = NULL;
	const struct args_option options[] = {
		{ .name = "--space", .flag = &spaces },
		{ .name = "--attachments", .flag = &attachments },
		{ .name = "--plot", .value = &plot.file },
		{ .name = "--interval", .value = &interval },
		{ .name = "--duration", .value = &duration },
		{ 0 },
	};
	enum ctl_exit e = args_read(&argc, argv, options, 0, -1);

	if (!e && spaces && attachments)
		e = client_usage(argv[0], "--space and --attachments exclude each other");
	if (!e && attachments && argc == 1)
		e = client_usage(argv[0], "--attachments wants the name of a device");
	if (!e && plot.file && (argc > 2 || attachments))
		e = client_usage(argv[0], "--plot draws one device, one space or the total");
	if (!e && !plot.file && (interval || duration))
		e = client_usage(argv[0], "--interval and --duration belong to --plot");
	if (!e && interval)
		e = args_usec(argv[0], interval, &plot.interval_usec);
	if (!e && duration)
		e = args_usec(argv[0], duration, &plot.duration_usec);
	if (!e && (!plot.interval_usec || plot.duration_usec < plot.interval_usec))
		e = client_usage(argv[0], "the interval is 0, or longer than the duration");
	e = e ?: client_open(&bus);
	if (e)
		return e;
	if (!plot.file)
		return print(bus, argc, argv, spaces, attachments);
	plot.name = argv[1];
	plot.find = spaces ? "GetSpace" : "GetDevice";
	return plot_record(bus, &plot);
}
