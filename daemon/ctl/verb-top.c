/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * top: looks at the daemon once an interval. On a terminal it waits for a daemon that is gone
 * and answers to keys; elsewhere it prints lines, and ends with the daemon.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/top-draw.h"
#include "ctl/units.h"

#define MIN_DELAY_USEC 100000
#define LINE "%-8s %-16s %-9s %8s %8s %8s %8s %7s %7s\n"

struct top {
	sd_bus *bus;
	struct top_model model;
	struct top_view view;
	struct screen screen;
	uint64_t delay_ns;
	uint64_t count; /* looks; 0 = no end */
	bool chosen;    /* the user selected a device; before that it is the first one */
};

static void top_deinit(struct top *t)
{
	screen_leave();
	top_model_deinit(&t->model);
	sd_bus_flush_close_unref(t->bus);
}

static bool has_gone(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY);
}

/* waits: a daemon that has gone is shown as such. */
static enum ctl_exit look(struct top *t, bool waits)
{
	const struct client_call c = { .subject = CLIENT_NAME };
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(snapshot_deinit) struct snapshot snapshot = { 0 };
	int r = snapshot_try(t->bus, true, &snapshot, &error);

	if (r < 0 && waits && has_gone(&error)) {
		t->view.trouble = "is not running; waiting for it";
		return CTL_OK;
	}
	t->view.trouble = NULL;
	if (r < 0) {
		screen_leave();
		return client_failed(&c, &error, r);
	}
	if (top_model_look(&t->model, &snapshot) < 0) {
		screen_leave();
		return client_no_memory();
	}
	top_model_sort(&t->model, t->view.order);
	if (!t->chosen && t->model.n_devices)
		strcpy(t->view.selected, t->model.devices[0].name);
	return CTL_OK;
}

static void select_next(struct top *t, int step)
{
	size_t at = 0;

	if (!t->model.n_devices)
		return;
	for (size_t i = 0; i < t->model.n_devices; i++)
		if (!strcmp(t->model.devices[i].name, t->view.selected))
			at = i;
	if (step < 0 ? at > 0 : at + 1 < t->model.n_devices)
		at += step;
	strcpy(t->view.selected, t->model.devices[at].name);
	t->chosen = true;
}

/* False: the end. */
static bool on_key(struct top *t, int key)
{
	switch (key) {
	case SCREEN_END:
	case SCREEN_LETTER + 'q':
		return false;
	case SCREEN_LETTER + 's':
		t->view.order = (t->view.order + 1) % TOP_ORDERS;
		top_model_sort(&t->model, t->view.order);
		break;
	case SCREEN_UP:
	case SCREEN_LETTER + 'k':
		select_next(t, -1);
		break;
	case SCREEN_DOWN:
	case SCREEN_LETTER + 'j':
		select_next(t, 1);
		break;
	case SCREEN_ENTER:
	case SCREEN_RIGHT:
		t->view.opened = t->chosen = true;
		break;
	case SCREEN_LEFT:
	case SCREEN_ESCAPE:
		t->view.opened = false;
		break;
	case SCREEN_RESIZE:
		screen_resize(&t->screen);
		break;
	}
	return true;
}

static enum ctl_exit run_screen(struct top *t)
{
	uint64_t next;
	int key;
	enum ctl_exit e = look(t, false);

	if (e)
		return e;
	screen_init(&t->screen);
	if (screen_enter() < 0)
		return client_complain(CTL_FAILURE, "cannot use the terminal: %s", strerror(errno));
	next = clock_now_ns();
	for (uint64_t i = 0; !e && (!t->count || i < t->count); i++) {
		next += t->delay_ns;
		do {
			if (top_draw(&t->model, &t->view, &t->screen, stdout) < 0)
				return client_no_memory();
			key = screen_key(next);
			if (!on_key(t, key))
				return CTL_OK;
		} while (key != SCREEN_NONE);
		e = look(t, true);
	}
	return e;
}

/* "-": nothing was answered in the interval. */
static const char *latency(char *buffer, uint64_t ns)
{
	return ns ? units_ns(buffer, ns) : "-";
}

static void print_devices(const struct top_model *m)
{
	char text[6][UNITS_MAX], now[16];
	time_t t = time(NULL);
	struct tm tm;

	strftime(now, sizeof(now), "%T", localtime_r(&t, &tm));
	for (size_t i = 0; i < m->n_devices; i++) {
		const struct top_device *d = &m->devices[i];

		if (!d->measured)
			continue;
		printf(LINE, now, d->name, d->state, units_rate(text[0], d->rate),
		       latency(text[1], d->p50), latency(text[2], d->p99), latency(text[3], d->p999),
		       units_count(text[4], d->pending), units_count(text[5], d->invalid));
	}
}

