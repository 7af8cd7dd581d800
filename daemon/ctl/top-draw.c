/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything fits in 80 columns; what more there are go to names, histories and bars. Spaces
 * get their lines first, as long as half of the rows are left for devices.
 */
#include "ctl/top-draw.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/spark.h"
#include "ctl/units.h"

#define MAX_COLUMNS 400
#define MAX_BINS 40 /* one for each doubling of ns */

/* Widths of the columns of the list that are not fixed. */
struct layout {
	unsigned name;
	unsigned history;
	unsigned bar;
};

static struct layout layout_of(const struct top_model *m, const struct screen *s)
{
	struct layout l = { .name = 8 };
	unsigned columns = MIN(s->columns, (unsigned)MAX_COLUMNS), rest;

	for (size_t i = 0; i < m->n_devices; i++)
		l.name = MAX(l.name, (unsigned)strlen(m->devices[i].name));
	for (size_t i = 0; i < m->n_spaces; i++)
		l.name = MAX(l.name, (unsigned)strlen(m->spaces[i].name));
	l.name = MIN(l.name, columns / 4);
	/* 57: the other columns of the list of devices, and what is between them. */
	rest = columns > l.name + 57 ? columns - l.name - 57 : 0;
	l.history = MIN(rest, (unsigned)TOP_HISTORY);
	rest = columns > l.name + 42 ? columns - l.name - 42 : 0;
	l.bar = MIN(rest, 100u);
	return l;
}

static void draw_header(const struct top_model *m, const struct top_view *view, struct screen *s)
{
	const struct variant *manager = m->snapshot.manager, *total = m->snapshot.statistics;
	const char *state = variant_string(variant_get(manager, "State"));
	uint64_t now = variant_number(variant_get(total, "SnapshotMonotonicUSec")), mapped = 0;
	uint64_t start = variant_number(variant_get(manager, "StartTimestampMonotonicUSec"));
	char text[UNITS_MAX];

	for (size_t i = 0; i < m->n_spaces; i++)
		mapped += m->spaces[i].mapped;
	screen_put(s, COLOUR_BOLD, "iopfd %s", variant_string(variant_get(manager, "Version")));
	if (view->trouble)
		screen_put(s, COLOUR_RED, "  %s", view->trouble);
	else
		screen_put(s, colour_of_state(state), "  %s", state);
	screen_put(s, COLOUR_NONE, "  up %s, %s", units_duration(text, now > start ? now - start : 0),
		   variant_string(variant_get(manager, "Backend")));
	screen_line(s);
	screen_put(s, COLOUR_NONE, "%zu device%s, %zu space%s", m->n_devices, m->n_devices == 1 ? "" : "s", m->n_spaces,
		   m->n_spaces == 1 ? "" : "s");
	screen_put(s, COLOUR_NONE, ", %s faults/s", units_rate(text, m->rate));
	screen_put(s, COLOUR_NONE, ", %" PRIu64 " pending", variant_number(variant_get(total, "FaultsPending")));
	screen_put(s, COLOUR_NONE, ", %s pinned", units_size(text, mapped));
	screen_line(s);
}

/* "-" while there is nothing to show. */
static void put_ns(struct screen *s, const struct top_device *d, uint64_t ns)
{
	char text[UNITS_MAX];

	screen_put(s, COLOUR_NONE, " %7s", d->measured && ns ? units_ns(text, ns) : "-");
}

static void put_rate(struct screen *s, bool measured, double rate, int width)
{
	char text[UNITS_MAX];

	screen_put(s, COLOUR_NONE, " %*s", width, measured ? units_rate(text, rate) : "-");
}

static void draw_device(const struct top_device *d, const struct layout *l, bool selected, struct screen *s)
{
	char history[SPARK_SIZE(TOP_HISTORY)], text[UNITS_MAX];

	spark_line(d->history, d->n_history, l->history, s->utf8, history);
	screen_put(s, selected ? COLOUR_BOLD : COLOUR_NONE, "%c%-*.*s", selected ? '>' : ' ', l->name, l->name,
		   d->name);
	screen_put(s, colour_of_state(d->state), " %-9.9s", d->state);
	put_rate(s, d->measured, d->rate, 8);
	screen_put(s, COLOUR_GREEN, " %s", history);
	put_ns(s, d, d->p50);
	put_ns(s, d, d->p99);
	put_ns(s, d, d->p999);
	screen_put(s, COLOUR_NONE, " %4s", units_count(text, d->pending));
	screen_put(s, d->invalid ? COLOUR_RED : COLOUR_NONE, " %6s", units_count(text, d->invalid));
	screen_line(s);
}

