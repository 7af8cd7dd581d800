/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of keys and the parsers of their values. A parser judges one value by itself;
 * what values mean together is validate.c's.
 */
#include "config/key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "config/diagnostic.h"
#include "config/value.h"

#define GRANULE_MIN (4ull << 10)
#define GRANULE_MAX (1ull << 30)
#define WORKERS_MAX 64
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
static int parse_listed(const char *value, const char *what, const char *const *words, const char **field,
			struct key_problem *why)
{
	char guess[64], list[128] = "";
	struct hint hint;

	hint_init(&hint, value);
	for (; *words; words++) {
		if (strcmp(value, *words) == 0) {
			*field = value;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? ", " : "", *words);
		hint_consider(&hint, *words);
	}
	return refuse(why, "unknown %s '%s'%s expected one of: %s", what, value,
		      *hint_format(&hint, guess, sizeof(guess)) ? guess : ",", list);
}

static int parse_event_loop(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			    struct key_problem *why)
{
	(void)key;
	return parse_listed(value, "event loop", hooks->event_loops, field, why);
}

static int parse_policy(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			struct key_problem *why)
{
	(void)key;
	return parse_listed(value, "policy", hooks->policies, field, why);
}

static int parse_workers(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			 struct key_problem *why)
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

static int parse_size(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
		      struct key_problem *why)
{
	int r = value_parse_size(value, field);

	(void)hooks;
	return r < 0 ? refuse_number(r, key, value, why) : 0;
}

static int parse_length(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			struct key_problem *why)
{
	int r = parse_size(key, value, hooks, field, why);

	if (r == 0 && *(uint64_t *)field == 0)
		return refuse(why, "a region cannot have zero length, expected %s", key->expected);
	return r;
}

static int parse_granule(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			 struct key_problem *why)
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

static int parse_on_fault(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			  struct key_problem *why)
{
	static const struct word words[] = {
		{ "demand", CONFIG_ON_FAULT_DEMAND },
		{ "prefault", CONFIG_ON_FAULT_PREFAULT },
		{ "deny", CONFIG_ON_FAULT_DENY },
	};

	(void)hooks;
	return parse_word(key, value, words, ARRAY_SIZE(words), field, why);
}

static int parse_access(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			struct key_problem *why)
{
	static const struct word words[] = {
		{ "rw", CONFIG_ACCESS_READ | CONFIG_ACCESS_WRITE },
		{ "r", CONFIG_ACCESS_READ },
		{ "w", CONFIG_ACCESS_WRITE },
	};

	(void)hooks;
	return parse_word(key, value, words, ARRAY_SIZE(words), field, why);
}

static int parse_bool(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
		      struct key_problem *why)
{
	int r = value_parse_bool(value, field);

	(void)hooks;
	return r < 0 ? refuse_number(r, key, value, why) : 0;
}

static int parse_address(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
			 struct key_problem *why)
{
	char text[256] = "";

	(void)key;
	if (hooks->check_address(value, text, sizeof(text)) < 0)
		return refuse(why, "%s", text);
	*(const char **)field = value;
	return 0;
}

static int parse_space(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
		       struct key_problem *why)
{
	(void)hooks;
	if (!value_is_name(value))
		return refuse(why, "'%s' is no name of a space, expected %s", value, key->expected);
	*(const char **)field = value;
	return 0;
}

static int parse_pasid(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
		       struct key_problem *why)
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

uint32_t key_split_pasid(const char *text, const char **ret_space)
{
	const char *colon = strchr(text, ':');

	*ret_space = colon + 1;
	return (uint32_t)strtoul(text, NULL, 0);
}

const struct section_kind_info section_kinds[SECTION_KIND_MAX] = {
	[SECTION_DAEMON] = { "daemon", "[daemon]" },
	[SECTION_SPACE] = { "space", "[space NAME]" },
	[SECTION_REGION] = { "region", "[region SPACE/NAME]" },
	[SECTION_DEVICE] = { "device", "[device NAME]" },
};

#define FIELD(f) .offset = offsetof(union section_values, f), .size = sizeof(((union section_values *)0)->f)
#define A_SIZE "bytes such as 65536, 0x10000 or 64K (units B K M G T)"
#define A_NAME "1 to 32 of A-Z a-z 0-9 _"

const struct key key_table[] = {
	{ SECTION_DAEMON, "event-loop", parse_event_loop, FIELD(daemon.event_loop), .fallback = "auto" },
	{ SECTION_DAEMON, "workers", parse_workers, FIELD(daemon.workers), .fallback = "auto",
	  .expected = "auto or 1 to 64" },
	{ SECTION_REGION, "iova", parse_size, FIELD(region.iova), .required = true, .expected = A_SIZE },
	{ SECTION_REGION, "length", parse_length, FIELD(region.length), .required = true, .expected = A_SIZE },
	{ SECTION_REGION, "policy", parse_policy, FIELD(region.policy), .fallback = "anon" },
	{ SECTION_REGION, "granule", parse_granule, FIELD(region.granule), .fallback = "64K",
	  .expected = "a power of two from 4K to 1G" },
	{ SECTION_REGION, "on-fault", parse_on_fault, FIELD(region.on_fault), .fallback = "demand",
	  .expected = "demand, prefault or deny" },
	{ SECTION_REGION, "access", parse_access, FIELD(region.access), .fallback = "rw", .expected = "rw, r or w" },
	{ SECTION_DEVICE, "address", parse_address, FIELD(device.address), .required = true,
	  .expected = "a PCI address, vfioN, a path below /sys, sim[:OPTIONS] or mock[:pasid]" },
	{ SECTION_DEVICE, "space", parse_space, FIELD(device.space), .expected = A_NAME },
	{ SECTION_DEVICE, "pasid", parse_pasid, .repeatable = true, .expected = "N:SPACE with N from 1 to 1048575" },
	{ SECTION_DEVICE, "bus-master", parse_bool, FIELD(device.bus_master), .fallback = "no",
	  .expected = "yes or no" },
};

const size_t key_table_size = ARRAY_SIZE(key_table);

const struct key *key_find(enum section_kind kind, const char *name)
{
	for (size_t i = 0; i < key_table_size; i++)
		if (key_table[i].kind == kind && strcmp(key_table[i].name, name) == 0)
			return &key_table[i];
	return NULL;
}
