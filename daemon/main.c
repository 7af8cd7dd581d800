/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command line and exit codes: 0 ok, 1 failure while running, 2 usage, 77 a configuration
 * file may not be read, 78 the configuration is wrong.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/messages.h"
#include "config/config.h"
#include "config/diagnostic.h"
#include "control/service.h"
#include "device/device.h"
#include "loop/loop.h"
#include "manager.h"
#include "policy/policy.h"

#define EXIT_USAGE 2
#define EXIT_NOPERM_CONFIG 77
#define EXIT_CONFIG 78

enum action { ACTION_RUN, ACTION_CHECK, ACTION_DUMP };

static struct {
	enum action action;
	const char *config;
	const char *bus;
} arg = { .bus = "system" };

static const char help_text[] =
	"Usage: iopfd [OPTION...]\n"
	"Serve the IO page faults of the devices named in the configuration.\n"
	"\n"
	"  --config=FILE          read FILE and FILE.d/*.conf instead of the search path\n"
	"  --check-config[=FILE]  check the configuration, say all that is wrong, exit\n"
	"  --dump-config          print the merged configuration with the origin of each key, exit\n"
	"  --bus=BUS              system (default), session, none, or the address of a message bus\n"
	"  --log-level=LEVEL      emerg, alert, crit, err, warning, notice, info (default), debug\n"
	"  --version              print the version, exit\n"
	"  --help                 print this, exit\n"
	"\n"
	"Manual: iopfd(8), iopfd.conf(5)\n";

/* Returns -1 to go on, or an exit code. */
static int parse_argv(int argc, char **argv)
{
	enum { OPT_CONFIG = 256, OPT_CHECK, OPT_DUMP, OPT_BUS, OPT_LEVEL, OPT_VERSION, OPT_HELP };
	static const struct option options[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "check-config", optional_argument, NULL, OPT_CHECK },
		{ "dump-config", no_argument, NULL, OPT_DUMP },
		{ "bus", required_argument, NULL, OPT_BUS },
		{ "log-level", required_argument, NULL, OPT_LEVEL },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case OPT_CONFIG:
			arg.config = optarg;
			break;
		case OPT_CHECK:
			arg.action = ACTION_CHECK;
			arg.config = optarg ?: arg.config;
			break;
		case OPT_DUMP:
			arg.action = ACTION_DUMP;
			break;
		case OPT_BUS:
			if (service_check_bus(optarg) < 0) {
				fprintf(stderr, "iopfd: --bus=%s: neither system, session (there must be one), none, nor an "
						"address such as unix:path=/run/bus\n", optarg);
				return EXIT_USAGE;
			}
			arg.bus = optarg;
			break;
		case OPT_LEVEL:
			if (log_level_from_string(optarg) < 0) {
				fprintf(stderr, "iopfd: --log-level=%s: not one of %s\n", optarg, log_level_names());
				return EXIT_USAGE;
			}
			log_set_max_level(log_level_from_string(optarg));
			break;
		case OPT_VERSION:
			puts("iopfd " IOPFD_VERSION);
			return EXIT_SUCCESS;
		case OPT_HELP:
			fputs(help_text, stdout);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "Try 'iopfd --help'.\n");
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "iopfd: unexpected argument '%s'\nTry 'iopfd --help'.\n", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static int check_address(const char *address, char *text, size_t size)
{
	struct reason why = { 0 };
	int r = device_check_address(address, &why);

	if (r < 0)
		snprintf(text, size, "%s", why.text);
	return r;
}

static int check_policy(const char *name, const char *plugin_dir, char *text, size_t size)
{
	int r = policy_check(name, plugin_dir);

	if (r < 0)
		hint_describe_unknown("policy", name, policy_names(), text, size);
	return r;
}

static int check_setting(const char *policy, const char *plugin_dir, const char *key, const char *value, char *text,
			 size_t size)
{
	(void)plugin_dir;
	return policy_check_setting(policy, key, value, text, size);
}

static const char *address_kind(const char *address)
{
	const struct device_ops *ops = device_find_ops(address, NULL);

	return !ops ? NULL : ops->uses_iommufd ? "iommufd" : ops->name;
}

static void make_hooks(struct config_hooks *hooks)
{
	*hooks = (struct config_hooks){
		.policies = policy_names(),
		.check_policy = check_policy,
		.check_setting = check_setting,
		.policy_keys = policy_keys,
		.min_granule = policy_min_granule,
		.event_loops = loop_names(),
		.check_address = check_address,
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
		.address_kind = address_kind,
	};
}

static void print_diagnostics(const struct config_diagnostics *d)
{
	for (size_t i = 0; i < d->n_items; i++) {
		char text[2048];

		config_diagnostic_format(&d->items[i], text, sizeof(text));
		if (arg.action == ACTION_RUN)
			log_with(d->items[i].severity == CONFIG_ERROR ? LOG_ERR : LOG_WARNING, 0, NULL, "%s", text);
		else
			fprintf(stderr, "%s\n", text);
	}
}

/* Returns -1 with a config, or an exit code. */
static int load_config(const struct manager_setup *setup, struct config **ret)
{
	struct config_diagnostics diagnostics;
	int r = config_load(&setup->source, &setup->hooks, ret, &diagnostics);
	bool unreadable = diagnostics.unreadable;

	print_diagnostics(&diagnostics);
	config_diagnostics_free(&diagnostics);
	if (r >= 0)
		return -1;
	if (arg.action == ACTION_RUN)
		log_with(LOG_ERR, 0, &((struct log_fields){ .message_id = MESSAGE_CONFIG_REJECTED }),
			 "the configuration is rejected, nothing is started");
	return unreadable ? EXIT_NOPERM_CONFIG : r == -ENOMEM ? EXIT_FAILURE : EXIT_CONFIG;
}

int main(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(manager_freep) struct manager *manager = NULL;
	struct manager_setup setup = { 0 };
	int r = parse_argv(argc, argv);

	if (r >= 0)
		return r;
	log_open(arg.action == ACTION_RUN ? LOG_TARGET_AUTO : LOG_TARGET_STDERR);
	setup.bus = arg.bus;
	setup.source = (struct config_source){ .file = arg.config, .strict = arg.action == ACTION_CHECK };
	make_hooks(&setup.hooks);
	r = load_config(&setup, &config);
	if (r >= 0)
		return r;
	if (arg.action == ACTION_CHECK)
		return EXIT_SUCCESS;
	if (arg.action == ACTION_DUMP)
		return config_dump(config, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	manager_block_signals();
	if (manager_new(&setup, TAKE_PTR(config), &manager) < 0)
		return EXIT_FAILURE;
	r = manager_run(manager);
	if (r < 0)
		_exit(EXIT_FAILURE);
	return r;
}
