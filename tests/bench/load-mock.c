/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page requests on the mock devices of another process, and how long that process takes for
 * them. There is one CPU. A batch is triggered at a real-time priority, so that nobody reads
 * it meanwhile; then this program goes below everybody else, and comes back to the CPU when
 * the batch is served and the server sleeps. The time in between, less that of the same
 * without a fault, is service time; triggering is not in it.
 *
 *	pid=, devices=N, queues=N   of the server; device i is on queue i modulo queues
 *	iova=, size=                window of each queue
 *	region=SPACE/NAME[,…]       of each queue: its pages are made first
 *	bus=                        of the daemon; needed for region=
 *	pattern=seq|random          each page comes once
 *	duplicates=yes              half of each batch are pages of the other half; in between
 *	                            come batches without that half, for what it takes alone
 *	depth=N                     faults in a batch
 *	stride=N                    pages from one to the next (1)
 *	idle=N                      instead of all that: what N seconds without a fault cost
 *	stopped=yes                 for servers on several CPUs: they are stopped meanwhile
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "uml/mock.h"
#include "base/clock.h"
#include "base/util.h"
#include "fault/stats-page.h"
#include "measure.h"
#include "scenario.h"

#define MAX_DEVICES 64
#define MAX_DEPTH 2048
#define N_EMPTY 200

struct load {
	struct mock devices[MAX_DEVICES];
	size_t n_devices, n_queues;
	uint64_t iova, stride, n_pages; /* pages of a queue */
	uint32_t *order;        /* of the pages of every queue */
	uint64_t depth, n_unique;
	pid_t server, stopped;  /* stopped: 0 or the server */
	uint64_t answered;      /* must be by now, as the kernel counts */
	uint64_t empty_ns;      /* a batch of nothing */
	struct client *client;  /* of the daemon; NULL for others */
	const uint64_t *counters[MAX_DEVICES]; /* answers, of a daemon on several CPUs; else NULL */
};

static void set_policy(int policy)
{
	struct sched_param p = { .sched_priority = policy == SCHED_FIFO };

	if (sched_setscheduler(0, policy, &p) < 0)
		die("sched_setscheduler: %s", strerror(errno));
}

/* The mock counts without a lock: with answers of several CPUs it counts too few. The daemon's
 * page of statistics is read without disturbing it. */
static uint64_t answers(const struct load *l)
{
	uint64_t n = 0;

	if (!l->counters[0]) {
		MUST(kernel_mock_counter("resp_success", &n));
		return n;
	}
	for (size_t i = 0; i < MAX_DEVICES && l->counters[i]; i++)
		n += __atomic_load_n(l->counters[i], __ATOMIC_RELAXED);
	return n;
}

static void find_counters(struct load *l)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *name = "org.iopfd1", *manager = "org.iopfd1.Manager";
	const struct stats_page_header *page;
	const struct stats_page_slot *slots;
	uint32_t version, n = 0;
	uint64_t size;
	int fd;

	MUST(sd_bus_call_method(client_bus(l->client), name, "/org/iopfd1", manager, "OpenStatistics", NULL, &reply, NULL));
	MUST(sd_bus_message_read(reply, "htu", &fd, &size, &version));
	page = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		die("statistics: %s", strerror(errno));
	slots = (const struct stats_page_slot *)(page + 1);
	for (uint32_t i = 0; i < page->n_slots && n < MAX_DEVICES; i++)
		if (slots[i].kind == STATS_ATTACHMENT)
			l->counters[n++] = &slots[i].stats.values.responses_success;
}

/* Gives the CPU away until everything is answered. */
static uint64_t served_in_ns(struct load *l)
{
	uint64_t start = clock_now_ns(), end;

	if (l->stopped)
		kill(l->stopped, SIGCONT);
	set_policy(SCHED_IDLE);
	end = clock_now_ns();
	while (answers(l) < l->answered) {
		if (end - start > 10 * NSEC_PER_SEC)
			die("not all faults are answered");
		sched_yield();
		end = clock_now_ns();
	}
	set_policy(SCHED_FIFO);
	return end - start;
}

static void trigger(struct load *l, uint64_t i, uint64_t page)
{
	size_t device = i % l->n_devices;

	mock_trigger(&l->devices[device], 0, l->iova + l->order[page] * l->stride * MOCK_PAGE, MOCK_READ | MOCK_WRITE);
	l->answered++;
}

/* The next pages of each queue, in turn over the devices; `first` is how many the batches
 * before have used of all queues together. */
static uint64_t run_batch(struct load *l, uint64_t first, uint64_t depth)
{
	uint64_t ns;

	if (l->stopped)
		kill(l->stopped, SIGSTOP);
	for (uint64_t i = 0; i < depth; i++) {
		uint64_t unique = first + i % l->n_unique;

		trigger(l, unique, unique / l->n_queues);
	}
	ns = served_in_ns(l);
	return ns > l->empty_ns ? ns - l->empty_ns : 0;
}

static void measure_empty(struct load *l)
{
	struct samples s;

	samples_init(&s, N_EMPTY);
	for (size_t i = 0; i < N_EMPTY; i++)
		samples_add(&s, served_in_ns(l));
	l->empty_ns = samples_quantile(&s, 0.5);
	samples_free(&s);
}

