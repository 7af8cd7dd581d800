/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparator (c), userfaultfd (lib/umap.h): threads in place of devices write a word to each
 * page, in turn over the windows, so that as many faults are in flight as there are threads.
 * What serves the faults and what touches the memory are counted apart.
 *
 *	mode=stream     each page of each window once
 *	mode=random     count= visits, the pages that the emulated device would visit
 *	mode=single     one thread, count= pages, a pause in between: how long each took
 *	mode=books      bytes of UMap's own descriptor of a page
 *	mode=victim     the same in the first window, alone and while others touch the second
 *	depth=N         threads (16)
 *	pattern=random  in the modes stream and victim: not in order
 *	duplicates=yes  two threads want each page
 *	urgent=yes      who touches goes before who serves: all faults of a batch are there
 *	                before the first of them is looked at, as in load-mock, and touching is
 *	                not in the results: the CPU time of the median batch
 *	cpu=N           of who touches
 *	count=, pause-us=, rounds=N   rounds: of mode=victim
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "measure.h"
#include "options.h"
#include "umap.h"
#include "vm/iopf-dma.h"

#define MAX_THREADS 64
#define SEED 1

struct device {
	struct umap *umap;
	uint64_t first_queue, n_queues; /* that it touches */
	uint64_t depth, n_visits, n_unique;
	uint32_t *order;                /* of pages that are visited once; NULL: at random */
	atomic_uint_fast64_t next;
	atomic_uint_fast64_t cpu_ns;
	uint64_t *batch_ns;             /* CPU time of who serves when each batch began; or NULL */
};

static bool is_urgent(void)
{
	return !strcmp(option("urgent", "no"), "yes");
}

static void stay_here(bool urgent)
{
	uint64_t cpu = option_number("cpu", UINT64_MAX);
	struct sched_param p = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu < CPU_SETSIZE) {
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			die("cpu=: %s", strerror(errno));
	}
	if (urgent && sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		die("sched_setscheduler: %s", strerror(errno));
}

/* Each page that is wanted twice is wanted again half a batch later. */
static uint64_t unique_of(const struct device *d, uint64_t visit)
{
	return visit / d->depth * d->n_unique + visit % d->n_unique;
}

static void *touch(void *userdata)
{
	struct device *d = userdata;
	uint64_t visit;

	while ((visit = atomic_fetch_add(&d->next, 1)) < d->n_visits) {
		uint64_t unique = unique_of(d, visit), queue = unique % d->n_queues, page = unique / d->n_queues;

		if (d->batch_ns && visit % d->depth == 0)
			d->batch_ns[visit / d->depth] = umap_cpu_ns(d->umap);
		page = d->order ? d->order[page] : iopf_random_page(SEED, visit, (uint32_t)umap_pages(d->umap));
		umap_touch(d->umap, d->first_queue + queue, page);
	}
	atomic_fetch_add(&d->cpu_ns, thread_cpu_ns(pthread_self()));
	return NULL;
}

static void *touch_urgently(void *userdata)
{
	stay_here(true);
	return touch(userdata);
}

static void device_start(struct device *d, pthread_t *threads)
{
	for (uint64_t i = 0; i < d->depth; i++)
		MUST(thread_start(&threads[i], "umap-touch", is_urgent() ? touch_urgently : touch, d));
}

static void device_join(const struct device *d, pthread_t *threads)
{
	for (uint64_t i = 0; i < d->depth; i++)
		pthread_join(threads[i], NULL);
}

static struct device device_of(struct umap *u)
{
	bool twice = !strcmp(option("duplicates", "no"), "yes");
	struct device d = { .umap = u, .n_queues = umap_queues(u), .depth = option_number("depth", 16) };
	uint64_t n_pages = umap_pages(u) * d.n_queues;

	if (!d.depth || d.depth > MAX_THREADS)
		die("depth= out of range");
	d.n_unique = twice ? d.depth / 2 : d.depth;
	d.n_visits = n_pages / d.n_unique * d.depth;
	return d;
}

/* Of who serves, for each fault. */
static double batch_cpu_ns(const struct device *d)
{
	uint64_t n = d->n_visits / d->depth - 1;
	struct samples s;
	double median;

	samples_init(&s, n);
	for (uint64_t i = 0; i < n; i++)
		samples_add(&s, d->batch_ns[i + 1] - d->batch_ns[i]);
	median = (double)samples_quantile(&s, 0.5) / (double)d->depth;
	samples_free(&s);
	return median;
}

