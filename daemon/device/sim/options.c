/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table of keys, each with its parser. A key is given at most once; every message says
 * what was expected instead.
 */
#include "device/sim/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "device/sim/pagemap.h"

struct key {
	const char *name;
	int (*parse)(const char *value, struct sim_options *o, struct reason *why);
};

/* Decimal digits, all of the text, no sign, no overflow. */
static bool parse_number(const char *text, size_t length, uint64_t *ret)
{
	uint64_t n = 0;

	if (!length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return false;
	}
	*ret = n;
	return true;
}

static int parse_ranged(const char *key, const char *value, uint64_t min, uint64_t max, uint64_t *ret,
			struct reason *why)
{
	if (parse_number(value, strlen(value), ret) && *ret >= min && *ret <= max)
		return 0;
	if (max == UINT64_MAX)
		return reason_set(why, EINVAL, "%s=%s: expected a whole number, %" PRIu64 " or more", key, value, min);
	return reason_set(why, EINVAL, "%s=%s: expected a whole number from %" PRIu64 " to %" PRIu64, key, value, min,
			  max);
}

static int parse_small(const char *key, const char *value, unsigned max, unsigned *ret, struct reason *why)
{
	uint64_t n;
	int r;

	r = parse_ranged(key, value, 1, max, &n, why);
	if (r < 0)
		return r;
	*ret = (unsigned)n;
	return 0;
}

static int parse_channels(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_small("channels", value, SIM_MAX_CHANNELS, &o->channels, why);
}

static int parse_pattern(const char *value, struct sim_options *o, struct reason *why)
{
	static const char *const names[] = {
		[SIM_PATTERN_SEQ] = "seq",
		[SIM_PATTERN_RANDOM] = "random",
		[SIM_PATTERN_ZIPF] = "zipf",
		[SIM_PATTERN_STRIDE] = "stride",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			o->pattern = (enum sim_pattern_kind)i;
			return 0;
		}
	}
	return reason_set(why, EINVAL, "pattern=%s: expected seq, random, zipf or stride", value);
}

static int parse_working_set(const char *value, struct sim_options *o, struct reason *why)
{
	static const char units[] = "KMGT";
	size_t length = strlen(value);
	const char *unit = length ? strchr(units, value[length - 1]) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	uint64_t n;

	if (!parse_number(value, unit ? length - 1 : length, &n) || n > UINT64_MAX >> shift)
		return reason_set(why, EINVAL, "working-set=%s: expected a size such as 64M (K, M, G, T)", value);
	n <<= shift;
	if (!n || n % SIM_PAGE_SIZE)
		return reason_set(why, EINVAL, "working-set=%s: expected a multiple of 4K", value);
	o->working_set = n;
	return 0;
}

static int parse_write(const char *value, struct sim_options *o, struct reason *why)
{
	size_t length = strlen(value);
	uint64_t n;

	if (!length || value[length - 1] != '%' || !parse_number(value, length - 1, &n) || n > 100)
		return reason_set(why, EINVAL, "write=%s: expected a share from 0%% to 100%%", value);
	o->write_percent = (unsigned)n;
	return 0;
}

static int parse_rate(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_ranged("rate", value, 0, 1000000000, &o->rate, why);
}

static int parse_count(const char *value, struct sim_options *o, struct reason *why)
{
	if (strcmp(value, "max") == 0)
		o->count = SIM_COUNT_MAX;
	else if (!parse_number(value, strlen(value), &o->count))
		return reason_set(why, EINVAL, "count=%s: expected a whole number or max", value);
	return 0;
}

static int parse_group(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_small("group", value, SIM_MAX_GROUP, &o->group, why);
}

static int parse_depth(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_small("depth", value, SIM_MAX_DEPTH, &o->depth, why);
}

static int parse_credits(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_small("credits", value, SIM_MAX_CREDITS, &o->credits, why);
}