/* The part of the list in which the selected one is; returns where that is. */
static size_t scroll(const struct top_model *m, struct top_view *view, size_t rows)
{
	size_t at = 0;

	for (size_t i = 0; i < m->n_devices; i++)
		if (!strcmp(m->devices[i].name, view->selected))
			at = i;
	if (view->first > at)
		view->first = at;
	if (at >= view->first + rows)
		view->first = at - rows + 1;
	return at;
}

static void draw_devices(const struct top_model *m, struct top_view *view, const struct layout *l, size_t rows,
			 struct screen *s)
{
	char title[MAX_COLUMNS * 2];
	size_t at = scroll(m, view, rows);

	snprintf(title, sizeof(title), " %-*.*s %-9s %8s %-*.*s %7s %7s %7s %4s %6s", l->name, l->name, "DEVICE",
		 "STATE", "FAULTS/S", l->history, l->history, "HISTORY", "P50", "P99", "P99.9", "PEND", "INVAL");
	screen_reverse(s, title);
	for (size_t i = view->first; i < m->n_devices && i < view->first + rows; i++)
		draw_device(&m->devices[i], l, i == at, s);
}

static void draw_space(const struct top_space *space, const struct layout *l, struct screen *s)
{
	char bar[SPARK_SIZE(MAX_COLUMNS)], mapped[UNITS_MAX], budget[UNITS_MAX], backed[UNITS_MAX];
	double fraction = space->budget ? (double)space->mapped / (double)space->budget : 0;

	spark_bar(fraction, l->bar, s->utf8, bar);
	screen_put(s, COLOUR_NONE, " %-*.*s %6s %6s ", l->name, l->name, space->name, units_size(mapped, space->mapped),
		   space->budget ? units_size(budget, space->budget) : "-");
	screen_put(s, fraction > 0.95 ? COLOUR_YELLOW : COLOUR_GREEN, "%s", bar);
	screen_put(s, COLOUR_NONE, " %7s", units_size(backed, space->backed));
	put_rate(s, space->measured, space->eviction_rate, 8);
	put_rate(s, space->measured, space->refault_rate, 8);
	screen_line(s);
}

static void draw_spaces_title(const struct layout *l, struct screen *s)
{
	char title[MAX_COLUMNS * 2];

	snprintf(title, sizeof(title), " %-*.*s %6s %6s %-*.*s %7s %8s %8s", l->name, l->name, "SPACE", "MAPPED",
		 "BUDGET", l->bar, l->bar, "MAPPED OF BUDGET", "BACKED", "EVICT/S", "REFLT/S");
	screen_reverse(s, title);
}

static void draw_list(const struct top_model *m, struct top_view *view, struct screen *s)
{
	struct layout l = layout_of(m, s);
	/* Two lines of the header, two titles, the keys, and a blank one. */
	size_t rows = s->rows > 6 ? s->rows - 6 : 0, spaces = MIN(m->n_spaces, rows / 2);
	size_t devices = MIN(m->n_devices, rows - spaces);

	spaces = MIN(m->n_spaces, rows - devices);
	draw_devices(m, view, &l, devices, s);
	screen_line(s);
	draw_spaces_title(&l, s);
	for (size_t i = 0; i < spaces; i++)
		draw_space(&m->spaces[i], &l, s);
}

/* Groups by doublings of their latency, together with the first and the last that have any. */
static bool fold(const struct buckets *b, uint64_t bins[static MAX_BINS], unsigned *ret_first, unsigned *ret_last)
{
	unsigned bin;

	memset(bins, 0, MAX_BINS * sizeof(*bins));
	for (size_t i = 0; i < b->n; i++) {
		bin = b->items[i].max_ns ? 63 - (unsigned)__builtin_clzll(b->items[i].max_ns) : 0;
		bin = MIN(bin, MAX_BINS - 1u);
		bins[bin] += b->items[i].count;
		*ret_first = i ? *ret_first : bin;
		*ret_last = bin;
	}
	return b->n > 0;
}

