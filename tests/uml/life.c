/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenarios about what goes on around the faults: page tables that are exchanged under the
 * daemon, its end, its memory, its sleep.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "trigger.h"

static void sleep_ms(uint64_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * NSEC_PER_MSEC) };

	nanosleep(&t, NULL);
}

/* Waits until device= is active. */
void scenario_state(struct client *c)
{
	uint64_t deadline = clock_now_ns() + 20 * NSEC_PER_SEC;
	const char *device = option("device", NULL);
	char object[64];

	snprintf(object, sizeof(object), "device/%s", device);
	for (;;) {
		_cleanup_free_ char *state = NULL;

		if (client_string(c, object, "State", &state) >= 0 && !strcmp(state, "active"))
			break;
		if (clock_now_ns() > deadline)
			die("its state is '%s' (%s)", state ? state : "unknown", client_error(c));
		sleep_ms(10);
	}
	printf("state: %s is active\n", device);
}

/* The kernel itself refuses a PASID that nobody attached; the daemon never hears of it. */
void scenario_unattached(struct client *c)
{
	struct client_statistics now;
	struct mock_answers got;
	struct setup s;

	setup_open(c, &s);
	mock_trigger(&s.mock, s.pasid, s.iova, MOCK_READ);
	mock_wait_answers(&s.answers, 1, &got);
	scenario_quiet(c, s.device, &now);
	if (got.invalid != 1 || setup_counted(&s, &now, "FaultsTotal"))
		die("a PASID that is not attached was served");
	printf("unattached: refused by the kernel\n");
	setup_close(&s);
}

/* With the daemon stopped all groups queue up; it wakes, reads them in one go, and while it
 * maps the first ones we take the page table away: the kernel refuses all that was read but
 * not answered, and the daemon's answers to them come too late. Returns how many. */
static uint64_t one_stale_round(struct client *c, struct setup *s, uint32_t hwpt_id, uint32_t ioas_id, pid_t daemon,
				uint64_t delay_us)
{
	const struct timespec delay = { .tv_nsec = (long)(delay_us * NSEC_PER_USEC) };
	struct client_statistics now;
	struct mock_answers got;

	kill(daemon, SIGSTOP);
	for (uint64_t at = 0; at < s->size; at += MOCK_PAGE)
		mock_trigger(&s->mock, s->pasid, s->iova + at, MOCK_WRITE);
	kill(daemon, SIGCONT);
	nanosleep(&delay, NULL);
	MUST(mock_leave(&s->mock, s->pasid, ioas_id));
	mock_wait_answers(&s->answers, s->mock.groups, &got);
	MUST(mock_return(&s->mock, s->pasid, hwpt_id));

	/* It may still be busy with groups that are none any more */
	mock_trigger(&s->mock, s->pasid, s->iova, MOCK_READ);
	mock_wait_answers(&s->answers, s->mock.groups, &got);
	scenario_quiet(c, s->device, &now);
	if (setup_counted(s, &now, "ResponsesSuccess") != got.success)
		die("the kernel took %" PRIu64 " answers, the daemon counted %" PRIu64, got.success,
		    setup_counted(s, &now, "ResponsesSuccess"));
	if (setup_counted(s, &now, "ResponsesStale") > got.invalid)
		die("more stale answers than groups that the kernel refused");
	return setup_counted(s, &now, "ResponsesStale");
}

void scenario_stale(struct client *c)
{
	pid_t daemon = (pid_t)option_number("pid", 0);
	struct mock_answers got;
	uint64_t stale = 0;
	uint32_t hwpt, ioas;
	struct setup s;
	unsigned round;

	setup_open(c, &s);
	mock_trigger(&s.mock, s.pasid, s.iova, MOCK_READ);
	mock_wait_answers(&s.answers, 1, &got);
	hwpt = mock_find_hwpt(&s.mock, s.iova, s.memory);
	ioas = mock_new_ioas(&s.mock);
	if (!hwpt)
		die("the page was not mapped");
	/* When it reads and when it answers is its own business: try a range of moments */
	for (round = 0; round < 60 && !stale; round++)
		stale = one_stale_round(c, &s, hwpt, ioas, daemon, 50 + 100 * round);
	if (!stale)
		die("no answer ever came too late");
	printf("stale: %" PRIu64 " answers in round %u\n", stale, round);
	setup_close(&s);
}

