/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs for the emulated DMA devices, through sysfs: who serves their faults is not involved.
 *
 *	mode=single     one fault at a time on pages that were never touched, with a pause in
 *	                between: what the device saw from the request to the answer
 *	mode=refused    the same by a PASID that nobody has: the kernel itself refuses it at once
 *	mode=stream     each page of the window once, in order: bytes/s
 *	mode=random     pages at random, count= visits
 *	mode=idle       nothing for seconds=: the CPU that the server takes
 *	mode=victim     as single, alone and while another device, flood=BDF, goes through
 *	                flood-size= bytes with depth 64, in turn, rounds= times
 *	bdf=            the device
 *	pid=            of the server
 *	iova=, size=    of the window
 *	count=, depth=, pause-us=
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "measure.h"
#include "options.h"
#include "vm/iopf-dma.h"

#define FEATURES_READY 0xfu
#define FLOOD_CHANNEL 1u
#define UNUSED_PASID 200u
#define DEADLINE_NS (100 * NSEC_PER_SEC)

struct load {
	struct iopf_dma dma, flood;
	pid_t server;
	uint64_t iova, size, count, pause_ns;
	uint32_t depth;
};

static void sleep_ns(uint64_t ns)
{
	const struct timespec pause = { .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) };

	nanosleep(&pause, NULL);
}

static void open_device(struct iopf_dma *d, const char *bdf)
{
	uint64_t deadline = clock_now_ns() + 10 * NSEC_PER_SEC;

	MUST(iopf_dma_open_sysfs(d, bdf));
	while (iopf_dma_features(d) != FEATURES_READY) {
		if (clock_now_ns() > deadline)
			die("%s has no owner", bdf);
		sleep_ns(NSEC_PER_MSEC);
	}
}

/* Dies unless every visit was right. */
static void run_job(const struct iopf_dma *d, const struct iopf_job *job, struct iopf_result *ret)
{
	iopf_dma_start(d, job);
	MUST(iopf_dma_wait(d, job->channel, clock_now_ns() + DEADLINE_NS));
	iopf_dma_result(d, job->channel, ret);
	if (ret->status || ret->failed)
		die("%" PRIu64 " visits failed, the first with status %u", ret->failed, ret->status);
}

static struct iopf_job job_of(const struct load *l)
{
	return (struct iopf_job){ .channel = 1, .op = IOPF_TOUCH_WRITE, .iova = l->iova, .group = 1, .depth = l->depth,
				  .n_pages = (uint32_t)(l->size / IOPF_PAGE), .seed = 1 };
}

/* The next page, after a pause; in ns. */
static uint64_t touch_one(const struct load *l, struct iopf_job *job, uint64_t step)
{
	struct iopf_result result;

	sleep_ns(l->pause_ns);
	run_job(&l->dma, job, &result);
	if (result.groups != 1)
		die("%" PRIu64 " faults instead of one", result.groups);
	job->iova += step;
	return result.latency_ns;
}

static void run_single(const struct load *l)
{
	uint64_t step = l->size / l->count / IOPF_PAGE * IOPF_PAGE, cpu;
	struct iopf_job job = job_of(l);
	struct samples s;

	if (!step)
		die("size= is too small for count=");
	samples_init(&s, l->count);
	job.n_pages = 1;
	cpu = process_cpu_ns(l->server);
	for (uint64_t i = 0; i < l->count; i++)
		samples_add(&s, touch_one(l, &job, step));
	cpu = process_cpu_ns(l->server) - cpu;
	print_quantiles("latency", &s, 1);
	print_result("cpu_ns_per_fault", (double)cpu / (double)s.n);
	samples_free(&s);
}

/* What the device, the IOMMU and the kernel's part of it take, without any server. */
static void run_refused(const struct load *l)
{
	struct iopf_job job = job_of(l);
	struct samples s;

	job.n_pages = 1;
	job.flags = IOPF_USE_PASID;
	job.pasid = UNUSED_PASID;
	samples_init(&s, l->count);
	for (uint64_t i = 0; i < l->count; i++) {
		struct iopf_result result;

		sleep_ns(l->pause_ns);
		iopf_dma_start(&l->dma, &job);
		MUST(iopf_dma_wait(&l->dma, job.channel, clock_now_ns() + DEADLINE_NS));
		iopf_dma_result(&l->dma, job.channel, &result);
		if (result.status != IOPF_INVALID || result.groups != 1)
			die("it was not refused: status %u", result.status);
		samples_add(&s, result.latency_ns);
	}
	print_quantiles("refused", &s, 1);
	samples_free(&s);
}

