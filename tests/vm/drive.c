/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small driver of iopf-dma devices. It owns nothing: the device comes from the daemon by
 * OpenDevice, the memory that the device sees by OpenMemory, both over D-Bus. What the
 * device wrote is compared with the memory, and what it counted with what the daemon
 * counted.
 */
#include "drive.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/util.h"

#define DEADLINE_NS (120 * NSEC_PER_SEC)
#define FEATURE_BUS_MASTER 1u

static void open_device(struct client *c, const char *bdf, struct target *t)
{
	uint64_t deadline = clock_now_ns() + 10 * NSEC_PER_SEC;
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };
	int r;

	if (*bdf) {
		r = iopf_dma_open_sysfs(&t->dma, bdf);
		if (r < 0)
			die("%s: %s", bdf, strerror(-r));
	} else {
		r = client_open_device(c, t->device, &t->vfio_fd);
		if (r < 0)
			die("OpenDevice of %s: %s (%s)", t->device, strerror(-r), client_error(c));
		r = iopf_dma_open_vfio(&t->dma, t->vfio_fd);
		if (r < 0)
			die("the lent fd of %s: %s", t->device, strerror(-r));
	}
	while (!(iopf_dma_features(&t->dma) & FEATURE_BUS_MASTER)) {
		if (clock_now_ns() > deadline)
			die("%s: nobody sets bus mastering", t->device);
		nanosleep(&pause, NULL);
	}
}

void setup_open(struct client *c, struct setup *s)
{
	const char *bdf = option("bdf", "");
	char region[OPTION_ITEM_SIZE] = "";
	uint64_t at = option_number("at", 0);

	*s = (struct setup){ 0 };
	s->iova = option_number("iova", 0) + at;
	s->size = option_number("size", IOPF_PAGE);
	s->channels = (unsigned)option_number("channels", 1);
	s->job = (struct iopf_job){
		.channel = (unsigned)option_number("first-channel", 1),
		.group = (uint32_t)option_number("group", 1),
		.depth = (uint32_t)option_number("depth", 1),
		.pasid = (uint32_t)option_number("pasid", 0),
		.seed = option_number("seed", 0x5eed),
	};
	if (s->job.pasid)
		s->job.flags |= IOPF_USE_PASID;
	if (!s->size || s->size % IOPF_PAGE || s->job.channel + s->channels > IOPF_CHANNELS)
		die("size=, channels= and first-channel= make no sense");
	for (struct target *t = s->targets; s->n_targets < MAX_TARGETS; t++, s->n_targets++) {
		t->vfio_fd = -1;
		if (!option_item("device", s->n_targets, t->device))
			break;
		/* The last region is for all further devices */
		option_item("region", s->n_targets, region);
		if (*region)
			t->memory = scenario_map_memory(c, region, at, s->size);
		open_device(c, bdf, t);
	}
	if (!s->n_targets)
		die("device= is missing");
}

void setup_close(struct setup *s)
{
	for (size_t i = 0; i < s->n_targets; i++) {
		struct target *t = &s->targets[i];

		iopf_dma_close(&t->dma);
		close_fd(&t->vfio_fd);
		if (t->memory)
			munmap(t->memory, s->size);
	}
}

/* The part of the window that belongs to a channel. */
static void channel_window(const struct setup *s, unsigned i, uint64_t *ret_first, uint64_t *ret_n)
{
	uint64_t pages = s->size / IOPF_PAGE;
	uint64_t first = pages * i / s->channels;

	*ret_first = first;
	*ret_n = pages * (i + 1) / s->channels - first;
}

void setup_start(const struct setup *s, enum iopf_op op)
{
	for (size_t i = 0; i < s->n_targets; i++)
		for (unsigned c = 0; c < s->channels; c++) {
			struct iopf_job job = s->job;
			uint64_t first, n;

			channel_window(s, c, &first, &n);
			job.op = op;
			job.channel += c;
			job.iova = s->iova + first * IOPF_PAGE;
			job.n_pages = (uint32_t)n;
			iopf_dma_start(&s->targets[i].dma, &job);
		}
}

void setup_wait(const struct setup *s)
{
	uint64_t deadline = clock_now_ns() + DEADLINE_NS;

	for (size_t i = 0; i < s->n_targets; i++)
		for (unsigned c = 0; c < s->channels; c++) {
			const struct target *t = &s->targets[i];
			struct iopf_result result;
			unsigned channel = s->job.channel + c;

			if (!iopf_dma_wait(&t->dma, channel, deadline))
				continue;
			iopf_dma_result(&t->dma, channel, &result);
			die("%s: channel %u hangs after %" PRIu64 " pages, %u page requests in flight", t->device,
			    channel, result.done, iopf_dma_in_flight(&t->dma));
		}
}

void setup_run(const struct setup *s, enum iopf_op op)
{
	setup_start(s, op);
	setup_wait(s);
}

void setup_result(const struct setup *s, const struct target *t, struct iopf_result *ret)
{
	*ret = (struct iopf_result){ 0 };
	for (unsigned c = 0; c < s->channels; c++) {
		struct iopf_result one;

		iopf_dma_result(&t->dma, s->job.channel + c, &one);
		if (!ret->status && !ret->mismatch) {
			ret->status = one.status;
			ret->bad = one.bad;
		}
		ret->done += one.done;
		ret->failed += one.failed;
		ret->page_requests += one.page_requests;
		ret->groups += one.groups;
		ret->mismatch += one.mismatch;
		ret->sum += one.sum;
	}
}

void setup_must_be_right(const struct setup *s, const char *what)
{
	uint64_t visits = s->job.count ? s->job.count * s->channels : s->size / IOPF_PAGE;

	for (size_t i = 0; i < s->n_targets; i++) {
		struct iopf_result r;

		setup_result(s, &s->targets[i], &r);
		if (r.status || r.failed || r.done != visits || r.mismatch)
			die("%s: %s: %" PRIu64 " of %" PRIu64 " pages done, %" PRIu64 " failed with status %u, %" PRIu64
			    " with wrong contents, the first at 0x%" PRIx64,
			    s->targets[i].device, what, r.done, visits, r.failed, r.status, r.mismatch, r.bad);
	}
}

void setup_compare(const struct setup *s, const struct target *t, uint64_t size, uint64_t plus)
{
	uint64_t page[IOPF_PAGE_WORDS];

	for (uint64_t at = 0; at < size; at += IOPF_PAGE) {
		iopf_pattern(s->job.seed, s->iova + at, plus, page);
		if (memcmp(t->memory + at, page, IOPF_PAGE))
			die("the memory behind 0x%" PRIx64 " is not what %s wrote there", s->iova + at, t->device);
	}
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{ "data", scenario_data },
		{ "read-first", scenario_read_first },
		{ "buffer", scenario_buffer },
		{ "ops", scenario_ops },
		{ "random", scenario_random },
		{ "blind", scenario_blind },
		{ "visits", scenario_visits },
		{ "refuse", scenario_refuse },
		{ "headless", scenario_headless },
		{ "begin", scenario_begin },
		{ "peak", scenario_peak },
		{ "drained", scenario_drained },
		{ "state", scenario_state },
		{ "hold", scenario_hold },
		{ "expect", scenario_expect },
		{ "totals", scenario_totals },
	};

	return scenario_main(argc, argv, scenarios, ARRAY_SIZE(scenarios));
}
