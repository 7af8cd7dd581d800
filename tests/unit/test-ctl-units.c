/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers with units, small drawings, and percentiles of histograms.
 */
#include "ctl/units.h"

#include "ctl/buckets.h"
#include "ctl/ctl.h"
#include "ctl/spark.h"
#include "ctl/table.h"
#include "t.h"

#define PARSES(fn, text, expected)          \
	do {                                \
		uint64_t v_ = 0;            \
		T_EQ(fn(text, &v_), 0);     \
		T_EQ(v_, expected);         \
	} while (0)

#define FAILS(fn, text, error)                \
	do {                                  \
		uint64_t v_ = 4711;           \
		T_EQ(fn(text, &v_), -(error)); \
		T_EQ(v_, 4711);               \
	} while (0)

static void test_parse_size(void)
{
	PARSES(units_parse_size, "0", 0);
	PARSES(units_parse_size, "4096", 4096);
	PARSES(units_parse_size, "7B", 7);
	PARSES(units_parse_size, "64K", 65536);
	PARSES(units_parse_size, "3M", 3 << 20);
	PARSES(units_parse_size, "2T", UINT64_C(2) << 40);
	PARSES(units_parse_size, "0x1000", 4096);
	PARSES(units_parse_size, "0xB", 11);
	PARSES(units_parse_size, "18446744073709551615", UINT64_MAX);
	FAILS(units_parse_size, "18446744073709551616", ERANGE);
	FAILS(units_parse_size, "16777216T", ERANGE);
	FAILS(units_parse_size, "99999999999999999999K", ERANGE);
	FAILS(units_parse_size, "", EINVAL);
	FAILS(units_parse_size, "-1", EINVAL);
	FAILS(units_parse_size, " 1", EINVAL);
	FAILS(units_parse_size, "1 K", EINVAL);
	FAILS(units_parse_size, "1KB", EINVAL);
	FAILS(units_parse_size, "0x", EINVAL);
	FAILS(units_parse_size, "0x1K", EINVAL);
	FAILS(units_parse_size, "1k", EINVAL);
}

static void test_parse_number(void)
{
	PARSES(units_parse_number, "12", 12);
	PARSES(units_parse_number, "0xfffff", 0xfffff);
	FAILS(units_parse_number, "1K", EINVAL);
	FAILS(units_parse_number, "+1", EINVAL);
}

static void test_parse_usec(void)
{
	PARSES(units_parse_usec, "5", 5000000);
	PARSES(units_parse_usec, "5s", 5000000);
	PARSES(units_parse_usec, "200ms", 200000);
	PARSES(units_parse_usec, "7us", 7);
	PARSES(units_parse_usec, "2min", 120000000);
	PARSES(units_parse_usec, "1h", UINT64_C(3600000000));
	PARSES(units_parse_usec, "0.25", 250000);
	PARSES(units_parse_usec, "1.5ms", 1500);
	PARSES(units_parse_usec, "0.0000009s", 0);
	FAILS(units_parse_usec, "1d", EINVAL);
	FAILS(units_parse_usec, ".5", EINVAL);
	FAILS(units_parse_usec, "1.", EINVAL);
	FAILS(units_parse_usec, "0x10", EINVAL);
	FAILS(units_parse_usec, "99999999999999h", ERANGE);
}

static void test_write(void)
{
	char b[UNITS_MAX];

	T_STREQ(units_size(b, 0), "0B");
	T_STREQ(units_size(b, 1023), "1023B");
	T_STREQ(units_size(b, 64 << 20), "64M");
	T_STREQ(units_size(b, 1025), "1.00K");
	T_STREQ(units_size(b, 1100 << 10), "1.07M");
	T_STREQ(units_size(b, (UINT64_C(1) << 30) - 1), "1.00G");
	T_STREQ(units_size(b, UINT64_MAX), "16.0E");
	T_STREQ(units_count(b, 9999), "9999");
	T_STREQ(units_count(b, 10000), "10.0k");
	T_STREQ(units_count(b, 1234567), "1.23M");
	T_STREQ(units_count(b, 999999), "1.00M");
	T_STREQ(units_rate(b, 0), "0");
	T_STREQ(units_rate(b, 0.5), "0.50");
	T_STREQ(units_rate(b, 99.96), "100");
	T_STREQ(units_rate(b, 12345), "12.3k");
	T_STREQ(units_ns(b, 999), "999ns");
	T_STREQ(units_ns(b, 1000), "1.00us");
	T_STREQ(units_ns(b, 23456), "23.5us");
	T_STREQ(units_ns(b, UINT64_C(5000000000)), "5.00s");
	T_STREQ(units_duration(b, 59999999), "59s");
	T_STREQ(units_duration(b, 61000000), "1min 1s");
	T_STREQ(units_duration(b, UINT64_C(7260000000)), "2h 1min");
	T_STREQ(units_duration(b, UINT64_C(90000000000)), "1d 1h");
}

