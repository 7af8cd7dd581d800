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

#define SHORTEST_NS (2 * NSEC_PER_MSEC)
#define LONGEST_NS (100 * NSEC_PER_MSEC)

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

/* Seldom, for asking costs the daemon time: after half of what the rest will take. */
static void wait_a_while(uint64_t seen, uint64_t visits, uint64_t ns)
{
	uint64_t rest = (uint64_t)((double)ns / (double)(seen + 1) * (double)(visits - seen));
	const struct timespec pause = { .tv_nsec = (long)MAX(MIN(rest / 2, LONGEST_NS), SHORTEST_NS) };

	nanosleep(&pause, NULL);
}

static void run(struct client *c)
{
	pid_t process = (pid_t)option_number("pid", 0);
	uint64_t visits = option_number("visits", 0), begin, seen;
	char space[OPTION_ITEM_SIZE + 8];

	do
		begin = clock_now_ns();
	while (!visited(c));
	while ((seen = visited(c)) < visits)
		wait_a_while(seen, visits, clock_now_ns() - begin);
	print_rates(counted(c, "", "FaultsTotal"), visits, clock_now_ns() - begin, process);
	snprintf(space, sizeof(space), "space/%s", option("space", NULL));
	print_result("bytes_written", (double)counted(c, space, "BytesWrittenBack"));
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = { { "run", run } };

	return scenario_main(argc, argv, scenarios, ARRAY_SIZE(scenarios));
}
