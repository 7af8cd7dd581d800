/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenarios at the edges of the protocol: accesses that must be refused, groups that are
 * never closed, as many page requests in flight as the device may have.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "drive.h"

static void wait_in_flight(const struct target *t, uint32_t n)
{
	uint64_t deadline = clock_now_ns() + 20 * NSEC_PER_SEC;
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };

	while (iopf_dma_in_flight(&t->dma) < n) {
		if (clock_now_ns() > deadline)
			die("%s: only %u of %u page requests in flight", t->device, iopf_dma_in_flight(&t->dma), n);
		nanosleep(&pause, NULL);
	}
}

static enum iopf_op op_option(void)
{
	static const char *const names[] = {
		[IOPF_FILL] = "fill",
		[IOPF_SUM] = "sum",
		[IOPF_TOUCH_READ] = "touch-read",
		[IOPF_TOUCH_WRITE] = "touch-write",
	};
	const char *name = option("op", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && !strcmp(name, names[i]))
			return (enum iopf_op)i;
	die("op=%s is unknown", name);
}

/* The whole window is refused: every group comes back INVALID, once, and the daemon knows. */
void scenario_refuse(struct client *c)
{
	struct client_statistics before, after;
	struct iopf_result r;
	struct setup s;
	uint64_t refused;
	char object[OPTION_ITEM_SIZE + 8];

	setup_open(c, &s);
	snprintf(object, sizeof(object), "device/%s", s.targets[0].device);
	scenario_quiet(c, object, &before);
	setup_run(&s, op_option());
	setup_result(&s, &s.targets[0], &r);
	scenario_quiet(c, object, &after);
	refused = scenario_counter(&after, "ResponsesInvalid") - scenario_counter(&before, "ResponsesInvalid");
	if (r.status != IOPF_INVALID || r.done || r.failed != s.size / IOPF_PAGE)
		die("not refused: status %u, %" PRIu64 " pages done, %" PRIu64 " failed", r.status, r.done, r.failed);
	if (refused != r.groups)
		die("%" PRIu64 " groups refused, but the daemon counted %" PRIu64, r.groups, refused);
	printf("refuse: %" PRIu64 " groups\n", refused);
	setup_close(&s);
}

/* Groups without an end are forgotten by the device; the kernel keeps their records and adds
 * them to later groups of the same index. The index has 9 bits and goes round, so 512 more
 * groups bring all of them. */
void scenario_headless(struct client *c)
{
	struct client_statistics before, after;
	uint64_t requests, records;
	const struct target *t;
	struct iopf_result r;
	struct setup s;
	char object[OPTION_ITEM_SIZE + 8];

	setup_open(c, &s);
	t = &s.targets[0];
	if (s.size / IOPF_PAGE / s.job.group < 512)
		die("the window is too small for 512 groups");
	snprintf(object, sizeof(object), "device/%s", t->device);
	scenario_quiet(c, object, &before);
	s.job.flags |= IOPF_NO_LAST;
	setup_start(&s, IOPF_FILL);
	wait_in_flight(t, MIN(iopf_dma_credits(&t->dma), s.job.group * s.job.depth));
	for (unsigned i = 0; i < s.channels; i++)
		iopf_dma_abort(&t->dma, s.job.channel + i);
	setup_wait(&s);
	setup_result(&s, t, &r);
	requests = r.page_requests;
	if (r.status != IOPF_ABORTED || r.done)
		die("%s: without LAST: status %u, %" PRIu64 " pages done", t->device, r.status, r.done);

	s.job.flags &= ~IOPF_NO_LAST;
	setup_run(&s, IOPF_FILL);
	setup_must_be_right(&s, "fill after groups without LAST");
	setup_result(&s, t, &r);
	setup_run(&s, IOPF_CHECK);
	setup_must_be_right(&s, "check after groups without LAST");
	setup_compare(&s, t, s.size, 0);
	scenario_quiet(c, object, &after);
	records = scenario_counter(&after, "FaultsTotal") - scenario_counter(&before, "FaultsTotal");
	if (records != requests + r.page_requests)
		die("%" PRIu64 " records, but %" PRIu64 " without LAST and %" PRIu64 " after them", records, requests,
		    r.page_requests);
	printf("headless: %" PRIu64 " surplus records came with %" PRIu64 " groups\n", requests, r.groups);
	setup_close(&s);
}

/* Sets the device to work without an end and leaves it so: over bdf=, so that nobody holds it.
 * A region larger than its budget makes it fault for as long as it works. */