static void device_json(const struct top_device *d, struct json *j)
{
	json_begin(j, '{');
	json_key(j, "Name");
	json_string(j, d->name);
	json_key(j, "State");
	json_string(j, d->state);
	json_key(j, "FaultsPerSecond");
	json_real(j, d->rate);
	json_key(j, "LatencyP50NSec");
	json_unsigned(j, d->p50);
	json_key(j, "LatencyP99NSec");
	json_unsigned(j, d->p99);
	json_key(j, "LatencyP999NSec");
	json_unsigned(j, d->p999);
	json_key(j, "FaultsPending");
	json_unsigned(j, d->pending);
	json_key(j, "ResponsesInvalid");
	json_unsigned(j, d->invalid);
	json_end(j, '}');
}

static void space_json(const struct top_space *s, struct json *j)
{
	json_begin(j, '{');
	json_key(j, "Name");
	json_string(j, s->name);
	json_key(j, "MappedBytes");
	json_unsigned(j, s->mapped);
	json_key(j, "Budget");
	json_unsigned(j, s->budget);
	json_key(j, "BackedBytes");
	json_unsigned(j, s->backed);
	json_key(j, "EvictionsPerSecond");
	json_real(j, s->eviction_rate);
	json_key(j, "RefaultsPerSecond");
	json_real(j, s->refault_rate);
	json_end(j, '}');
}

static void print_json(const struct top_model *m)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);

	json_begin(&j, '{');
	json_key(&j, "SnapshotMonotonicUSec");
	variant_to_json(variant_get(m->snapshot.statistics, "SnapshotMonotonicUSec"), &j);
	json_key(&j, "Devices");
	json_begin(&j, '[');
	for (size_t i = 0; i < m->n_devices; i++)
		if (m->devices[i].measured)
			device_json(&m->devices[i], &j);
	json_end(&j, ']');
	json_key(&j, "Spaces");
	json_begin(&j, '[');
	for (size_t i = 0; i < m->n_spaces; i++)
		if (m->spaces[i].measured)
			space_json(&m->spaces[i], &j);
	json_end(&j, ']');
	json_end(&j, '}');
}

/* The first look is only what the second is compared with. */
static enum ctl_exit run_lines(struct top *t)
{
	struct timespec delay = { (time_t)(t->delay_ns / NSEC_PER_SEC), (long)(t->delay_ns % NSEC_PER_SEC) };
	enum ctl_exit e = look(t, false);

	if (!e && !ctl_options.json)
		printf(LINE, "TIME", "DEVICE", "STATE", "FAULTS/S", "P50", "P99", "P99.9", "PENDING", "INVALID");
	for (uint64_t i = 0; !e && (!t->count || i < t->count); i++) {
		fflush(stdout);
		nanosleep(&delay, NULL);
		e = look(t, false);
		if (!e && ctl_options.json)
			print_json(&t->model);
		else if (!e)
			print_devices(&t->model);
	}
	return e;
}

int verb_top(int argc, char **argv)
{
	_cleanup_(top_deinit) struct top t = { 0 };
	const char *delay = NULL, *count = NULL;
	const struct args_option options[] = {
		{ .name = "--delay", .letter = 'd', .value = &delay },
		{ .name = "--count", .letter = 'n', .value = &count },
		{ 0 },
	};
	enum ctl_exit e = args_read(&argc, argv, options, 0, 0);
	uint64_t usec = 1000000;

	if (!e && delay)
		e = args_usec(argv[0], delay, &usec);
	if (!e && (usec < MIN_DELAY_USEC || usec > UINT64_C(86400000000)))
		e = client_usage(argv[0], "--delay is from 100ms to 24h");
	if (!e && count)
		e = args_number(argv[0], count, UINT64_MAX, &t.count);
	if (!e && count && !t.count)
		e = client_usage(argv[0], "--count is at least 1");
	t.delay_ns = usec * NSEC_PER_USEC;
	e = e ?: client_open(&t.bus);
	if (e)
		return e;
	return isatty(STDOUT_FILENO) && !ctl_options.json ? run_screen(&t) : run_lines(&t);
}
