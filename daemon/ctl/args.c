/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options may stand between arguments. "--" ends them.
 */
#include "ctl/args.h"

#include <errno.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/units.h"

static const struct args_option *find(const struct args_option *options, const char *arg, const char **ret_value)
{
	size_t n;

	*ret_value = NULL;
	for (const struct args_option *o = options; o && o->name; o++) {
		n = strlen(o->name);
		if (o->letter && arg[0] == '-' && arg[1] == o->letter) {
			*ret_value = arg[2] ? arg + 2 : NULL;
			return o;
		}
		if (!strncmp(arg, o->name, n) && (!arg[n] || arg[n] == '=')) {
			*ret_value = arg[n] ? arg + n + 1 : NULL;
			return o;
		}
	}
	return NULL;
}

/* The option at argv[*i]; its value may be the next argument. */
static enum ctl_exit take(char **argv, int *i, const struct args_option *options)
{
	const char *value, *arg = argv[*i];
	const struct args_option *o = find(options, arg, &value);

	if (!o)
		return client_usage(argv[0], "unknown option '%s'", arg);
	if (o->flag) {
		*o->flag = true;
		return value ? client_usage(argv[0], "%s takes no value", o->name) : CTL_OK;
	}
	if (!value)
		value = argv[*i + 1] ? argv[++*i] : NULL;
	if (!value)
		return client_usage(argv[0], "%s: a value is missing", arg);
	if (o->each)
		return o->each(o->userdata, value);
	*o->value = value;
	return CTL_OK;
}

enum ctl_exit args_read(int *argc, char **argv, const struct args_option *options, int min, int max)
{
	bool ended = false;
	enum ctl_exit e;
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		if (!ended && !strcmp(argv[i], "--")) {
			ended = true;
		} else if (!ended && argv[i][0] == '-' && argv[i][1]) {
			e = take(argv, &i, options);
			if (e)
				return e;
		} else {
			argv[n++] = argv[i];
		}
	}
	*argc = n;
	argv[n] = NULL;
	if (n - 1 < min)
		return client_usage(argv[0], "an argument is missing");
	if (max >= 0 && n - 1 > max)
		return client_usage(argv[0], "unexpected argument '%s'", argv[max + 1]);
	return CTL_OK;
}

static enum ctl_exit check(const char *verb, const char *text, int r, const char *expected)
{
	if (r >= 0)
		return CTL_OK;
	return r == -ERANGE ? client_usage(verb, "'%s' is too large", text) :
			      client_usage(verb, "'%s' is not %s", text, expected);
}

enum ctl_exit args_size(const char *verb, const char *text, uint64_t *ret)
{
	return check(verb, text, units_parse_size(text, ret), "a size such as 4096, 64K or 0x10000");
}

enum ctl_exit args_usec(const char *verb, const char *text, uint64_t *ret)
{
	return check(verb, text, units_parse_usec(text, ret), "a time such as 5s, 200ms or 2min");
}

enum ctl_exit args_number(const char *verb, const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	int r = units_parse_number(text, &v);

	if (r >= 0 && v > max)
		r = -ERANGE;
	if (r >= 0)
		*ret = v;
	return check(verb, text, r, "a number");
}