static void print_pages(const struct device *d, uint64_t ns, uint64_t cpu)
{
	double faults = (double)umap_faults(d->umap), per_fault = (double)cpu / faults;
	double per_s = faults * (double)NSEC_PER_SEC / (double)ns;

	if (d->batch_ns) {
		per_fault = batch_cpu_ns(d);
		per_s = (double)NSEC_PER_SEC / per_fault;
	}
	print_result("bytes_per_s", (double)(d->n_visits * UMAP_PAGE) * (double)NSEC_PER_SEC / (double)ns);
	print_result("faults_per_s", per_s);
	print_result("cpu_ns_per_fault", per_fault);
	print_result("cpu_ns_per_page", (double)cpu / (double)d->n_visits);
	print_result("device_cpu_ns_per_page", (double)d->cpu_ns / (double)d->n_visits);
	print_result("hit_ratio", 1 - faults / (double)d->n_visits);
}

static void run_pages(struct umap *u, bool once)
{
	struct device d = device_of(u);
	pthread_t threads[MAX_THREADS];
	uint64_t ns, cpu;

	if (once)
		d.order = order_new(umap_pages(u), !strcmp(option("pattern", "seq"), "random"));
	else
		d.n_visits = option_number("count", d.n_visits);
	if (is_urgent())
		d.batch_ns = calloc(d.n_visits / d.depth + 1, sizeof(*d.batch_ns));
	cpu = umap_cpu_ns(u);
	ns = clock_now_ns();
	device_start(&d, threads);
	device_join(&d, threads);
	ns = clock_now_ns() - ns;
	print_pages(&d, ns, umap_cpu_ns(u) - cpu);
	free(d.order);
	free(d.batch_ns);
}

static uint64_t touch_one(struct umap *u, uint64_t page)
{
	const struct timespec pause = { .tv_nsec = (long)(option_number("pause-us", 500) * NSEC_PER_USEC) };
	uint64_t begin;

	nanosleep(&pause, NULL);
	begin = clock_now_ns();
	umap_touch(u, 0, page);
	return clock_now_ns() - begin;
}

static void run_single(struct umap *u)
{
	uint64_t count = option_number("count", 200), cpu = umap_cpu_ns(u);
	struct samples s;

	stay_here(true);
	samples_init(&s, count);
	for (uint64_t i = 0; i < count; i++)
		samples_add(&s, touch_one(u, i));
	cpu = umap_cpu_ns(u) - cpu;
	print_quantiles("latency", &s, 1);
	print_result("cpu_ns_per_fault", (double)cpu / (double)count);
	samples_free(&s);
}

/* Alone for as long as it took with the others, which go through a part of their window. */
static void run_victim(struct umap *u)
{
	uint64_t rounds = option_number("rounds", 4), n_pages = umap_pages(u), page = 0;
	struct device other = device_of(u);
	pthread_t threads[MAX_THREADS];
	struct samples solo, flood;

	stay_here(true);
	other.first_queue = other.n_queues = 1;
	other.order = order_new(n_pages, false);
	other.n_visits = 0;
	samples_init(&solo, n_pages);
	samples_init(&flood, n_pages);
	for (uint64_t i = 0; i < rounds; i++) {
		atomic_store(&other.next, other.n_visits);
		other.n_visits += n_pages / rounds;
		device_start(&other, threads);
		while (atomic_load(&other.next) < other.n_visits && page < n_pages / 2)
			samples_add(&flood, touch_one(u, page++));
		device_join(&other, threads);
		while (solo.n < flood.n && page < n_pages)
			samples_add(&solo, touch_one(u, page++));
	}
	print_quantiles("latency", &flood, 1);
	print_quantiles("solo_latency", &solo, 1);
	samples_free(&solo);
	samples_free(&flood);
	free(other.order);
}

/* Fields as in UMap's PageDescriptor.hpp; the nodes that lead to them come on top. */
static void print_books(void)
{
	struct {
		char *page;
		void *region;
		int state;
		bool dirty, data_present;
		int spurious_count;
		pthread_mutex_t mutex;
	} descriptor;

	print_result("bytes_per_page", sizeof(descriptor));
}

int main(int argc, char **argv)
{
	const char *mode;
	struct umap *u;

	options_init("umap", argv + 1, (size_t)argc - 1);
	mode = option("mode", "stream");
	if (!strcmp(mode, "books")) {
		print_books();
		return options_check();
	}
	u = umap_open();
	if (!strcmp(mode, "single"))
		run_single(u);
	else if (!strcmp(mode, "victim"))
		run_victim(u);
	else
		run_pages(u, !strcmp(mode, "stream"));
	umap_close(u);
	return options_check();
}
