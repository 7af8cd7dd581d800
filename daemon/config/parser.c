/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the text of a value to what it means. A parser judges one value by itself; what
 * values mean together is validate.c's, and what only a policy can judge is settings.c's.
 */
#include "config/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "config/diagnostic.h"
#include "config/value.h"

#define GRANULE_MIN (4ull << 10)
#define GRANULE_MAX (1ull << 30)
#define WORKERS_MAX 64
#define SPIN_MAX_NS (100ull * 1000 * 1000)
#define NUMA_NODE_MAX 1023
#define PASID_MAX ((1u << 20) - 1)

static int refuse(struct key_problem *why, const char *format, ...) PRINTF_LIKE(2, 3);

static int refuse(struct key_problem *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	return -EINVAL;
}

static int refuse_number(int r, const struct key *key, const char *value, struct key_problem *why)
{
	return refuse(why, "'%s' is %s, expected %s", value, r == -ERANGE ? "out of range" : "not valid",
		      key->expected);
}

/* One of the words that only the caller of config_load() knows. */
PARSER(parse_event_loop)
{
	(void)key;
	for (const char *const *word = hooks->event_loops; *word; word++)
		if (strcmp(value, *word) == 0) {
			*(const char **)field = value;
			return 0;
		}
	hint_describe_unknown("event loop", value, hooks->event_loops, why->text, sizeof(why->text));
	return -EINVAL;
}

/* Whether it exists depends on another key, so that is not asked here. */
PARSER(parse_policy)
{
	(void)hooks;
	if (!value_is_policy(value))
		return refuse(why, "'%s' is no name of a policy, expected %s", value, key->expected);
	*(const char **)field = value;
	return 0;
}

PARSER(parse_workers)
{
	uint64_t n = 0;
	int r;

	(void)hooks;
	if (strcmp(value, "auto") != 0) {
		r = value_parse_uint(value, &n);
		if (r == 0 && (n < 1 || n > WORKERS_MAX))
			r = -ERANGE;
		if (r < 0)
			return refuse_number(r, key, value, why);
	}
	*(uint32_t *)field = (uint32_t)n;
	return 0;
}

PARSER(parse_cpus)
{
	int r = 0, cpu = -1;

	(void)hooks;
	*(const char **)field = NULL;
	if (strcmp(value, "any") == 0)
		return 0;
	while ((r = value_next_cpu(value, cpu)) >= 0)
		cpu = r;
	if (r != -ENOENT)
		return refuse_number(r, key, value, why);
	*(const char **)field = value;
	return 0;
}

PARSER(parse_spin)
{
	uint64_t ns = 0;
	int r;

	(void)hooks;
	if (strcmp(value, "auto") == 0) {
		*(int64_t *)field = CONFIG_SPIN_AUTO;
		return 0;
	}
	r = value_parse_time(value, &ns);
	if (r == 0 && ns > SPIN_MAX_NS)
		r = -ERANGE;
	if (r < 0)
		return refuse_number(r, key, value, why);
	*(int64_t *)field = (int64_t)ns;
	return 0;
}

PARSER(parse_device_spin)
{
	if (strcmp(value, "default") != 0)
		return parse_spin(key, value, hooks, field, why);
	*(int64_t *)field = SPIN_DEFAULT;
	return 0;
}

PARSER(parse_size)
{
	int r = value_parse_size(value, field);

	(void)hooks;
	return r < 0 ? refuse_number(r, key, value, why) : 0;
}

PARSER(parse_budget)
{
	bool is_percent = strchr(value, '%');
	uint64_t number = 0;
	int r = 0;

	(void)hooks;
	if (strcmp(value, "none") != 0) {
		r = is_percent ? value_parse_percent(value, &number) : value_parse_size(value, &number);
		if (r == 0 && number == 0)
			r = -ERANGE;
		if (r < 0)
			return refuse_number(r, key, value, why);
	}
	*(struct config_budget *)field = (struct config_budget){ .is_percent = is_percent, .value = number };
	return 0;
}

PARSER(parse_time)
{
	int r = value_parse_time(value, field);

	(void)hooks;
	return r < 0 ? refuse_number(r, key, value, why) : 0;
}

PARSER(parse_folder)
{
	(void)hooks;
	if (*value != '/')
		return refuse(why, "'%s' does not begin with '/', expected %s", value, key->expected);
	*(const char **)field = value;
	return 0;
}

