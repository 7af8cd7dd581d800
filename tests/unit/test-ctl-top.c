/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What top makes of snapshots: rates, percentiles of the interval, another daemon, an object
 * that goes; frames that never are larger than the screen; and the SVG picture.
 */
#include "ctl/top-draw.h"

#include "ctl/svg.h"
#include "t-variant.h"
#include "t.h"

static void look(struct top_model *m, const struct t_daemon *d)
{
	struct snapshot s = t_snapshot(d);

	T_OK(top_model_look(m, &s));
	T_ASSERT(!s.objects);
}

#define NEAR(a, b) T_ASSERT((a) > (b) * 0.999 && (a) < (b) * 1.001)

static void test_rates(void)
{
	struct t_daemon d = { .device = "a", .space = "s", .usec = 1000000, .faults = 100, .evictions = 10,
			      .buckets = { { 1000, 100 } } };
	struct top_model m = { 0 };

	look(&m, &d);
	T_EQ(m.n_devices, 1);
	T_EQ(m.n_spaces, 1);
	T_ASSERT(!m.devices[0].measured && !m.spaces[0].measured);
	T_EQ(m.devices[0].n_history, 0);

	d.usec = 1500000;
	d.faults = 300;
	d.evictions = 20;
	d.buckets[1] = (struct bucket){ 4000, 200 };
	look(&m, &d);
	T_ASSERT(m.devices[0].measured && m.spaces[0].measured);
	NEAR(m.devices[0].rate, 400.0);
	NEAR(m.rate, 400.0);
	NEAR(m.spaces[0].eviction_rate, 20.0);
	NEAR(m.spaces[0].refault_rate, 10.0);
	T_EQ(m.devices[0].p50, 4000);
	T_EQ(m.devices[0].n_history, 1);
	T_EQ(m.devices[0].pending, 3);

	/* Nothing came. */
	d.usec = 2000000;
	look(&m, &d);
	T_ASSERT(m.devices[0].rate <= 0);
	T_EQ(m.devices[0].p99, 0);

	/* Counters that fell are those of another daemon: no rate, until the next look. */
	d = (struct t_daemon){ .device = "a", .space = "s", .usec = 3000000, .faults = 7, .buckets = { { 500, 7 } } };
	look(&m, &d);
	T_ASSERT(!m.devices[0].measured && m.devices[0].rate <= 0);
	d.usec = 4000000;
	d.faults = 17;
	look(&m, &d);
	NEAR(m.devices[0].rate, 10.0);
	T_EQ(m.devices[0].n_history, 3);

	/* Gone, and another one instead. */
	d.device = "b";
	d.space = "t";
	look(&m, &d);
	T_EQ(m.n_devices, 1);
	T_STREQ(m.devices[0].name, "b");
	T_STREQ(m.spaces[0].name, "t");
	T_ASSERT(!m.devices[0].measured);
	top_model_deinit(&m);
}

static void test_history(void)
{
	struct t_daemon d = { .device = "a", .space = "s" };
	struct top_model m = { 0 };

	for (int i = 0; i < TOP_HISTORY + 50; i++) {
		d.usec += 1000000;
		d.faults += i;
		look(&m, &d);
	}
	T_EQ(m.devices[0].n_history, TOP_HISTORY);
	NEAR(m.devices[0].history[TOP_HISTORY - 1], TOP_HISTORY + 49.0);
	NEAR(m.devices[0].history[0], 50.0);
	top_model_deinit(&m);
}

static void test_sort(void)
{
	struct top_device devices[] = { { .name = "b", .rate = 1, .p99 = 9, .pending = 1 },
					{ .name = "a", .rate = 1, .p99 = 8, .invalid = 2 },
					{ .name = "c", .rate = 5, .p99 = 1, .pending = 2 } };
	static const char *const orders[] = { "cab", "bac", "cba", "abc", "abc" };
	struct top_model m = { .devices = devices, .n_devices = 3 };
	char names[4] = "";

	for (int i = 0; i < TOP_ORDERS; i++) {
		top_model_sort(&m, i);
		for (int k = 0; k < 3; k++)
			names[k] = devices[k].name[0];
		T_STREQ(names, orders[i]);
	}
}