void scenario_begin(struct client *c)
{
	const char *bdf = option("bdf", NULL);
	struct setup s;

	setup_open(c, &s);
	s.job.flags |= IOPF_RANDOM;
	s.job.count = 1ull << 40;
	setup_start(&s, IOPF_FILL);
	wait_in_flight(&s.targets[0], 1);
	printf("begin: %s works\n", bdf);
	setup_close(&s);
}

/* With the daemon stopped for a moment the device gets as far as its credits allow. */
void scenario_peak(struct client *c)
{
	pid_t daemon = (pid_t)option_number("pid", 0);
	uint64_t peak = option_number("peak", 0);
	const struct target *t;
	struct setup s;

	setup_open(c, &s);
	t = &s.targets[0];
	if (!daemon || !peak)
		die("pid= and peak= are missing");
	kill(daemon, SIGSTOP);
	setup_start(&s, IOPF_FILL);
	wait_in_flight(t, (uint32_t)peak);
	kill(daemon, SIGCONT);
	setup_wait(&s);
	setup_must_be_right(&s, "fill");
	setup_compare(&s, t, s.size, 0);
	if (iopf_dma_peak(&t->dma) != peak)
		die("%s had %u page requests in flight, not %" PRIu64, t->device, iopf_dma_peak(&t->dma), peak);
	printf("peak: %" PRIu64 " page requests in flight\n", peak);
	setup_close(&s);
}

/* How many pages of the window hold what the device writes; the others must be untouched. */
static uint64_t count_written(const struct setup *s, const struct target *t)
{
	static const uint64_t zeroes[IOPF_PAGE_WORDS];
	uint64_t page[IOPF_PAGE_WORDS];
	uint64_t n = 0;

	for (uint64_t at = 0; at < s->size; at += IOPF_PAGE) {
		iopf_pattern(s->job.seed, s->iova + at, 0, page);
		if (!memcmp(t->memory + at, page, IOPF_PAGE))
			n++;
		else if (memcmp(t->memory + at, zeroes, IOPF_PAGE))
			die("the page behind 0x%" PRIx64 " is half written", s->iova + at);
	}
	return n;
}

/* Returns when no thread of the process runs any more. */
static void stop_process(pid_t process)
{
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };
	char path[300], state = 0;
	struct dirent *e;
	DIR *dir;

	if (kill(process, SIGSTOP) < 0)
		die("process %d: %s", process, strerror(errno));
	snprintf(path, sizeof(path), "/proc/%d/task", process);
	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	while ((e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", process, e->d_name);
		do {
			FILE *f = fopen(path, "re");

			if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
				die("%s: %s", path, strerror(errno));
			fclose(f);
			nanosleep(&pause, NULL);
		} while (state != 'T');
	}
	closedir(dir);
}

/* pid= gets SIGTERM while page requests of the whole window wait for it. All are served, and
 * the detach comes only after the device has tried again: every page is written. Nothing is
 * asked for after that: Linux 7.2 may lose a request that arrives in the middle of a detach,
 * and warns. */
void scenario_drained(struct client *c)
{
	pid_t daemon = (pid_t)option_number("pid", 0);
	uint64_t done = 0;
	struct setup s;

	setup_open(c, &s);
	if (!daemon)
		die("pid= is missing");
	stop_process(daemon);
	setup_start(&s, IOPF_FILL);
	for (size_t i = 0; i < s.n_targets; i++)
		wait_in_flight(&s.targets[i], (uint32_t)(s.size / IOPF_PAGE));
	kill(daemon, SIGTERM);
	kill(daemon, SIGCONT);
	setup_wait(&s);
	for (size_t i = 0; i < s.n_targets; i++) {
		const struct target *t = &s.targets[i];
		uint64_t served = iopf_dma_counter(&t->dma, IOPF_SUCCESSES);
		uint64_t written = count_written(&s, t);
		struct iopf_result r;

		setup_result(&s, t, &r);
		if (r.done != s.size / IOPF_PAGE || r.failed || r.done != written)
			die("%s: status %u, %" PRIu64 " pages done, %" PRIu64 " failed, %" PRIu64 " written",
			    t->device, r.status, r.done, r.failed, written);
		if (served != s.size / IOPF_PAGE / s.job.group)
			die("%s: only %" PRIu64 " groups were served", t->device, served);
		done += r.done;
	}
	printf("drained: %" PRIu64 " pages written\n", done);
	setup_close(&s);
}
