/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many visits of a simulated device needed no fault, beside what other caches of the same
 * size would have done. The device has one channel, depth=1, verify=no and pattern=zipf: then
 * the order of its visits is that of its pattern, which is made again here.
 *
 *	hits-sim --bus=ADDRESS hits device=NAME pages=N capacity=N visits=N seed=N
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "caches.h"
#include "device/device.h"
#include "device/sim/pagemap.h"
#include "device/sim/pattern.h"
#include "scenario.h"

#define DEADLINE_NS (120 * NSEC_PER_SEC)

static void wait_for_visits(struct client *c, const char *object, uint64_t n)
{
	const struct timespec pause = { .tv_nsec = 20 * NSEC_PER_MSEC };
	uint64_t deadline = clock_now_ns() + DEADLINE_NS, visits = 0;

	for (;;) {
		MUST(client_engine_counter(c, object + strlen("device/"), "Visits", &visits));
		if (visits == n)
			return;
		if (clock_now_ns() > deadline)
			die("%s: %" PRIu64 " of %" PRIu64 " visits", object, visits, n);
		nanosleep(&pause, NULL);
	}
}

static void scenario_hits(struct client *c)
{
	char object[OPTION_ITEM_SIZE + 8];
	struct trace t = {
		.name = "sim: zipf 0.99",
		.n_pages = (uint32_t)option_number("pages", 0),
		.capacity = (uint32_t)option_number("capacity", 0),
		.n_visits = option_number("visits", 0),
	};
	struct client_statistics s;
	struct sim_pattern p;

	snprintf(object, sizeof(object), "device/%s", option("device", NULL));
	sim_pattern_init(&p, SIM_PATTERN_ZIPF, t.n_pages, 0, sim_mix(option_number("seed", 1) + sim_mix(sim_mix(PASID_NONE))));
	t.visits = calloc(t.n_visits, sizeof(*t.visits));
	if (!t.visits)
		die("no memory");
	for (size_t i = 0; i < t.n_visits; i++) {
		t.visits[i] = (uint32_t)sim_pattern_next(&p);
		sim_pattern_random(&p);
	}
	wait_for_visits(c, object, t.n_visits);
	scenario_quiet(c, object, &s);
	caches_compare(&t, t.n_visits - scenario_counter(&s, "FaultsTotal"));
	free(t.visits);
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = { { "hits", scenario_hits } };

	return scenario_main(argc, argv, scenarios, 1);
}
