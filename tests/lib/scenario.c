/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

void scenario_statistics(struct client *c, const char *object, struct client_statistics *ret)
{
	int r = client_statistics(c, object, ret);

	if (r < 0)
		die("statistics of '%s': %s (%s)", object, strerror(-r), client_error(c));
}

uint64_t scenario_counter(const struct client_statistics *s, const char *name)
{
	const uint64_t *value = client_counter(s, name);

	if (!value)
		die("the statistics have no %s", name);
	return *value;
}

void *scenario_map_memory(struct client *c, const char *region, uint64_t at, uint64_t size)
{
	const char *slash = strchr(region, '/');
	_cleanup_free_ char *space = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t offset, length;
	void *memory;
	int r;

	if (!slash)
		die("region=%s is not SPACE/NAME", region);
	space = strndup(region, (size_t)(slash - region));
	r = client_open_memory(c, space, slash + 1, &fd, &offset, &length);
	if (r < 0)
		die("OpenMemory of %s: %s (%s)", region, strerror(-r), client_error(c));
	if (at + size > length)
		die("%s has only %" PRIu64 " bytes", region, length);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(offset + at));
	if (memory == MAP_FAILED)
		die("mmap of %s: %s", region, strerror(errno));
	return memory;
}

void scenario_quiet(struct client *c, const char *object, struct client_statistics *ret)
{
	uint64_t deadline = clock_now_ns() + 10 * NSEC_PER_SEC;
	const struct timespec pause = { .tv_nsec = 5 * NSEC_PER_MSEC };
	struct client_statistics s;
	uint64_t groups, answers;

	for (;;) {
		scenario_statistics(c, object, &s);
		if (!scenario_counter(&s, "FaultsPending"))
			break;
		if (clock_now_ns() > deadline)
			die("%s never gets quiet: %" PRIu64 " groups pending", object,
			    scenario_counter(&s, "FaultsPending"));
		nanosleep(&pause, NULL);
	}
	groups = scenario_counter(&s, "FaultGroupsTotal");
	answers = scenario_counter(&s, "ResponsesSuccess") + scenario_counter(&s, "ResponsesInvalid") +
		  scenario_counter(&s, "ResponsesStale");
	if (groups != answers)
		die("%s: %" PRIu64 " groups but %" PRIu64 " answers", object, groups, answers);
	if (ret)
		*ret = s;
}

static const struct scenario *find_scenario(const struct scenario *scenarios, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	fprintf(stderr, "unknown scenario '%s'; there are:", name);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %s", scenarios[i].name);
	fputc('\n', stderr);
	return NULL;
}

int scenario_main(int argc, char **argv, const struct scenario *scenarios, size_t n)
{
	_cleanup_(client_freep) struct client *c = NULL;
	const struct scenario *s;

	if (argc < 3 || strncmp(argv[1], "--bus=", 6)) {
		fprintf(stderr, "usage: %s --bus=ADDRESS SCENARIO [KEY=VALUE...]\n", argv[0]);
		return 2;
	}
	s = find_scenario(scenarios, n, argv[2]);
	if (!s)
		return 2;
	options_init(s->name, argv + 3, (size_t)argc - 3);
	MUST(client_new(argv[1] + 6, &c));
	s->run(c);
	return options_check();
}
