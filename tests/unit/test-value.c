/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times and shares. (Numbers, sizes and words: test-config and the corpus of broken files.)
 */
#include "config/value.h"

#include "base/util.h"
#include "t.h"

#define SECOND 1000000000ull

static void times(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{ "0", 0 },
		{ "0ms", 0 },
		{ "1us", 1000 },
		{ "500ms", SECOND / 2 },
		{ "30s", 30 * SECOND },
		{ "30", 30 * SECOND },
		{ "5min", 300 * SECOND },
		{ "2h", 7200 * SECOND },
		{ "9223372036854775us", 9223372036854775000 },
		{ "2562047h", 2562047 * (3600 * SECOND) },
	};
	static const char *const wrong[] = {
		"", "s", "1.5s", "5 s", " 5s", "5s ", "-5s", "+5s", "5min20s", "5min 20s", "5m", "5S", "5ns", "0x5", "0x5s", "05s",
	};
	static const char *const too_long[] = {
		"9223372037", "9223372036854776us", "2562048h", "18446744073709551616us", "99999999999999999999",
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		T_EQ(value_parse_time(cases[i].text, &ns), 0);
		T_EQ(ns, cases[i].ns);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		T_EQ(value_parse_time(wrong[i], &ns), -EINVAL);
	for (size_t i = 0; i < sizeof(too_long) / sizeof(*too_long); i++)
		T_EQ(value_parse_time(too_long[i], &ns), -ERANGE);
}

static void shares(void)
{
	static const char *const wrong[] = { "", "%", "75", "75 %", "75%%", "7.5%", "-1%", "0x10%", "075%", "% " };
	static const char *const out_of_range[] = { "0%", "101%", "18446744073709551617%" };
	uint64_t percent;

	T_EQ(value_parse_percent("1%", &percent), 0);
	T_EQ(percent, 1);
	T_EQ(value_parse_percent("100%", &percent), 0);
	T_EQ(percent, 100);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		T_EQ(value_parse_percent(wrong[i], &percent), -EINVAL);
	for (size_t i = 0; i < sizeof(out_of_range) / sizeof(*out_of_range); i++)
		T_EQ(value_parse_percent(out_of_range[i], &percent), -ERANGE);
	T_EQ(percent, 100);
}

static void names_of_policies(void)
{
	T_ASSERT(value_is_policy("anon"));
	T_ASSERT(value_is_policy("my-store_2"));
	T_ASSERT(value_is_policy("a1234567890123456789012345678901"));
	T_ASSERT(!value_is_policy("a12345678901234567890123456789012"));
	T_ASSERT(!value_is_policy(""));
	T_ASSERT(!value_is_policy("Anon"));
	T_ASSERT(!value_is_policy("../anon"));
	T_ASSERT(!value_is_policy("a.so"));
}

static void cpus(void)
{
	static const char *const wrong[] = { "", ",", "0,", "0,,1", "1-0", "0-", "-1", "a", "0x3", "1-2-3", "0 1" };

	T_EQ(value_next_cpu("6,0-3", -1), 0);
	T_EQ(value_next_cpu("6,0-3", 0), 1);
	T_EQ(value_next_cpu("6,0-3", 3), 6);
	T_EQ(value_next_cpu("6,0-3", 6), -ENOENT);
	T_EQ(value_next_cpu("1023", -1), 1023);
	T_EQ(value_next_cpu("1024", -1), -ERANGE);
	T_EQ(value_next_cpu("0-1024", -1), -ERANGE);
	T_EQ(value_next_cpu("99999999999999999999", -1), -ERANGE);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		T_EQ(value_next_cpu(wrong[i], -1), -EINVAL);
}

int main(void)
{
	t_run(cpus);
	t_run(times);
	t_run(shares);
	t_run(names_of_policies);
	return 0;
}