static int parse_pasid(const char *value, struct sim_options *o, struct reason *why)
{
	for (const char *p = value;; p++) {
		size_t length = strcspn(p, "+");
		uint64_t n;

		if (!parse_number(p, length, &n) || n < 1 || n >= SIM_PASID_LIMIT)
			return reason_set(why, EINVAL, "pasid=%s: expected numbers from 1 to %u, joined by +", value,
					  SIM_PASID_LIMIT - 1);
		if (o->n_pasids == SIM_MAX_PASIDS)
			return reason_set(why, EINVAL, "pasid=%s: expected at most %u numbers", value, SIM_MAX_PASIDS);
		for (unsigned i = 0; i < o->n_pasids; i++)
			if (o->pasids[i] == n)
				return reason_set(why, EINVAL, "pasid=%s: %" PRIu64 " is given twice", value, n);
		o->pasids[o->n_pasids++] = (uint32_t)n;
		p += length;
		if (!*p)
			return 0;
	}
}

static int parse_seed(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_ranged("seed", value, 0, UINT64_MAX, &o->seed, why);
}

static int parse_verify(const char *value, struct sim_options *o, struct reason *why)
{
	o->verify = strcmp(value, "yes") == 0;
	if (!o->verify && strcmp(value, "no") != 0)
		return reason_set(why, EINVAL, "verify=%s: expected yes or no", value);
	return 0;
}

static int parse_corrupt(const char *value, struct sim_options *o, struct reason *why)
{
	return parse_ranged("corrupt", value, 0, UINT64_MAX, &o->corrupt, why);
}

static int parse_present(const char *value, struct sim_options *o, struct reason *why)
{
	size_t length = strlen(value);

	if (value[0] != '/' || value[length - 1] == '/' || length >= sizeof(o->present))
		return reason_set(why, EINVAL, "present=%s: expected the whole path of a file, at most %zu characters", value,
				  sizeof(o->present) - 1);
	memcpy(o->present, value, length + 1);
	return 0;
}

static const struct key keys[] = {
	{ "channels", parse_channels },
	{ "pattern", parse_pattern },
	{ "working-set", parse_working_set },
	{ "write", parse_write },
	{ "rate", parse_rate },
	{ "count", parse_count },
	{ "group", parse_group },
	{ "depth", parse_depth },
	{ "credits", parse_credits },
	{ "pasid", parse_pasid },
	{ "seed", parse_seed },
	{ "verify", parse_verify },
	{ "corrupt", parse_corrupt },
	{ "present", parse_present },
};

static int parse_option(char *option, uint64_t *seen, struct sim_options *o, struct reason *why)
{
	char *value = strchr(option, '=');

	if (!value)
		return reason_set(why, EINVAL, "sim option \"%s\": expected KEY=VALUE", option);
	*value++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(option, keys[i].name) != 0)
			continue;
		if (*seen & 1ull << i)
			return reason_set(why, EINVAL, "sim option \"%s\" is given twice", option);
		*seen |= 1ull << i;
		return keys[i].parse(value, o, why);
	}
	return reason_set(why, EINVAL,
			  "unknown sim option \"%s\": expected channels, pattern, working-set, write, rate, count, "
			  "group, depth, credits, pasid, seed, verify, corrupt or present",
			  option);
}

bool sim_options_claims(const char *address)
{
	return strcmp(address, "sim") == 0 || strncmp(address, "sim:", 4) == 0;
}

int sim_options_parse(const char *address, struct sim_options *ret, struct reason *why)
{
	struct sim_options o = {
		.channels = 1,
		.write_percent = 50,
		.group = 1,
		.depth = 1,
		.credits = 64,
		.seed = 1,
		.verify = true,
	};
	_cleanup_free_ char *copy = NULL;
	uint64_t seen = 0;
	int r;

	if (!sim_options_claims(address))
		return reason_set(why, EINVAL, "\"%s\": expected sim or sim:KEY=VALUE,...", address);
	if (address[3] == ':') {
		copy = strdup(address + 4);
		if (!copy)
			return reason_set(why, ENOMEM, "out of memory");
		for (char *next = copy, *option; (option = strsep(&next, ","));) {
			r = parse_option(option, &seen, &o, why);
			if (r < 0)
				return r;
		}
	}
	if (o.corrupt && !o.verify)
		return reason_set(why, EINVAL, "corrupt=%" PRIu64 ": nobody would see it with verify=no", o.corrupt);
	*ret = o;
	return 0;
}