/* Lines of a frame, without what positions and colours; their width is within the screen. */
static unsigned check_frame(const char *frame, const struct screen *s)
{
	unsigned lines = 1, width = 0;

	for (; *frame; frame++) {
		if (*frame == '\033') {
			frame += 1 + strcspn(frame, "HKJmhl");
			frame--;
		} else if (*frame == '\n') {
			lines++;
			width = 0;
		} else if (*frame != '\r' && (*frame & 0xc0) != 0x80) {
			width++;
		}
		T_ASSERT(width <= s->columns);
	}
	T_ASSERT(lines <= s->rows);
	return lines;
}

static void draw(struct top_model *m, struct top_view *view, unsigned columns, unsigned rows, bool utf8)
{
	struct screen s = { .columns = columns, .rows = rows, .utf8 = utf8 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	T_ASSERT(out);
	T_OK(top_draw(m, view, &s, out));
	T_EQ(fclose(out), 0);
	T_EQ(check_frame(text, &s), rows);
	if (columns >= 80 && rows >= 20)
		T_ASSERT(strstr(text, "q quit") && strstr(text, view->opened ? "LATENCY" : "P99.9"));
	free(text);
}

/* Every size, also silly ones, opened and not. */
static void test_frames(void)
{
	struct t_daemon d = { .device = "a_device_with_a_name_of_32_letter", .space = "s", .usec = 1000000,
			      .buckets = { { 100, 1 }, { 1000, 5 }, { 1000000, 3 }, { UINT64_C(90000000000), 1 } } };
	struct top_view view = { 0 };
	struct top_model m = { 0 };

	look(&m, &(struct t_daemon){ .device = d.device, .space = "s", .usec = 1 });
	look(&m, &d);
	strcpy(view.selected, d.device);
	for (unsigned columns = 1; columns < 500; columns += columns < 90 ? 1 : 37)
		for (unsigned rows = 1; rows < 60; rows += rows < 26 ? 1 : 11)
			for (int i = 0; i < 4; i++) {
				view.opened = i & 1;
				view.trouble = columns & 1 ? "is not running" : NULL;
				draw(&m, &view, columns, rows, i & 2);
			}
	top_model_deinit(&m);
}

static void test_no_devices(void)
{
	struct top_view view = { .opened = true };
	struct top_model m = { 0 };
	struct snapshot s = t_snapshot(&(struct t_daemon){ .device = "a", .space = "s" });

	variant_free(s.objects);
	s.objects = t_variant("a{oa{sa{sv}}}", 0);
	buckets_deinit(&s.latency[0]);
	T_OK(top_model_look(&m, &s));
	view.opened = false;
	draw(&m, &view, 80, 24, true);
	top_model_deinit(&m);
}

static char *picture(const struct svg_picture *p)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	T_ASSERT(out);
	svg_write(p, out);
	T_EQ(fclose(out), 0);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

/* Well-formed says Python, if there is one; each opened element is closed in any case. */
static void well_formed(const char *text)
{
	FILE *parser = popen("python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.stdin.buffer)'", "w");

	T_ASSERT(parser);
	fputs(text, parser);
	T_EQ(pclose(parser), 0);
	T_ASSERT(!strstr(text, "nan") && !strstr(text, "inf"));
	T_EQ(count(text, "<text"), count(text, "</text>"));
}

static void test_svg(void)
{
	struct bucket items[] = { { 1, 3 }, { 20000, 100 }, { 30000, 50 }, { UINT64_MAX, 1 } };
	struct svg_sample samples[] = { { 1, 100 }, { 2, 250.5 }, { 3.5, 0 } };
	struct svg_picture p = { .title = "a<b>&\"c\"\001", .subtitle = "", .latency = { items, 4 }, .samples = samples,
				 .n_samples = 3 };
	char *text = picture(&p);

	well_formed(text);
	T_ASSERT(strstr(text, "a&lt;b&gt;&amp;\"c\"<"));
	T_EQ(count(text, "class=\"bar\""), 4);
	T_EQ(count(text, "class=\"mark\""), 3);
	free(text);

	/* Nothing happened. */
	text = picture(&(struct svg_picture){ .title = "", .subtitle = "" });
	well_formed(text);
	free(text);
	p.latency.n = 1;
	p.n_samples = 1;
	samples[0].rate = 0;
	text = picture(&p);
	well_formed(text);
	free(text);
}

int main(void)
{
	if (system("python3 -c ''") != 0)
		t_skip("no python3");
	t_run(test_rates);
	t_run(test_history);
	t_run(test_sort);
	t_run(test_frames);
	t_run(test_no_devices);
	t_run(test_svg);
	return 0;
}
