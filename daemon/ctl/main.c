/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iopfctl: finds the verb and runs it. Exit codes: enum ctl_exit.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/client.h"
#include "ctl/options.h"
#include "ctl/pager.h"

static const struct ctl_verb verbs[] = {
	{ "status", "", "show the daemon at a glance", verb_status, true },
	{ "list", "[--spaces|--regions] [--names]", "list devices, or address spaces or regions", verb_list, true },
	{ "show", "[--space] NAME...", "show all about devices, or spaces", verb_show, true },
	{ "stats", "[--space|--attachments] [NAME...]", "show counters", verb_stats, true },
	{ "top", "[-d TIME] [-n COUNT]", "watch rates and latencies, live", verb_top, false },
	{ "monitor", "[--invalid-only] [--space=SPACE] [DEVICE]", "print each fault", verb_monitor, false },
	{ "metrics", "[--output=FILE]", "print all counters in the OpenMetrics format", verb_metrics, true },
	{ "attach", "NAME [ADDRESS] [KEY=VALUE...]", "attach a device, configured or new", verb_attach, false },
	{ "detach", "DEVICE", "give a device back", verb_detach, false },
	{ "drain", "DEVICE [TIMEOUT]", "wait until nothing of a device is unanswered", verb_drain, false },
	{ "pause", "DEVICE [LIMIT]", "keep the faults of a device for a while", verb_pause, false },
	{ "resume", "DEVICE", "serve them again", verb_resume, false },
	{ "attach-pasid", "DEVICE PASID SPACE", "let a PASID use a space", verb_attach_pasid, false },
	{ "detach-pasid", "DEVICE PASID", "take it away again", verb_detach_pasid, false },
	{ "prefault", "SPACE/REGION [OFFSET LENGTH]", "map memory before it is asked for", verb_prefault, false },
	{ "trim", "SPACE/REGION [OFFSET LENGTH]", "evict what is mapped", verb_trim, false },
	{ "flush", "SPACE[/REGION]", "write back what devices wrote", verb_flush, false },
	{ "reload", "", "read the configuration again and apply it", verb_reload, false },
	{ "plan", "", "say what a reload would do", verb_plan, true },
	{ "check", "[FILE]", "check the daemon's configuration, or a file", verb_check, true },
	{ "probe", "[DEVICE...]", "say what this machine lacks for page faults", verb_probe, true },
	{ "bind", "DEVICE...", "bind devices to vfio-pci", verb_bind, false },
	{ "unbind", "DEVICE...", "give devices back to their drivers", verb_unbind, false },
	{ "log-level", "[LEVEL]", "show or set how much the daemon logs", verb_log_level, false },
	{ "version", "", "show the versions of iopfctl and the daemon", verb_version, false },
};

static const char options_text[] =
	"\n"
	"Options of all verbs:\n"
	"  --json=short|pretty   print JSON; names of members are those of the D-Bus properties\n"
	"  -H, --host=HOST       talk to the daemon of another machine, through ssh\n"
	"  --bus=BUS             system (default), session, or the address of a message bus\n"
	"  --no-pager            never put a pager behind the output\n"
	"  --root=DIR            probe: look at the files below DIR instead\n"
	"  --version             print the version of iopfctl, exit\n"
	"  --help                print this, or after a verb how to use it, exit\n"
	"\n"
	"Options of single verbs:\n"
	"  --names               list: only names\n"
	"  --spaces, --regions   list: these instead of devices\n"
	"  --space               show, stats: the names are those of spaces\n"
	"  --attachments         stats: each attachment of the devices in a column of its own\n"
	"  --plot=FILE           stats: record for a while and draw an SVG picture\n"
	"  --interval=TIME       stats: time between two records (1s)\n"
	"  --duration=TIME       stats: for how long (30s)\n"
	"  --output=FILE         metrics: write FILE, at once, instead of the output\n"
	"  --region=NAME,KEY=VALUE,...\n"
	"                        attach: a region of the new device's own space; may be repeated\n"
	"  --device-file=FILE    attach: pass on the VFIO device node FILE, which we open\n"
	"  --space=SPACE         monitor: only faults in this space\n"
	"  --invalid-only        monitor: only faults answered INVALID\n"
	"  -d, --delay=TIME      top: time between two looks (1s)\n"
	"  -n, --count=COUNT     top: end after so many\n"
	"\n"
	"Manual: iopfctl(1)\n";

static void print_help(void)
{
	char usage[64];

	printf("Usage: iopfctl [OPTION...] VERB [ARGUMENT...]\n"
	       "Look at and control the I/O page fault daemon.\n"
	       "\n"
	       "Verbs:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		snprintf(usage, sizeof(usage), "%s%s%s", verbs[i].name, *verbs[i].args ? " " : "", verbs[i].args);
		printf("  %-46s  %s\n", usage, verbs[i].summary);
	}
	fputs(options_text, stdout);
}

static const struct ctl_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int run(const struct ctl_verb *verb, int argc, char **argv)
{
	int r;

	if (wants_help(argc, argv)) {
		printf("Usage: iopfctl %s%s%s\n%c%s.\n", verb->name, *verb->args ? " " : "", verb->args,
		       verb->summary[0] - 'a' + 'A', verb->summary + 1);
		return CTL_OK;
	}
	if (verb->pages)
		pager_open();
	optind = 1;
	r = verb->run(argc, argv);
	/* A full disk is an error; a reader that went away is none. */
	if (fflush(stdout) && r == CTL_OK)
		r = client_complain(CTL_FAILURE, "cannot write the output: %m");
	pager_close();
	return r;
}

int main(int argc, char **argv)
{
	const struct ctl_verb *verb;
	int i = 1;

	if (options_take(&argc, argv))
		return CTL_USAGE;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			print_help();
			return CTL_OK;
		}
		if (!strcmp(argv[i], "--version")) {
			puts("iopfctl " IOPFD_VERSION);
			return CTL_OK;
		}
		fprintf(stderr, "iopfctl: unknown option '%s'\nTry 'iopfctl --help'.\n", argv[i]);
		return CTL_USAGE;
	}
	verb = i < argc ? find_verb(argv[i]) : NULL;
	if (verb)
		return run(verb, argc - i, argv + i);
	if (i < argc)
		fprintf(stderr, "iopfctl: unknown verb '%s'\n", argv[i]);
	else
		fprintf(stderr, "iopfctl: a verb is missing\n");
	fprintf(stderr, "Try 'iopfctl --help'.\n");
	return CTL_USAGE;
}
