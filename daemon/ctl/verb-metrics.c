/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics: what metrics.c writes, to the output or into a file.
 */
#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/metrics.h"
#include "ctl/output.h"

static void write_metrics(const void *snapshot, FILE *out)
{
	metrics_write(snapshot, out);
}

int verb_metrics(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(snapshot_deinit) struct snapshot s = { 0 };
	const char *file = NULL;
	const struct args_option options[] = { { .name = "--output", .value = &file }, { 0 } };
	enum ctl_exit e = args_read(&argc, argv, options, 0, 0);

	if (!e && ctl_options.json)
		e = client_usage(argv[0], "there is one format only, and it is not JSON");
	e = e ?: client_open(&bus);
	e = e ?: snapshot_load(bus, true, &s);
	if (e)
		return e;
	if (file)
		return output_file(file, write_metrics, &s);
	metrics_write(&s, stdout);
	return CTL_OK;
}
