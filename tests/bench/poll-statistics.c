/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads all statistics of the daemon ten times a second, until it is ended: what a monitor
 * does.
 *
 * usage: poll-statistics --bus=ADDRESS poll objects=OBJECT[,OBJECT…]
 */
#include "base/clock.h"
#include "base/util.h"
#include "scenario.h"

#define PERIOD_NS (NSEC_PER_SEC / 10)

static void run(struct client *c)
{
	const struct timespec pause = { .tv_nsec = PERIOD_NS };
	struct client_statistics s;
	char object[OPTION_ITEM_SIZE];

	for (;;) {
		scenario_statistics(c, "", &s);
		for (size_t i = 0; option_item("objects", i, object); i++)
			scenario_statistics(c, object, &s);
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = { { "poll", run } };

	return scenario_main(argc, argv, scenarios, ARRAY_SIZE(scenarios));
}