PARSER(parse_numa_node)
{
	uint64_t node;
	int r;

	(void)hooks;
	if (strcmp(value, "none") == 0) {
		*(int32_t *)field = -1;
		return 0;
	}
	r = value_parse_uint(value, &node);
	if (r == 0 && node > NUMA_NODE_MAX)
		r = -ERANGE;
	if (r < 0)
		return refuse_number(r, key, value, why);
	*(int32_t *)field = (int32_t)node;
	return 0;
}

PARSER(parse_length)
{
	int r = parse_size(key, value, hooks, field, why);

	if (r == 0 && *(uint64_t *)field == 0)
		return refuse(why, "a region cannot have zero length, expected %s", key->expected);
	return r;
}

PARSER(parse_granule)
{
	int r = parse_size(key, value, hooks, field, why);
	char page_size[VALUE_SIZE_TEXT_MAX];
	uint64_t granule;

	if (r < 0)
		return r;
	granule = *(uint64_t *)field;
	if (!is_power_of_two(granule))
		return refuse(why, "'%s' is not a power of two, expected %s", value, key->expected);
	if (granule < GRANULE_MIN || granule > GRANULE_MAX)
		return refuse_number(-ERANGE, key, value, why);
	if (granule < hooks->page_size)
		return refuse(why, "'%s' is less than a page of this machine, expected at least %s", value,
			      value_format_size(hooks->page_size, page_size));
	return 0;
}

PARSER(parse_extent)
{
	int r = parse_size(key, value, hooks, field, why);
	uint64_t size = r < 0 ? 0 : *(uint64_t *)field;

	if (size && !is_power_of_two(size))
		return refuse(why, "'%s' is not a power of two, expected %s", value, key->expected);
	return r;
}

struct word {
	const char *text;
	uint32_t value;
};

static int parse_word(const struct key *key, const char *value, const struct word *words, size_t n_words, void *field,
		      struct key_problem *why)
{
	struct hint hint;
	char guess[64];

	hint_init(&hint, value);
	for (size_t i = 0; i < n_words; i++) {
		if (strcmp(value, words[i].text) == 0) {
			*(uint32_t *)field = words[i].value;
			return 0;
		}
		hint_consider(&hint, words[i].text);
	}
	return refuse(why, "unknown word '%s'%s expected %s", value,
		      *hint_format(&hint, guess, sizeof(guess)) ? guess : ",", key->expected);
}

PARSER(parse_on_fault)
{
	static const struct word words[] = {
		{ "demand", CONFIG_ON_FAULT_DEMAND },
		{ "prefault", CONFIG_ON_FAULT_PREFAULT },
		{ "deny", CONFIG_ON_FAULT_DENY },
	};

	(void)hooks;
	return parse_word(key, value, words, ARRAY_SIZE(words), field, why);
}

PARSER(parse_access)
{
	static const struct word words[] = {
		{ "rw", CONFIG_ACCESS_READ | CONFIG_ACCESS_WRITE },
		{ "r", CONFIG_ACCESS_READ },
		{ "w", CONFIG_ACCESS_WRITE },
	};

	(void)hooks;
	return parse_word(key, value, words, ARRAY_SIZE(words), field, why);
}

PARSER(parse_bool)
{
	int r = value_parse_bool(value, field);

	(void)hooks;
	return r < 0 ? refuse_number(r, key, value, why) : 0;
}

PARSER(parse_address)
{
	char text[256] = "";

	(void)key;
	if (hooks->check_address(value, text, sizeof(text)) < 0)
		return refuse(why, "%s", text);
	*(const char **)field = value;
	return 0;
}

PARSER(parse_space)
{
	(void)hooks;
	if (!value_is_name(value))
		return refuse(why, "'%s' is no name of a space, expected %s", value, key->expected);
	*(const char **)field = value;
	return 0;
}

PARSER(parse_pasid)
{
	const char *colon = strchr(value, ':');
	char number[32];
	uint64_t pasid;
	int r;

	(void)hooks;
	(void)field;
	if (!colon || (size_t)(colon - value) >= sizeof(number))
		return refuse(why, "'%s' is not valid, expected %s", value, key->expected);
	snprintf(number, sizeof(number), "%.*s", (int)(colon - value), value);
	r = value_parse_uint(number, &pasid);
	if (r == 0 && pasid == 0)
		return refuse(why, "PASID 0 stands for requests without a PASID, use 'space =' for those; expected %s",
			      key->expected);
	if (r == 0 && pasid > PASID_MAX)
		r = -ERANGE;
	if (r < 0)
		return refuse(why, "PASID '%s' is %s, expected %s", number, r == -ERANGE ? "out of range" : "not valid",
			      key->expected);
	if (!value_is_name(colon + 1))
		return refuse(why, "'%s' is no name of a space, expected %s", colon + 1, key->expected);
	return 0;
}