/* All that is ever written is short: columns rely on it. */
static void test_width(void)
{
	char b[UNITS_MAX];

	for (unsigned i = 0; i < 64; i++)
		for (int d = -1; d <= 1; d++) {
			uint64_t v = (UINT64_C(1) << i) + d;

			T_ASSERT(strlen(units_size(b, v)) <= 5);
			T_ASSERT(strlen(units_count(b, v)) <= 5);
			T_ASSERT(strlen(units_rate(b, (double)v)) <= 12);
			if (i < 37)
				T_ASSERT(strlen(units_ns(b, v)) <= 6);
		}
}

static void test_spark(void)
{
	const double values[] = { 0, 1, 4, 8, 0.001 };
	char text[SPARK_SIZE(10)];

	spark_line(values, 5, 5, true, text);
	T_STREQ(text, " ▁▄█▁");
	spark_line(values, 5, 3, true, text);
	T_STREQ(text, "▄█▁");
	spark_line(values, 2, 4, true, text);
	T_STREQ(text, "   █");
	spark_line(values, 1, 3, true, text);
	T_STREQ(text, "   ");
	spark_line(values, 0, 2, true, text);
	T_STREQ(text, "  ");
	spark_line(values, 5, 5, false, text);
	T_STREQ(text, " _-#_");
	spark_line(values, 5, 0, true, text);
	T_STREQ(text, "");
}

static void test_bar(void)
{
	char text[SPARK_SIZE(10)];

	spark_bar(0, 3, true, text);
	T_STREQ(text, "   ");
	spark_bar(1e-9, 3, true, text);
	T_STREQ(text, "▏  ");
	spark_bar(0.5, 3, true, text);
	T_STREQ(text, "█▌ ");
	spark_bar(1, 3, true, text);
	T_STREQ(text, "███");
	spark_bar(7, 3, true, text);
	T_STREQ(text, "███");
	spark_bar(0.5, 3, false, text);
	T_STREQ(text, "#- ");
	spark_bar(0.5, 0, true, text);
	T_STREQ(text, "");
}

static void test_buckets(void)
{
	struct bucket first[] = { { 15, 2 }, { 31, 5 } }, second[] = { { 7, 1 }, { 15, 2 }, { 31, 8 }, { 63, 4 } };
	struct buckets before = { first, 2 }, now = { second, 4 }, since;

	T_EQ(buckets_since(&now, &before, &since), 0);
	T_EQ(since.n, 3);
	T_EQ(since.items[0].max_ns, 7);
	T_EQ(since.items[1].max_ns, 31);
	T_EQ(since.items[1].count, 3);
	T_EQ(buckets_total(&since), 8);
	T_EQ(buckets_percentile(&since, 500), 31);
	T_EQ(buckets_percentile(&since, 125), 7);
	T_EQ(buckets_percentile(&since, 126), 31);
	T_EQ(buckets_percentile(&since, 999), 63);
	T_EQ(buckets_up_to(&since, 30), 1);
	T_EQ(buckets_up_to(&since, 31), 4);
	T_EQ(buckets_up_to(&since, UINT64_MAX), 8);
	buckets_deinit(&since);

	/* Fewer than before, or a bucket that is gone: another daemon. */
	T_EQ(buckets_since(&before, &now, &since), 0);
	T_EQ(buckets_total(&since), 7);
	buckets_deinit(&since);
	T_EQ(buckets_since(&now, &now, &since), 0);
	T_EQ(since.n, 0);
	T_EQ(buckets_percentile(&since, 500), 0);
	buckets_deinit(&since);
}

static void test_table(void)
{
	static const char *const headers[] = { "A", ">NUM", "LAST", NULL };
	struct table *t = table_new(headers);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	T_ASSERT(t && out);
	ctl_options.colour = false;
	table_cell(t, COLOUR_RED, "äöü");
	table_cell(t, COLOUR_NONE, "%d", 12345);
	table_cell(t, COLOUR_NONE, "x");
	table_cell(t, COLOUR_NONE, "b");
	table_cell(t, COLOUR_NONE, "%d", 7);
	table_cell(t, COLOUR_NONE, "yyyyyy");
	T_OK(table_print(t, out));
	T_EQ(fclose(out), 0);
	T_STREQ(text, "A      NUM  LAST\näöü  12345  x\nb        7  yyyyyy\n");
	free(text);
	table_free(t);
}

int main(void)
{
	t_run(test_parse_size);
	t_run(test_parse_number);
	t_run(test_parse_usec);
	t_run(test_write);
	t_run(test_width);
	t_run(test_spark);
	t_run(test_bar);
	t_run(test_buckets);
	t_run(test_table);
	return 0;
}
