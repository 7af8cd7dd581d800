/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits until the daemon's simulated device has made all its visits, and says how fast that
 * was. The device is in the daemon, and began when it was attached.
 *
 *	device=NAME, space=NAME, visits=N, pid=
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

static void run(struct client *c)
{
	const struct timespec pause = { .tv_nsec = 2 * NSEC_PER_MSEC };
	const char *device = option("device", NULL);
	pid_t process = (pid_t)option_number("pid", 0);
	uint64_t visits = option_number("visits", 0), seen = 0, begin = 0;
	char object[128], space[128];

	snprintf(object, sizeof(object), "device/%s", device);
	snprintf(space, sizeof(space), "space/%s", option("space", NULL));
	while (!seen) {
		begin = clock_now_ns();
		MUST(client_engine_counter(c, device, "Visits", &seen));
	}
	while (seen < visits) {
		nanosleep(&pause, NULL);
		MUST(client_engine_counter(c, device, "Visits", &seen));
	}
	print_rates(counted(c, object, "FaultsTotal"), visits, clock_now_ns() - begin, process);
	print_result("bytes_written", (double)counted(c, space, "BytesWrittenBack"));
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = { { "run", run } };

	return scenario_main(argc, argv, scenarios, ARRAY_SIZE(scenarios));
}
