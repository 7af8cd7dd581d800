/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The results, for people (a block for each subject) or as one JSON object, whose names of
 * members are stable. Kernel options that are missing are followed by the whole fragment.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/probe.h"

#define LABEL 23

static const char *const verdict_names[PROBE_VERDICTS] = { "pass", "fail", "unknown" };
static const char *const colours[PROBE_VERDICTS] = { "\033[32m", "\033[1;31m", "\033[33m" };

static bool is_option(const struct probe_result *result)
{
	return strcmp(result->id, "kernel-option") == 0;
}

static bool wants_fragment(const struct probe *p)
{
	for (size_t i = 0; i < p->n_results; i++)
		if (is_option(&p->results[i]) && p->results[i].verdict == PROBE_FAIL)
			return true;
	return false;
}

static void count(const struct probe *p, size_t ret[static PROBE_VERDICTS])
{
	memset(ret, 0, PROBE_VERDICTS * sizeof(*ret));
	for (size_t i = 0; i < p->n_results; i++)
		ret[p->results[i].verdict]++;
}

static void print_line(const struct probe_result *result)
{
	const char *end = ctl_options.colour ? "\033[0m" : "";

	printf("  %s%-7s%s  %-*s  %s\n", ctl_options.colour ? colours[result->verdict] : "",
	       verdict_names[result->verdict], end, LABEL, is_option(result) ? result->subject : result->id,
	       result->finding);
	if (*result->remedy)
		printf("  %-7s  %-*s  -> %s\n", "", LABEL, "", result->remedy);
}

static void print_text(const struct probe *p)
{
	const char *subject = "", *name;
	size_t n[PROBE_VERDICTS];

	for (size_t i = 0; i < p->n_results; i++) {
		const struct probe_result *result = &p->results[i];

		/* Options are lines about the machine; elsewhere they are subjects. */
		if (!is_option(result) && strcmp(result->subject, subject) != 0) {
			printf("%s%s\n", i ? "\n" : "", result->subject);
			subject = result->subject;
		}
		print_line(result);
	}
	if (wants_fragment(p)) {
		printf("\nfragment for the configuration of the kernel:\n");
		for (size_t i = 0; (name = probe_option_name(i)); i++)
			printf("  %s=y\n", name);
	}
	count(p, n);
	printf("\n%zu pass, %zu fail, %zu unknown\n", n[PROBE_PASS], n[PROBE_FAIL], n[PROBE_UNKNOWN]);
}

static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

/* "name": "value" with what comes in front and behind. */
static void json_member(const char *before, const char *name, const char *value)
{
	printf("%s\"%s\":%s", before, name, ctl_options.json == CTL_JSON_PRETTY ? " " : "");
	json_string(value);
}

static void json_result(const struct probe_result *result)
{
	bool pretty = ctl_options.json == CTL_JSON_PRETTY;
	const char *next = pretty ? ",\n      " : ",";

	fputs(pretty ? "\n    {\n      " : "{", stdout);
	json_member("", "id", result->id);
	json_member(next, "subject", result->subject);
	json_member(next, "verdict", verdict_names[result->verdict]);
	json_member(next, "finding", result->finding);
	json_member(next, "remedy", result->remedy);
	fputs(pretty ? "\n    }" : "}", stdout);
}

static void print_json(const struct probe *p)
{
	bool pretty = ctl_options.json == CTL_JSON_PRETTY;
	const char *next = pretty ? ",\n  " : ",", *space = pretty ? " " : "", *name;
	size_t n[PROBE_VERDICTS];

	count(p, n);
	printf(pretty ? "{\n  " : "{");
	for (size_t i = 0; i < PROBE_VERDICTS; i++)
		printf("\"%s\":%s%zu%s", verdict_names[i], space, n[i], next);
	printf("\"results\":%s[", space);
	for (size_t i = 0; i < p->n_results; i++) {
		fputs(i ? "," : "", stdout);
		json_result(&p->results[i]);
	}
	printf("%s]%s\"fragment\":%s[", pretty ? "\n  " : "", next, space);
	for (size_t i = 0; wants_fragment(p) && (name = probe_option_name(i)); i++)
		printf("%s%s\"%s=y\"", i ? "," : "", pretty ? "\n    " : "", name);
	printf(pretty ? "\n  ]\n}\n" : "]}\n");
}

void probe_print(const struct probe *p)
{
	if (ctl_options.json == CTL_JSON_OFF)
		print_text(p);
	else
		print_json(p);
}
