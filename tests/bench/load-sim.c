/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits until the daemon's simulated devices have made all their visits, and says how fast
 * that was. They are in the daemon, and began when they were attached.
 *
 *	device=NAME[,NAME…], visits=N   they make so many in all
 *	space=NAME                    whose bytes written back are told
 *	pid=
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/util.h"
#include "measure.h"
#include "scenario.h"

static uint64_t counted(struct client *c, const char *object, const char *name)
{
	struct client_statistics s;

	scenario_statistics(c, object, &s);
	return scenario_counter(&s, name);
}

/* By all devices together. */
static uint64_t visited(struct client *c)
{
	char device[OPTION_ITEM_SIZE];
	uint64_t sum = 0, n;

	for (size_t i = 0; option_item("device", i, device); i++) {
		MUST(client_engine_counter(c, device, "Visits", &n));
		sum += n;
	}
	return sum;
}

static void run(struct client *c)
{
	const struct timespec pause = { .tv_nsec = 2 * NSEC_PER_MSEC };
	pid_t process = (pid_t)option_number("pid", 0);
	uint64_t visits = option_number("visits", 0), begin;
	char space[OPTION_ITEM_SIZE + 8];

	do
		begin = clock_now_ns();
	while (!visited(c));
	while (visited(c) < visits)
		nanosleep(&pause, NULL);
	print_rates(counted(c, "", "FaultsTotal"), visits, clock_now_ns() - begin, process);
	snprintf(space, sizeof(space), "space/%s", option("space", NULL));
	print_result("bytes_written", (double)counted(c, space, "BytesWrittenBack"));
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = { { "run", run } };

	return scenario_main(argc, argv, scenarios, ARRAY_SIZE(scenarios));
}
