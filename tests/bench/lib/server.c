/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "device/iommufd.h"
#include "measure.h"

#define LOOK_MS 2 /* without faults for so long, a simulated device may have ended */

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
	(void)number;
	asked_to_end = 1;
}

bool server_asked_to_end(void)
{
	return asked_to_end;
}

/* A sleeping server hears of the end in its sleep only, a spinning one at any time. */
static void hear_of_the_end(bool asleep)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;

	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(asleep ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void make_memory(struct server *s)
{
	const char *kind = option("memory", "cold");
	uint64_t size = s->size * s->n_queues;
	void *pages;

	s->memory = memfd_create("bench", MFD_CLOEXEC | (strcmp(kind, "huge") ? 0 : MFD_HUGETLB));
	if (s->memory < 0 || ftruncate(s->memory, (off_t)size) < 0)
		die("memory: %s", strerror(errno));
	if (strcmp(kind, "warm") != 0)
		return;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
	if (pages == MAP_FAILED || madvise(pages, size, MADV_POPULATE_WRITE) < 0)
		die("memory: %s", strerror(errno));
	munmap(pages, size);
}

static void open_devices(struct server *s)
{
	char address[OPTION_ITEM_SIZE] = "";
	struct reason why;
	char name[32];

	for (size_t i = 0; i < s->n_devices; i++) {
		option_item("address", i, address);
		for (char *plus; (plus = strchr(address, '+'));)
			*plus = ',';
		snprintf(name, sizeof(name), "bench%zu", i);
		if (device_new(name, address, &s->devices[i], &why) < 0)
			die("%s", why.text);
		if (s->devices[i]->ops->uses_iommufd && !s->iommufd && iommufd_open(IOMMUFD_PATH, &s->iommufd, &why) < 0)
			die("%s", why.text);
		if (s->devices[i]->ops->open(s->devices[i], s->iommufd, &why) < 0)
			die("%s: %s", address, why.text);
		s->devices[i]->bus_master = true;
	}
}

static void open_queues(struct server *s)
{
	const struct device_ops *ops = s->devices[0]->ops;
	struct iova_range range = { s->iova, s->size };
	struct reason why;

	for (size_t q = 0; q < s->n_queues; q++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u64 = q };

		if (ops->ioas_open(s->iommufd, &range, 1, &s->queues[q], &why) < 0)
			die("%s", why.text);
		if (s->epoll >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->queues[q]->fault_fd, &e) < 0)
			die("epoll_ctl: %s", strerror(errno));
	}
	for (size_t i = 0; i < s->n_devices; i++)
		if (ops->attach(s->devices[i], PASID_NONE, s->queues[i % s->n_queues], &why) < 0)
			die("attach: %s", why.text);
}

void server_open(struct server *s)
{
	bool spin = !strcmp(option("idle", "sleep"), "spin");

	*s = (struct server){
		.n_devices = option_number("devices", 1),
		.n_queues = option_number("queues", 1),
		.iova = option_number("iova", 0x1000000),
		.size = option_number("size", PAGE),
		.visits = option_number("visits", 0),
		.epoll = -1,
	};
	if (!s->n_devices || s->n_devices > MAX_DEVICES || !s->n_queues || s->n_queues > MAX_QUEUES)
		die("devices= or queues= out of range");
	hear_of_the_end(!spin);
	if (!spin)
		s->epoll = epoll_create1(EPOLL_CLOEXEC);
	make_memory(s);
	open_devices(s);
	open_queues(s);
}

void server_ready(struct server *s)
{
	const char *ready = option("ready", "");

	if (*ready)
		close(open(ready, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	sd_notify(0, "READY=1");
	s->ready_ns = clock_now_ns();
}

void server_close(struct server *s)
{
	const struct device_ops *ops = s->devices[0]->ops;

	printf("faults %" PRIu64 "\nmaps %" PRIu64 "\n", s->faults, s->maps);
	if (s->visits)
		print_rates(s->faults, s->visits * s->n_devices, s->end_ns - s->ready_ns, getpid());
	for (size_t i = 0; i < s->n_devices; i++)
		MUST(ops->detach(s->devices[i], PASID_NONE, s->queues[i % s->n_queues]));
	for (size_t q = 0; q < s->n_queues; q++)
		s->queues[q] = ops->ioas_close(s->queues[q]);
	for (size_t i = 0; i < s->n_devices; i++)
		s->devices[i] = device_free(s->devices[i]);
	s->iommufd = iommufd_close(s->iommufd);
	close(s->memory);
	if (s->epoll >= 0)
		close(s->epoll);
}

static bool devices_are_done(struct server *s)
{
	struct device_counter counters[64];

	for (size_t i = 0; i < s->n_devices; i++) {
		struct device *d = s->devices[i];
		size_t n = d->ops->counters(d, counters, ARRAY_SIZE(counters));
		uint64_t visits = 0;

		for (size_t j = 0; j < n; j++)
			if (!strcmp(counters[j].name, "Visits"))
				visits = counters[j].value;
		if (visits < s->visits)
			return false;
	}
	s->end_ns = clock_now_ns();
	return true;
}

static size_t sleep_for_queues(struct server *s, size_t ret_queues[static MAX_QUEUES])
{
	struct epoll_event events[MAX_QUEUES];
	sigset_t none;
	int n;

	sigemptyset(&none);
	do
		n = epoll_pwait(s->epoll, events, MAX_QUEUES, s->visits ? LOOK_MS : -1, &none);
	while (!n && !devices_are_done(s));
	for (int i = 0; i < n; i++)
		ret_queues[i] = events[i].data.u64;
	return n < 0 || asked_to_end ? 0 : (size_t)n;
}

size_t server_wait(struct server *s, size_t ret_queues[static MAX_QUEUES])
{
	if (s->epoll >= 0)
		return sleep_for_queues(s, ret_queues);
	for (size_t q = 0; q < s->n_queues; q++)
		ret_queues[q] = q;
	return asked_to_end ? 0 : s->n_queues;
}