static void warm(struct client *c, uint64_t size)
{
	char region[OPTION_ITEM_SIZE];

	for (size_t q = 0; option_item("region", q, region); q++) {
		void *memory = scenario_map_memory(c, region, 0, size);

		if (madvise(memory, size, MADV_POPULATE_WRITE) < 0)
			die("%s: %s", region, strerror(errno));
		munmap(memory, size);
	}
}

static void load_open(struct load *l)
{
	uint64_t size = option_number("size", MOCK_PAGE);
	const char *bus = option("bus", "");

	*l = (struct load){
		.n_devices = option_number("devices", 1),
		.n_queues = option_number("queues", 1),
		.iova = option_number("iova", MOCK_FIRST_IOVA),
		.stride = option_number("stride", 1),
		.server = (pid_t)option_number("pid", 0),
		.depth = option_number("depth", 64),
	};
	l->n_pages = size / MOCK_PAGE / l->stride;
	l->stopped = strcmp(option("stopped", "no"), "yes") ? 0 : l->server;
	l->n_unique = strcmp(option("duplicates", "no"), "yes") ? l->depth : l->depth / 2;
	if (!l->n_devices || l->n_devices > MAX_DEVICES || l->n_devices % l->n_queues || l->n_unique % l->n_queues)
		die("devices=, queues= and depth= do not fit");
	for (size_t i = 0; i < l->n_devices; i++)
		mock_open(&l->devices[i], l->server, (unsigned)i);
	if (*bus)
		MUST(client_new(bus, &l->client));
	if (l->stopped && l->client)
		find_counters(l);
	warm(l->client, size);
	l->order = order_new(l->n_pages, !strcmp(option("pattern", "random"), "random"));
	l->answered = answers(l);
}

/* What the daemon mapped, in pages for each page that was asked for. */
static void print_mapped(struct load *l, uint64_t n_pages)
{
	struct client_statistics s;

	if (!l->client)
		return;
	scenario_statistics(l->client, "", &s);
	print_result("maps_per_page", (double)scenario_counter(&s, "BytesMapped") / MOCK_PAGE / (double)n_pages);
}

/* The worst device beside the middle one. */
static void print_spread(struct load *l)
{
	struct client_statistics s;
	struct samples p99;
	char object[32];

	if (!l->client || l->n_devices == 1)
		return;
	samples_init(&p99, l->n_devices);
	for (size_t i = 0; i < l->n_devices; i++) {
		snprintf(object, sizeof(object), "device/mock%zu", i);
		scenario_statistics(l->client, object, &s);
		samples_add(&p99, scenario_counter(&s, "LatencyP99NSec"));
	}
	print_result("p99_spread", (double)samples_quantile(&p99, 1) / (double)samples_quantile(&p99, 0.5));
	samples_free(&p99);
}

static void print_batches(struct load *l, struct samples *s)
{
	double median = (double)samples_quantile(s, 0.5) / (double)l->depth;
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->ns[i];
	print_result("faults_per_s", (double)NSEC_PER_SEC / median);
	print_result("cpu_ns_per_fault", median);
	print_result("mean_faults_per_s", (double)(s->n * l->depth) * (double)NSEC_PER_SEC / (double)sum);
	print_quantiles("batch_per_fault", s, (double)l->depth);
}

static void run(struct load *l)
{
	uint64_t n_batches = l->n_pages * l->n_queues / l->n_unique, memory = process_private_bytes(l->server);
	bool twice = l->n_unique < l->depth;
	struct samples s, once;

	samples_init(&s, n_batches);
	samples_init(&once, n_batches);
	set_policy(SCHED_FIFO);
	measure_empty(l);
	for (uint64_t i = 0; i < n_batches; i++)
		if (twice && i % 2)
			samples_add(&once, run_batch(l, i * l->n_unique, l->n_unique));
		else
			samples_add(&s, run_batch(l, i * l->n_unique, l->depth));
	set_policy(SCHED_OTHER);
	if (answers(l) != l->answered)
		die("%" PRIu64 " answers instead of %" PRIu64, answers(l), l->answered);
	print_batches(l, &s);
	print_result("bytes_per_page", (double)(process_private_bytes(l->server) - memory) / (double)(n_batches * l->n_unique));
	if (twice)
		print_result("us_per_duplicate", ((double)samples_quantile(&s, 0.5) - (double)samples_quantile(&once, 0.5)) /
							 (double)(l->depth - l->n_unique) / (double)NSEC_PER_USEC);
	print_mapped(l, n_batches * l->n_unique);
	print_spread(l);
	samples_free(&s);
	samples_free(&once);
}

static void run_idle(const struct load *l, uint64_t seconds)
{
	uint64_t cpu = process_cpu_ns(l->server);

	sleep((unsigned)seconds);
	cpu = process_cpu_ns(l->server) - cpu;
	print_result("cpu_percent", 100 * (double)cpu / (double)(seconds * NSEC_PER_SEC));
}

int main(int argc, char **argv)
{
	struct load l;

	options_init("load-mock", argv + 1, (size_t)argc - 1);
	load_open(&l);
	if (option_number("idle", 0))
		run_idle(&l, option_number("idle", 0));
	else
		run(&l);
	free(l.order);
	client_free(l.client);
	for (size_t i = 0; i < l.n_devices; i++)
		mock_close(&l.devices[i]);
	return options_check();
}
