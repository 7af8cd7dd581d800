/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenarios without DMA: what the daemon says about its devices and what it counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "drive.h"

static bool has_state(struct client *c, const char *object, const char *state)
{
	_cleanup_free_ char *now = NULL;

	/* While the daemon starts its name may not be on the bus yet */
	return client_string(c, object, "State", &now) >= 0 && !strcmp(now, state);
}

/* Waits for state=; then the last error must be error= and contain text=. */
void scenario_state(struct client *c)
{
	const char *device = option("device", NULL);
	const char *state = option("state", "active");
	const char *error = option("error", "");
	const char *text = option("text", "");
	uint64_t deadline = clock_now_ns() + 20 * NSEC_PER_SEC;
	const struct timespec pause = { .tv_nsec = 10 * NSEC_PER_MSEC };
	_cleanup_free_ char *last_error = NULL, *last_text = NULL;
	char object[OPTION_ITEM_SIZE + 8];

	snprintf(object, sizeof(object), "device/%s", device);
	while (!has_state(c, object, state)) {
		if (clock_now_ns() > deadline) {
			_cleanup_free_ char *now = NULL;

			client_string(c, object, "State", &now);
			client_last_error(c, device, &last_error, &last_text);
			die("its state is '%s': %s", now ? now : "unknown", last_text ? last_text : client_error(c));
		}
		nanosleep(&pause, NULL);
	}
	MUST(client_last_error(c, device, &last_error, &last_text));
	if ((*error && !strstr(last_error, error)) || !strstr(last_text, text))
		die("its last error is '%s': '%s'", last_error, last_text);
	if (!*error && *last_error)
		die("it has an error: '%s': '%s'", last_error, last_text);
	printf("state: %s is %s%s%s\n", device, state, *last_text ? ": " : "", last_text);
}

/* Keeps the fd of a device until killed; makes the file ready= once it has it. */
void scenario_hold(struct client *c)
{
	const char *device = option("device", NULL);
	const char *ready = option("ready", NULL);
	_cleanup_close_ int fd = -1, file = -1;
	int r;

	r = client_open_device(c, device, &fd);
	if (r < 0)
		die("OpenDevice: %s (%s)", strerror(-r), client_error(c));
	file = open(ready, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0)
		die("%s: %s", ready, strerror(errno));
	for (;;)
		pause();
}

/* object= has a counter= (of its statistics) or property= of at least min=, at most max=. */
void scenario_expect(struct client *c)
{
	const char *object = option("object", "");
	const char *counter = option("counter", "");
	const char *property = option("property", *counter ? "" : NULL);
	uint64_t min = option_number("min", 0);
	uint64_t max = option_number("max", UINT64_MAX);
	struct client_statistics s;
	uint64_t value;

	if (*counter) {
		scenario_quiet(c, object, &s);
		value = scenario_counter(&s, counter);
	} else {
		MUST(client_number(c, object, property, &value));
	}
	if (value < min || value > max)
		die("it is %" PRIu64, value);
	printf("expect: %s %s%s = %" PRIu64 "\n", *object ? object : "manager", counter, property, value);
}

static void must_equal(const struct target *t, const struct client_statistics *s, const char *name,
		       enum iopf_counter counter)
{
	uint64_t ours = scenario_counter(s, name);
	uint64_t theirs = iopf_dma_counter(&t->dma, counter);

	if (ours != theirs)
		die("%s: the daemon has %s = %" PRIu64 ", the device counted %" PRIu64, t->device, name, ours,
		    theirs);
}

/* Since the daemon bound the devices: it read every page request that they sent, and each
 * group got the one answer that it counted. */
void scenario_totals(struct client *c)
{
	uint64_t requests = 0;
	struct setup s;

	setup_open(c, &s);
	scenario_quiet(c, "", NULL);
	for (size_t i = 0; i < s.n_targets; i++) {
		const struct target *t = &s.targets[i];
		struct client_statistics statistics;
		char object[OPTION_ITEM_SIZE + 8];

		snprintf(object, sizeof(object), "device/%s", t->device);
		scenario_quiet(c, object, &statistics);
		must_equal(t, &statistics, "FaultsTotal", IOPF_PAGE_REQUESTS);
		must_equal(t, &statistics, "FaultGroupsTotal", IOPF_GROUPS);
		must_equal(t, &statistics, "ResponsesSuccess", IOPF_SUCCESSES);
		must_equal(t, &statistics, "ResponsesInvalid", IOPF_INVALIDS);
		if (iopf_dma_counter(&t->dma, IOPF_STRAYS) || iopf_dma_counter(&t->dma, IOPF_FAILURES))
			die("%s got answers that nobody waited for", t->device);
		requests += scenario_counter(&statistics, "FaultsTotal");
	}
	printf("totals: %" PRIu64 " page requests, all counted alike\n", requests);
	setup_close(&s);
}
