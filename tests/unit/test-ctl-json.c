/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON as iopfctl writes it: commas, escapes, what is no UTF-8; and D-Bus values as JSON.
 */
#include "ctl/json.h"

#include <math.h>

#include "ctl/variant.h"
#include "t-variant.h"
#include "t.h"

/* What is written in between; valid until the next begin. */
static char *text;
static size_t size;
static FILE *out;

static struct json begin(bool pretty)
{
	free(text);
	text = NULL;
	out = open_memstream(&text, &size);
	T_ASSERT(out);
	return (struct json)JSON_INIT(out, pretty);
}

static const char *end(void)
{
	T_EQ(fclose(out), 0);
	return text;
}

static void write_all(bool pretty)
{
	struct json j = begin(pretty);

	json_begin(&j, '{');
	json_key(&j, "a");
	json_unsigned(&j, UINT64_MAX);
	json_key(&j, "b");
	json_begin(&j, '[');
	json_signed(&j, INT64_MIN);
	json_bool(&j, true);
	json_begin(&j, '{');
	json_end(&j, '}');
	json_begin(&j, '[');
	json_end(&j, ']');
	json_end(&j, ']');
	json_key(&j, "c");
	json_real(&j, 0.5);
	json_key(&j, "d");
	json_real(&j, NAN);
	json_key(&j, "e");
	json_real(&j, INFINITY);
	json_end(&j, '}');
}

static void test_short(void)
{
	write_all(false);
	T_STREQ(end(), "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,true,{},[]],\"c\":0.5,\"d\":null,"
		       "\"e\":null}\n");
}

static void test_pretty(void)
{
	write_all(true);
	T_STREQ(end(), "{\n\t\"a\": 18446744073709551615,\n\t\"b\": [\n\t\t-9223372036854775808,\n\t\ttrue,\n\t\t{},\n"
		       "\t\t[]\n\t],\n\t\"c\": 0.5,\n\t\"d\": null,\n\t\"e\": null\n}\n");
}

static void test_two_documents(void)
{
	struct json j = begin(false);

	for (int i = 0; i < 2; i++) {
		json_begin(&j, '[');
		json_bool(&j, i);
		json_end(&j, ']');
	}
	T_STREQ(end(), "[false]\n[true]\n");
}

static const char *string(const char *s)
{
	struct json j = begin(false);

	json_string(&j, s);
	return end();
}

static void test_escapes(void)
{
	T_STREQ(string(""), "\"\"");
	T_STREQ(string("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	T_STREQ(string("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
	T_STREQ(string("\001\037\177"), "\"\\u0001\\u001f\\u007f\"");
}

static void test_utf8(void)
{
	/* What is right passes: 2, 3 and 4 bytes, the first and the last of each length. */
	T_STREQ(string("\xc2\x80\xdf\xbf"), "\"\xc2\x80\xdf\xbf\"");
	T_STREQ(string("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
		"\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"");
	T_STREQ(string("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	/* Overlong, surrogate, beyond the end, alone, cut off. */
	T_STREQ(string("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
	T_STREQ(string("\xe0\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	T_STREQ(string("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	T_STREQ(string("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	T_STREQ(string("\x80x\xff"), "\"\\ufffdx\\ufffd\"");
	T_STREQ(string("x\xe2\x82"), "\"x\\ufffd\\ufffd\"");
}

static void test_variant(void)
{
	struct variant *v;
	struct json j;

	v = t_variant("a{sv}", 8, "s", "s", "x\ny", "n", "t", UINT64_C(7), "i", "i", -3, "b", "b", 1, "d",
				   "d", 0.25, "r", "(ss)", "ENODEV", "gone", "a", "a(tt)", 1, UINT64_C(1), UINT64_C(2), "m",
				   "a{st}", 1, "k", UINT64_C(5));
	T_EQ(variant_count(v), 8);
	T_STREQ(variant_string(variant_get(v, "s")), "x\ny");
	T_EQ(variant_number(variant_get(v, "n")), 7);
	T_EQ(variant_number(variant_get(v, "b")), 1);
	T_STREQ(variant_string(variant_at(variant_get(v, "r"), 1)), "gone");
	T_EQ(variant_number(variant_get(variant_get(v, "m"), "k")), 5);
	/* Of another kind, or not there. */
	T_EQ(variant_number(variant_get(v, "s")), 0);
	T_STREQ(variant_string(variant_get(v, "n")), "");
	T_EQ(variant_count(variant_get(v, "n")), 0);
	T_ASSERT(!variant_get(variant_get(v, "nothing"), "x"));
	T_ASSERT(!variant_at(variant_get(v, "r"), 2));
	j = begin(false);
	variant_to_json(v, &j);
	T_STREQ(end(), "{\"s\":\"x\\ny\",\"n\":7,\"i\":-3,\"b\":true,\"d\":0.25,\"r\":[\"ENODEV\",\"gone\"],\"a\":[[1,2]],"
		       "\"m\":{\"k\":5}}\n");
	variant_free(v);
	v = t_variant("a{us}", 1, 9u, "nine");
	T_STREQ(variant_string(variant_get(v, "9")), "nine");
	variant_free(v);
}

/* Far more levels than the daemon has; the library allows no more than JSON does. */
static void test_deep(void)
{
	char types[65] = "";
	struct variant *v;
	struct json j;

	for (int i = 0; i < 31; i++)
		types[i] = 'a';
	types[31] = 's';
	v = t_variant(types, 0);
	T_EQ(v->kind, VARIANT_ARRAY);
	j = begin(false);
	variant_to_json(v, &j);
	T_STREQ(end(), "[]\n");
	variant_free(v);
}

int main(void)
{
	t_run(test_short);
	t_run(test_pretty);
	t_run(test_two_documents);
	t_run(test_escapes);
	t_run(test_utf8);
	t_run(test_variant);
	t_run(test_deep);
	free(text);
	return 0;
}
