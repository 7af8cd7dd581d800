/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe, bind and unbind without the rest of iopfctl:
 *
 *	probe-main [--root=DIR] [--host=HOST] [--json=short|pretty] [--colour] VERB [ARGUMENT...]
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

struct ctl_options ctl_options;

static const struct ctl_verb verbs[] = {
	{ .name = "probe", .run = verb_probe },
	{ .name = "bind", .run = verb_bind },
	{ .name = "unbind", .run = verb_unbind },
};

static void option(const char *text)
{
	if (strncmp(text, "--root=", 7) == 0)
		ctl_options.root = text + 7;
	else if (strncmp(text, "--host=", 7) == 0)
		ctl_options.host = text + 7;
	else if (strcmp(text, "--json=short") == 0)
		ctl_options.json = CTL_JSON_SHORT;
	else if (strcmp(text, "--json=pretty") == 0)
		ctl_options.json = CTL_JSON_PRETTY;
	else if (strcmp(text, "--colour") == 0)
		ctl_options.colour = true;
}

int main(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++)
		option(argv[i]);
	optind = 1;
	for (size_t v = 0; i < argc && v < sizeof(verbs) / sizeof(verbs[0]); v++)
		if (strcmp(verbs[v].name, argv[i]) == 0)
			return verbs[v].run(argc - i, argv + i);
	fprintf(stderr, "usage: probe-main [OPTION...] VERB [ARGUMENT...]\n");
	return CTL_USAGE;
}