static void draw_histogram(const struct top_device *d, size_t rows, struct screen *s)
{
	char bar[SPARK_SIZE(MAX_COLUMNS)], from[UNITS_MAX], to[UNITS_MAX], text[UNITS_MAX];
	unsigned width = MIN(s->columns > 34 ? s->columns - 34 : 0, (unsigned)MAX_COLUMNS - 1), first = 0, last = 0;
	uint64_t bins[MAX_BINS], highest = 1;

	screen_reverse(s, " LATENCY              GROUPS of the last interval");
	if (!d->measured || !fold(&d->interval, bins, &first, &last)) {
		screen_put(s, COLOUR_GREY, " no fault was answered");
		screen_line(s);
		return;
	}
	/* Rather lose the fastest ones than the tail. */
	if (rows && last - first >= rows)
		first = last - (unsigned)rows + 1;
	for (unsigned i = first; i <= last; i++)
		highest = MAX(highest, bins[i]);
	for (unsigned i = first; i <= last; i++) {
		spark_bar((double)bins[i] / (double)highest, width, s->utf8, bar);
		screen_put(s, COLOUR_NONE, " %8s - %-8s ", units_ns(from, 1ull << i), units_ns(to, 2ull << i));
		screen_put(s, COLOUR_NONE, "%9s ", bins[i] ? units_count(text, bins[i]) : "");
		screen_put(s, COLOUR_GREEN, "%s", bar);
		screen_line(s);
	}
}

static bool uses(const struct top_space *space, const char *device)
{
	for (size_t i = 0; i < variant_count(space->devices); i++)
		if (!strcmp(object_name(variant_string(variant_at(space->devices, i))), device))
			return true;
	return false;
}

static void draw_opened(const struct top_model *m, const struct top_device *d, struct screen *s)
{
	char history[SPARK_SIZE(TOP_HISTORY)], text[UNITS_MAX];
	struct layout l = layout_of(m, s);
	size_t spaces = 0, used;

	screen_put(s, COLOUR_BOLD, "%s", d->name);
	screen_put(s, colour_of_state(d->state), "  %s", d->state);
	screen_put(s, COLOUR_NONE, "  %s", d->address);
	screen_line(s);
	for (size_t at = 0; d->error[at]; at += strnlen(d->error + at, MAX(s->columns, 1u))) {
		screen_put(s, COLOUR_RED, "%.*s", (int)s->columns, d->error + at);
		screen_line(s);
	}
	put_rate(s, d->measured, d->rate, 0);
	screen_put(s, COLOUR_NONE, " faults/s, %s in all", units_count(text, d->faults));
	screen_put(s, COLOUR_NONE, ", %s pending", units_count(text, d->pending));
	screen_put(s, d->invalid ? COLOUR_RED : COLOUR_NONE, ", %s invalid", units_count(text, d->invalid));
	screen_line(s);
	used = MIN(s->columns > 2 ? s->columns - 2 : 0, (unsigned)TOP_HISTORY);
	spark_line(d->history, d->n_history, used, s->utf8, history);
	screen_put(s, COLOUR_GREEN, " %s", history);
	screen_line(s);
	screen_put(s, COLOUR_NONE, " p50");
	put_ns(s, d, d->p50);
	screen_put(s, COLOUR_NONE, "   p99");
	put_ns(s, d, d->p99);
	screen_put(s, COLOUR_NONE, "   p99.9");
	put_ns(s, d, d->p999);
	screen_line(s);
	for (size_t i = 0; i < m->n_spaces; i++)
		spaces += uses(&m->spaces[i], d->name);
	/* Two titles, the keys and a blank line are still to come. */
	used = s->row + 4 + spaces;
	draw_histogram(d, s->rows > used ? s->rows - used : 1, s);
	screen_line(s);
	draw_spaces_title(&l, s);
	for (size_t i = 0; i < m->n_spaces; i++)
		if (uses(&m->spaces[i], d->name))
			draw_space(&m->spaces[i], &l, s);
}

static const struct top_device *selected(const struct top_model *m, const struct top_view *view)
{
	for (size_t i = 0; i < m->n_devices; i++)
		if (!strcmp(m->devices[i].name, view->selected))
			return &m->devices[i];
	return NULL;
}

int top_draw(const struct top_model *m, struct top_view *view, struct screen *s, FILE *out)
{
	const struct top_device *opened = view->opened ? selected(m, view) : NULL;
	int r = screen_begin(s);

	if (r < 0)
		return r;
	draw_header(m, view, s);
	if (opened)
		draw_opened(m, opened, s);
	else
		draw_list(m, view, s);
	while (s->row + 1 < s->rows)
		screen_line(s);
	if (opened)
		screen_put(s, COLOUR_GREY, "q quit   left back   up/down other device");
	else
		screen_put(s, COLOUR_GREY, "q quit   s sort (by %s)   up/down select   enter open",
			   top_order_name(view->order));
	screen_end(s, out);
	return 0;
}