/* SIGTERM while the queue is full: the daemon serves it before it goes. */
void scenario_stop(struct client *c)
{
	pid_t daemon = (pid_t)option_number("pid", 0);
	struct pollfd gone = { .fd = (int)syscall(SYS_pidfd_open, daemon, 0), .events = POLLIN };
	struct mock_answers got;
	struct setup s;

	setup_open(c, &s);
	kill(daemon, SIGSTOP);
	for (uint64_t at = 0; at < s.size; at += MOCK_PAGE)
		mock_trigger(&s.mock, s.pasid, s.iova + at, MOCK_READ | MOCK_WRITE);
	kill(daemon, SIGTERM);
	kill(daemon, SIGCONT);
	if (poll(&gone, 1, 30000) != 1)
		die("the daemon does not end");
	close(gone.fd);
	mock_wait_answers(&s.answers, s.mock.groups, &got);
	if (got.invalid || got.failure)
		die("%" PRIu64 " of %" PRIu64 " groups were not served before the end", got.invalid, s.mock.groups);
	printf("stop: %" PRIu64 " groups served on the way out\n", s.mock.groups);
	setup_close(&s);
}

static uint64_t rss_anon(pid_t process)
{
	uint64_t kib = UINT64_MAX;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", process);
	f = fopen(path, "re");
	if (!f)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1)
			break;
	fclose(f);
	if (kib == UINT64_MAX)
		die("%s has no RssAnon", path);
	return kib << 10;
}

/* step= bytes between pages: with a gap between them no two extents are neighbours. The
 * daemon's own memory stays below 8 MiB and 32 bytes for each extent. */
void scenario_memory(struct client *c)
{
	uint64_t step = option_number("step", MOCK_PAGE);
	pid_t daemon = (pid_t)option_number("pid", 0);
	char *space = strdup(option("region", NULL));
	uint64_t extents, bytes, limit;
	struct setup s;
	char object[64];

	setup_open(c, &s);
	for (uint64_t at = 0; at < s.size; at += step)
		mock_trigger(&s.mock, s.pasid, s.iova + at, MOCK_READ | MOCK_WRITE);
	setup_must_be_answered(c, &s, 0);
	*strchr(space, '/') = 0;
	snprintf(object, sizeof(object), "space/%s", space);
	free(space);
	MUST(client_number(c, object, "ExtentsMapped", &extents));
	if (extents < s.mock.groups)
		die("%" PRIu64 " extents for %" PRIu64 " pages", extents, s.mock.groups);
	bytes = rss_anon(daemon);
	limit = (8ull << 20) + 32 * extents;
	printf("memory: %" PRIu64 " KiB for %" PRIu64 " extents (limit %" PRIu64 " KiB)\n", bytes >> 10, extents,
	       limit >> 10);
	fflush(stdout);
	if (bytes >= limit)
		die("RssAnon is above the limit");
	setup_close(&s);
}

static uint64_t context_switches(pid_t process)
{
	char path[64], line[256];
	uint64_t sum = 0, n;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", process);
	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	while ((e = readdir(dir))) {
		char status[384];
		FILE *f;

		snprintf(status, sizeof(status), "%s/%s/status", path, e->d_name);
		f = *e->d_name == '.' ? NULL : fopen(status, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &n) == 1 ||
			    sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &n) == 1)
				sum += n;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return sum;
}

/* Not one context switch of any task in seconds= seconds, once what went before has settled.
 * That we are connected to the bus is no reason to wake up. */
void scenario_idle(struct client *c)
{
	pid_t daemon = (pid_t)option_number("pid", 0);
	uint64_t seconds = option_number("seconds", 10);
	uint64_t before = 0, now;
	unsigned settling = 0;

	(void)c;
	do {
		before = context_switches(daemon);
		sleep_ms(1000);
		now = context_switches(daemon);
	} while (now != before && ++settling < 10);
	if (!now)
		die("nothing counted");
	sleep_ms(seconds * 1000);
	now = context_switches(daemon);
	if (now != before)
		die("%" PRIu64 " context switches in %" PRIu64 " s", now - before, seconds);
	printf("idle: no context switch in %" PRIu64 " s\n", seconds);
}

/* limit=: the daemon has fewer objects in the kernel. */
void scenario_objects(struct client *c)
{
	uint32_t id = mock_next_id((pid_t)option_number("pid", 0));

	(void)c;
	if (id > option_number("limit", 0))
		die("the next object has number %" PRIu32, id);
	printf("objects: the next has number %" PRIu32 "\n", id);
}