static void run_victim(const struct load *l)
{
	uint64_t rounds = option_number("rounds", 4), n = l->size / IOPF_PAGE;
	struct iopf_job job = job_of(l), other = job_of(l);
	struct samples solo, flood;

	samples_init(&solo, n);
	samples_init(&flood, n);
	job.n_pages = 1;
	other.channel = FLOOD_CHANNEL;
	other.depth = 64;
	other.n_pages = (uint32_t)(option_number("flood-size", l->size) / rounds / IOPF_PAGE);
	for (uint64_t i = 0; i < rounds; i++) {
		iopf_dma_start(&l->flood, &other);
		while (iopf_dma_busy(&l->flood, FLOOD_CHANNEL) && flood.n < n / 2)
			samples_add(&flood, touch_one(l, &job, IOPF_PAGE));
		iopf_dma_abort(&l->flood, FLOOD_CHANNEL);
		MUST(iopf_dma_wait(&l->flood, FLOOD_CHANNEL, clock_now_ns() + DEADLINE_NS));
		other.iova += other.n_pages * IOPF_PAGE;
		while (solo.n < flood.n)
			samples_add(&solo, touch_one(l, &job, IOPF_PAGE));
	}
	print_quantiles("latency", &flood, 1);
	print_quantiles("solo_latency", &solo, 1);
	print_result("samples", (double)flood.n);
	samples_free(&solo);
	samples_free(&flood);
}

static void run_pages(const struct load *l, uint32_t flags, uint64_t count)
{
	uint64_t bytes = (count ? count : l->size / IOPF_PAGE) * IOPF_PAGE;
	uint64_t cpu = process_cpu_ns(l->server), sleeps = process_sleeps(l->server);
	struct iopf_job job = job_of(l);
	struct iopf_result result;
	double seconds;

	job.flags = flags;
	job.count = count;
	run_job(&l->dma, &job, &result);
	cpu = process_cpu_ns(l->server) - cpu;
	seconds = (double)result.elapsed_ns / (double)NSEC_PER_SEC;
	print_result("bytes_per_s", (double)bytes / seconds);
	print_result("faults_per_s", (double)result.groups / seconds);
	print_result("faults", (double)result.groups);
	print_result("latency_mean_ns", (double)result.latency_ns / (double)result.groups);
	print_result("cpu_ns_per_fault", (double)cpu / (double)result.groups);
	sleeps = process_sleeps(l->server) - sleeps;
	print_result("sleeps_per_page", (double)sleeps / (double)(bytes / IOPF_PAGE));
	print_result("sleeps_per_fault", (double)sleeps / (double)result.groups);
	print_result("cpu_ns_per_page", (double)cpu / (double)(bytes / IOPF_PAGE));
}

static void run_idle(const struct load *l)
{
	uint64_t ns = option_number("seconds", 2) * NSEC_PER_SEC, cpu = process_cpu_ns(l->server);

	sleep_ns(ns);
	cpu = process_cpu_ns(l->server) - cpu;
	print_result("idle_cpu_percent", 100 * (double)cpu / (double)ns);
}

int main(int argc, char **argv)
{
	const char *mode, *flood;
	struct load l;

	options_init("load-dma", argv + 1, (size_t)argc - 1);
	mode = option("mode", NULL);
	flood = option("flood", "");
	l = (struct load){
		.server = (pid_t)option_number("pid", 0),
		.iova = option_number("iova", 0x100000000),
		.size = option_number("size", IOPF_PAGE),
		.count = option_number("count", 0),
		.pause_ns = option_number("pause-us", 500) * NSEC_PER_USEC,
		.depth = (uint32_t)option_number("depth", 1),
	};
	open_device(&l.dma, option("bdf", "0000:01:00.0"));
	if (*flood)
		open_device(&l.flood, flood);
	if (!strcmp(mode, "single"))
		run_single(&l);
	else if (!strcmp(mode, "refused"))
		run_refused(&l);
	else if (!strcmp(mode, "victim"))
		run_victim(&l);
	else if (!strcmp(mode, "stream"))
		run_pages(&l, 0, 0);
	else if (!strcmp(mode, "random"))
		run_pages(&l, IOPF_RANDOM, l.count);
	else
		run_idle(&l);
	iopf_dma_close(&l.dma);
	iopf_dma_close(&l.flood);
	return options_check();
}
