/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Latencies are drawn on a logarithmic axis, four bars to a doubling. Numbers are written
 * with snprintf(), so nothing may change LC_NUMERIC.
 */
#include "ctl/svg.h"

#include <math.h>

#include "base/util.h"
#include "ctl/units.h"

#define WIDTH 860.0
#define HEIGHT 640.0
#define LEFT 70.0
#define RIGHT 20.0
#define CHART_HEIGHT 210.0
#define LATENCY_TOP 80.0
#define RATE_TOP 375.0
#define BINS_PER_DOUBLING 4
#define MAX_BINS 256

/* Where a chart is, and what its corners mean. */
struct axes {
	double top;
	double x0, x1;
	double y1; /* y begins at 0 */
};

static double at_x(const struct axes *a, double x)
{
	return LEFT + (x - a->x0) / (a->x1 - a->x0) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct axes *a, double y)
{
	return a->top + CHART_HEIGHT * (1 - y / a->y1);
}

static void text(FILE *out, double x, double y, const char *class, const char *s)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	for (; *s; s++) {
		if (*s == '<')
			fputs("&lt;", out);
		else if (*s == '>')
			fputs("&gt;", out);
		else if (*s == '&')
			fputs("&amp;", out);
		else if ((unsigned char)*s >= 0x20)
			fputc(*s, out);
	}
	fputs("</text>\n", out);
}

static void line(FILE *out, double x0, double y0, double x1, double y1, const char *class)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x0, y0, x1, y1, class);
}

/* 1, 2 or 5 times a power of ten, so that there are at most five steps. */
static double step_of(double range)
{
	double power = pow(10, floor(log10(range / 5)));
	double n = range / 5 / power;

	return power * (n <= 1 ? 1 : n <= 2 ? 2 : n <= 5 ? 5 : 10);
}

static void y_axis(FILE *out, const struct axes *a, const char *title)
{
	char buffer[UNITS_MAX];
	double step = step_of(a->y1);

	for (double y = 0; y <= a->y1 * 1.0001; y += step) {
		line(out, LEFT, at_y(a, y), WIDTH - RIGHT, at_y(a, y), y > 0 ? "grid" : "axis");
		text(out, LEFT - 6, at_y(a, y) + 4, "right", units_rate(buffer, y));
	}
	text(out, LEFT, a->top - 12, "head", title);
}

/* Logarithms to the base of 2 of ns, in steps of the bins. */
static int bin_of(uint64_t ns)
{
	int bin = ns ? (int)floor(log2((double)ns) * BINS_PER_DOUBLING) : 0;

	return MIN(bin, MAX_BINS - 1);
}

static void latency_ticks(FILE *out, const struct axes *a)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	char label[UNITS_MAX];

	for (int decade = 0; decade < 12; decade++) {
		double x = log2(pow(10, decade)) * BINS_PER_DOUBLING;

		if (x < a->x0 || x > a->x1)
			continue;
		line(out, at_x(a, x), a->top, at_x(a, x), a->top + CHART_HEIGHT, "grid");
		snprintf(label, sizeof(label), "%d%s", (int)pow(10, decade % 3), units[decade / 3]);
		text(out, at_x(a, x), a->top + CHART_HEIGHT + 16, "middle", label);
	}
}

static void percentiles(FILE *out, const struct axes *a, const struct buckets *b)
{
	static const struct {
		const char *name;
		unsigned permille;
	} lines[] = { { "p50", 500 }, { "p99", 990 }, { "p99.9", 999 } };
	char value[UNITS_MAX], label[64];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		uint64_t ns = buckets_percentile(b, lines[i].permille);
		double x = at_x(a, log2((double)MAX(ns, 1u)) * BINS_PER_DOUBLING);

		line(out, x, a->top, x, a->top + CHART_HEIGHT, "mark");
		snprintf(label, sizeof(label), "%s %s", lines[i].name, units_ns(value, ns));
		text(out, x + 3, a->top + 12 + 14 * (double)i, "label", label);
	}
}

static void latency_chart(FILE *out, const struct buckets *b)
{
	uint64_t bins[MAX_BINS] = { 0 }, highest = 0;
	struct axes a = { .top = LATENCY_TOP };
	int first, last;

	for (size_t i = 0; i < b->n; i++) {
		bins[bin_of(b->items[i].max_ns)] += b->items[i].count;
		highest = MAX(highest, bins[bin_of(b->items[i].max_ns)]);
	}
	first = b->n ? bin_of(b->items[0].max_ns) : 40;
	last = b->n ? bin_of(b->items[b->n - 1].max_ns) : 80;
	a.x0 = first - 2;
	a.x1 = last + 8; /* room for labels */
	a.y1 = highest ? (double)highest : 1;
	y_axis(out, &a, "Fault groups by latency");
	latency_ticks(out, &a);
	for (int i = first; i <= last; i++)
		if (bins[i])
			fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"bar\"/>\n",
				at_x(&a, i), at_y(&a, (double)bins[i]), at_x(&a, i + 1) - at_x(&a, i) - 0.5,
				at_y(&a, 0) - at_y(&a, (double)bins[i]));
	if (b->n)
		percentiles(out, &a, b);
}

static void time_ticks(FILE *out, const struct axes *a)
{
	double step = step_of(a->x1);
	char label[UNITS_MAX];

	for (double x = 0; x <= a->x1 * 1.0001; x += step) {
		line(out, at_x(a, x), a->top, at_x(a, x), a->top + CHART_HEIGHT, "grid");
		snprintf(label, sizeof(label), "%gs", x);
		text(out, at_x(a, x), a->top + CHART_HEIGHT + 16, "middle", label);
	}
}

static void rate_chart(FILE *out, const struct svg_sample *samples, size_t n)
{
	struct axes a = { .top = RATE_TOP, .x1 = n ? samples[n - 1].seconds : 1 };

	for (size_t i = 0; i < n; i++)
		a.y1 = MAX(a.y1, samples[i].rate);
	if (a.y1 <= 0)
		a.y1 = 1;
	y_axis(out, &a, "Faults per second");
	time_ticks(out, &a);
	if (!n)
		return;
	fputs("<polyline class=\"rate\" points=\"", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%.1f,%.1f", i ? " " : "", at_x(&a, samples[i].seconds), at_y(&a, samples[i].rate));
	fputs("\"/>\n", out);
}

void svg_write(const struct svg_picture *p, FILE *out)
{
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n"
		"<style>text{font:12px sans-serif;fill:#333}.title{font-size:18px;font-weight:bold}"
		".head{font-weight:bold}.right{text-anchor:end}.middle{text-anchor:middle}.label{fill:#b03020}"
		".grid{stroke:#ddd}.axis{stroke:#333}.mark{stroke:#b03020;stroke-dasharray:4 3}"
		".bar{fill:#3b6ea5}.rate{fill:none;stroke:#3b6ea5;stroke-width:1.5}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	text(out, LEFT, 28, "title", p->title);
	text(out, LEFT, 48, "plain", p->subtitle);
	latency_chart(out, &p->latency);
	rate_chart(out, p->samples, p->n_samples);
	fputs("</svg>\n", out);
}
