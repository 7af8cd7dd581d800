/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options that every verb has may stand before or after the verb. They are taken out of argv
 * here, up to "--", so that a verb's getopt sees only its own.
 */
#include "ctl/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/client.h"

struct ctl_options ctl_options;

/* The value of an option "--name=VALUE", "--name VALUE" or, with a letter, "-l VALUE" and
 * "-lVALUE", at argv[*i]. NULL: it is another one, or *ret_missing. */
static const char *value_of(char **argv, int *i, const char *name, char letter, bool *ret_missing)
{
	const char *arg = argv[*i];
	size_t n = strlen(name);

	*ret_missing = false;
	if (letter && arg[0] == '-' && arg[1] == letter && arg[2])
		return arg + 2;
	if (!strncmp(arg, name, n) && arg[n] == '=')
		return arg + n + 1;
	if (strcmp(arg, name) && !(letter && arg[0] == '-' && arg[1] == letter))
		return NULL;
	*ret_missing = !argv[*i + 1];
	return *ret_missing ? NULL : argv[++*i];
}

static enum ctl_exit set_json(const char *value)
{
	if (!strcmp(value, "short"))
		ctl_options.json = CTL_JSON_SHORT;
	else if (!strcmp(value, "pretty"))
		ctl_options.json = CTL_JSON_PRETTY;
	else if (!strcmp(value, "off"))
		ctl_options.json = CTL_JSON_OFF;
	else
		return client_complain(CTL_USAGE, "--json=%s: not one of short, pretty, off", value);
	return CTL_OK;
}

static enum ctl_exit set_host(const char *value)
{
	ctl_options.host = value;
	return CTL_OK;
}

static enum ctl_exit set_bus(const char *value)
{
	ctl_options.bus = value;
	return CTL_OK;
}

static enum ctl_exit set_root(const char *value)
{
	ctl_options.root = value;
	return CTL_OK;
}

/* 1: argv[*i] was one of ours, with its value. */
static int take(char **argv, int *i, enum ctl_exit *ret)
{
	static const struct {
		const char *name;
		char letter;
		enum ctl_exit (*set)(const char *value);
	} options[] = {
		{ "--json", 0, set_json },
		{ "--host", 'H', set_host },
		{ "--bus", 0, set_bus },
		{ "--root", 0, set_root },
	};
	const char *value;
	bool missing;

	if (!strcmp(argv[*i], "--no-pager")) {
		ctl_options.no_pager = true;
		return 1;
	}
	for (size_t n = 0; n < ARRAY_SIZE(options); n++) {
		value = value_of(argv, i, options[n].name, options[n].letter, &missing);
		if (missing)
			*ret = client_complain(CTL_USAGE, "%s: a value is missing", argv[*i]);
		else if (value)
			*ret = options[n].set(value);
		if (missing || value)
			return 1;
	}
	return 0;
}

enum ctl_exit options_take(int *argc, char **argv)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	enum ctl_exit e = CTL_OK;
	bool ended = false;
	int n = 1;

	for (int i = 1; i < *argc && !e; i++) {
		ended = ended || !strcmp(argv[i], "--");
		if (ended || !take(argv, &i, &e))
			argv[n++] = argv[i];
	}
	*argc = n;
	argv[n] = NULL;
	if (!e && ctl_options.host && ctl_options.bus)
		e = client_complain(CTL_USAGE, "--host and --bus exclude each other");
	ctl_options.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) &&
			     !(terminal && !strcmp(terminal, "dumb"));
	return e;
}
