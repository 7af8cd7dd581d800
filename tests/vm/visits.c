/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device that visits single pages in the order of a trace, and what that says about the
 * eviction of the daemon.
 */
#include "drive.h"

#include <inttypes.h>
#include <stdio.h>

#include "caches.h"

#define ZIPF_HALF_FITS 0 /* the first kind: zipf 0.99, twice as many pages as fit */

static uint64_t faults(struct client *c, const struct target *t)
{
	char object[OPTION_ITEM_SIZE + 8];
	struct client_statistics s;

	snprintf(object, sizeof(object), "device/%s", t->device);
	scenario_quiet(c, object, &s);
	return scenario_counter(&s, "FaultsTotal");
}

/* The window must be fresh. pages= is how many there are, fits= how many the budget has room for
 * (0: no comparison), count= the visits. Every page is written by the device, and its contents
 * are looked at in the end. */
void scenario_visits(struct client *c)
{
	struct setup s;
	struct trace trace;
	uint64_t before, window;

	setup_open(c, &s);
	trace = trace_make(ZIPF_HALF_FITS, (struct trace_size){ (uint32_t)option_number("pages", 0) / 2,
								option_number("count", 10000) });
	trace.capacity = (uint32_t)option_number("fits", 0);
	trace.name = "zipf 0.99, real DMA";
	window = s.iova;
	s.size = IOPF_PAGE;
	before = faults(c, &s.targets[0]);
	for (size_t i = 0; i < trace.n_visits; i++) {
		s.iova = window + (uint64_t)trace.visits[i] * IOPF_PAGE;
		setup_run(&s, IOPF_FILL);
		setup_must_be_right(&s, "fill");
	}
	if (trace.capacity)
		caches_compare(&trace, trace.n_visits - (faults(c, &s.targets[0]) - before));
	for (size_t i = 0; i < trace.n_visits; i++) {
		s.iova = window + (uint64_t)trace.visits[i] * IOPF_PAGE;
		setup_run(&s, IOPF_CHECK);
		setup_must_be_right(&s, "check");
	}
	printf("visits: %zu, zipf, %u pages\n", trace.n_visits, trace.n_pages);
	trace_free(&trace);
	setup_close(&s);
}
