/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page requests for the daemon's mock devices, made by a process that owns nothing. What
 * the kernel says it was answered is compared with what the daemon says it answered.
 */
#include "trigger.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/util.h"

void setup_open(struct client *c, struct setup *s)
{
	uint64_t at = option_number("at", 0);
	static char object[64];

	*s = (struct setup){
		.pasid = (uint32_t)option_number("pasid", 0),
		.iova = option_number("iova", MOCK_FIRST_IOVA) + at,
		.size = option_number("size", MOCK_PAGE),
		.device = object,
	};
	snprintf(object, sizeof(object), "device/%s", option("device", NULL));
	s->memory = scenario_map_memory(c, option("region", NULL), at, s->size);
	mock_open(&s->mock, (pid_t)option_number("pid", 0), (unsigned)option_number("index", 0));
	scenario_quiet(c, s->device, &s->before);
	mock_answers(&s->answers);
}

void setup_close(struct setup *s)
{
	munmap(s->memory, s->size);
	mock_close(&s->mock);
}

uint64_t setup_counted(const struct setup *s, const struct client_statistics *now, const char *name)
{
	return scenario_counter(now, name) - scenario_counter(&s->before, name);
}

static void must_count(const struct setup *s, const struct client_statistics *now, const char *name, uint64_t wanted)
{
	uint64_t counted = setup_counted(s, now, name);

	if (counted != wanted)
		die("%s counted %" PRIu64 ", not %" PRIu64, name, counted, wanted);
}

void setup_must_be_answered(struct client *c, struct setup *s, uint64_t refused)
{
	struct client_statistics now;
	struct mock_answers got;

	mock_wait_answers(&s->answers, s->mock.groups, &got);
	if (got.invalid != refused || got.failure)
		die("the kernel saw %" PRIu64 " groups refused, not %" PRIu64, got.invalid, refused);
	scenario_quiet(c, "", NULL);
	scenario_quiet(c, s->device, &now);
	must_count(s, &now, "FaultsTotal", s->mock.records);
	must_count(s, &now, "FaultGroupsTotal", s->mock.groups);
	must_count(s, &now, "ResponsesSuccess", got.success);
	must_count(s, &now, "ResponsesInvalid", got.invalid);
	must_count(s, &now, "FaultsPasid", s->pasid ? s->mock.records : 0);
}

void setup_must_be_mapped(const struct setup *s, uint64_t at, uint64_t length)
{
	uint32_t hwpt = mock_find_hwpt(&s->mock, s->iova + at, s->memory + at);

	if (!hwpt)
		die("no page table has our memory at 0x%" PRIx64, s->iova + at);
	if (mock_check_map(&s->mock, hwpt, s->iova + at, length, s->memory + at))
		die("other memory than ours between 0x%" PRIx64 " and 0x%" PRIx64, s->iova + at,
		    s->iova + at + length);
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{ "state", scenario_state },
		{ "groups", scenario_groups },
		{ "oversized", scenario_oversized },
		{ "refuse", scenario_refuse },
		{ "permissions", scenario_permissions },
		{ "storm", scenario_storm },
		{ "unattached", scenario_unattached },
		{ "stale", scenario_stale },
		{ "stop", scenario_stop },
		{ "memory", scenario_memory },
		{ "idle", scenario_idle },
		{ "objects", scenario_objects },
	};

	return scenario_main(argc, argv, scenarios, ARRAY_SIZE(scenarios));
}
