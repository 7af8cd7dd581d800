/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenarios about what is in a group: many records, bad addresses, odd rights, and very many
 * groups.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/util.h"
#include "trigger.h"

#define LARGEST 64u

/* Groups of 1 to 64 pages, each page new; then all of them once more, when all is mapped. */
void scenario_groups(struct client *c)
{
	uint64_t at = 0;
	struct setup s;

	setup_open(c, &s);
	for (uint32_t n = 1; n <= LARGEST; n++) {
		if (at + n * MOCK_PAGE > s.size)
			die("the window is too small");
		mock_trigger_group(&s.mock, s.pasid, s.iova + at, n, MOCK_PAGE, MOCK_READ | MOCK_WRITE);
		at += n * MOCK_PAGE;
	}
	setup_must_be_answered(c, &s, 0);
	setup_must_be_mapped(&s, 0, at);
	mock_trigger_group(&s.mock, s.pasid, s.iova, (uint32_t)(at / MOCK_PAGE), MOCK_PAGE, MOCK_READ);
	/* One page again and again in one group, from behind */
	mock_trigger_group(&s.mock, s.pasid, s.iova + at, LARGEST, 0, MOCK_WRITE);
	setup_must_be_answered(c, &s, 0);
	printf("groups: %" PRIu64 " with %" PRIu64 " records\n", s.mock.groups, s.mock.records);
	setup_close(&s);
}

/* A group larger than any device's credits, between two small ones. */
void scenario_oversized(struct client *c)
{
	uint32_t n = (uint32_t)option_number("records", 3000);
	uint64_t at = (uint64_t)n * MOCK_PAGE;
	struct setup s;

	setup_open(c, &s);
	if (at + 2 * MOCK_PAGE > s.size)
		die("the window is too small");
	mock_trigger(&s.mock, s.pasid, s.iova + at, MOCK_READ);
	mock_trigger_group(&s.mock, s.pasid, s.iova, n, MOCK_PAGE, MOCK_WRITE);
	mock_trigger(&s.mock, s.pasid, s.iova + at + MOCK_PAGE, MOCK_READ);
	setup_must_be_answered(c, &s, 0);
	setup_must_be_mapped(&s, 0, at + 2 * MOCK_PAGE);
	printf("oversized: a group of %u records\n", n);
	setup_close(&s);
}

/* bad= is an address outside every region. A group with it is refused whole, wherever in the
 * group it stands; groups around it are served. */
void scenario_refuse(struct client *c)
{
	uint64_t bad = option_number("bad", 0);
	uint64_t refused = 0;
	struct setup s;

	setup_open(c, &s);
	for (uint32_t i = 0; i < 4; i++) {
		mock_trigger(&s.mock, s.pasid, bad + i * MOCK_PAGE, MOCK_READ);
		mock_trigger(&s.mock, s.pasid, s.iova + i * MOCK_PAGE, MOCK_WRITE);
		refused++;
	}
	for (uint32_t position = 0; position < 3; position++) {
		for (uint32_t i = 0; i < 3; i++)
			mock_trigger(&s.mock, s.pasid, i == position ? bad : s.iova + i * MOCK_PAGE,
				     MOCK_READ | (i < 2 ? MOCK_MORE : 0));
		refused++;
	}
	mock_trigger(&s.mock, s.pasid, UINT64_MAX, MOCK_READ);
	mock_trigger(&s.mock, s.pasid, 0, MOCK_WRITE);
	refused += 2;
	setup_must_be_answered(c, &s, refused);
	setup_must_be_mapped(&s, 0, 4 * MOCK_PAGE);
	printf("refuse: %" PRIu64 " of %" PRIu64 " groups\n", refused, s.mock.groups);
	setup_close(&s);
}

/* Rights that PCI hardware hardly ever asks for: all of them mean "let me in". */
void scenario_permissions(struct client *c)
{
	static const uint32_t perms[] = {
		0,
		MOCK_EXEC,
		MOCK_READ | MOCK_EXEC,
		MOCK_PRIVILEGED,
		MOCK_PRIVILEGED | MOCK_WRITE,
		MOCK_READ | MOCK_WRITE | MOCK_EXEC | MOCK_PRIVILEGED,
		1u << 20,
	};
	uint64_t reads = 0, writes = 0, execs = 0;
	struct client_statistics now;
	struct setup s;

	setup_open(c, &s);
	for (size_t i = 0; i < ARRAY_SIZE(perms); i++) {
		/* Not page aligned: the mock passes on what it is told, and so may hardware */
		mock_trigger(&s.mock, s.pasid, s.iova + i * MOCK_PAGE + 123, perms[i]);
		reads += !!(perms[i] & MOCK_READ);
		writes += !!(perms[i] & MOCK_WRITE);
		execs += !!(perms[i] & MOCK_EXEC);
	}
	setup_must_be_answered(c, &s, 0);
	setup_must_be_mapped(&s, 0, ARRAY_SIZE(perms) * MOCK_PAGE);
	scenario_quiet(c, s.device, &now);
	if (setup_counted(&s, &now, "FaultsRead") != reads || setup_counted(&s, &now, "FaultsWrite") != writes ||
	    setup_counted(&s, &now, "FaultsExec") != execs)
		die("reads, writes and execs were not counted by their bits");
	printf("permissions: %zu kinds\n", ARRAY_SIZE(perms));
	setup_close(&s);
}

/* count= page requests on random pages of the window, as fast as they can be made. */
void scenario_storm(struct client *c)
{
	uint64_t count = option_number("count", 100000);
	uint64_t random = option_number("seed", 1);
	struct setup s;

	setup_open(c, &s);
	for (uint64_t i = 0; i < count; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		mock_trigger(&s.mock, s.pasid, s.iova + (random >> 33) % (s.size / MOCK_PAGE) * MOCK_PAGE,
			     MOCK_READ | MOCK_WRITE);
	}
	setup_must_be_answered(c, &s, 0);
	printf("storm: %" PRIu64 " groups\n", s.mock.groups);
	setup_close(&s);
}
