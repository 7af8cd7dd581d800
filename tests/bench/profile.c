/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the time of a server goes while a command runs: a sample of every CPU each 500 us,
 * with the kernel's call chain. Prints what share of the server's samples is in each part
 * (lib/parts.h), what share of all was the server's, of the kernel's threads and idle, in
 * percent, and the system calls of the server. Prints nothing where the kernel lets nobody
 * look.
 *
 *	pid=        of the server
 *	command=    a shell's
 *	per=N       system calls are told for each of so many pages or faults
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "measure.h"
#include "options.h"
#include "parts.h"

#define PERIOD_NS (500 * NSEC_PER_USEC)
#define PAGE 4096ul
#define RING_SIZE (4ul << 20) /* of each CPU, read when the command has ended */
#define MAX_CPUS 64
#define MAX_THREADS 64
#define STRING(number) STRING_(number)
#define STRING_(number) #number
#define SYS_ENTER "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"

/* System calls that are counted, each thread apart. */
static const struct {
	const char *name, *filter;
} call_filters[] = {
	{ "profile_system_calls", NULL },
	{ "profile_calls_ioctl", "id == " STRING(SYS_ioctl) },
	{ "profile_calls_read", "id == " STRING(SYS_read) },
	{ "profile_calls_write", "id == " STRING(SYS_write) },
};

/* As the kernel writes it for the sample_type below. */
struct sample {
	struct perf_event_header header;
	uint64_t ip;
	uint32_t pid, tid;
	uint64_t n;
	uint64_t chain[];
};

struct profile {
	struct parts *parts;
	struct perf_event_mmap_page *rings[MAX_CPUS];
	int fds[MAX_CPUS];
	size_t n_cpus;
	uint32_t server;
	uint64_t of_part[_PART_MAX];
	uint64_t all, served, kernel, idle;
	int calls[MAX_THREADS][ARRAY_SIZE(call_filters)]; /* counters */
	size_t n_threads;
};

/* No program is behind it. */
static bool is_kernel_thread(uint32_t pid)
{
	char path[64], target[64];

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	return readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

static void count_sample(struct profile *p, const struct sample *s)
{
	bool in_user = (s->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER;
	enum part part = in_user ? PART_USER : parts_find(p->parts, s->ip, s->chain, s->n);

	if (part == PART_TRACE)
		return; /* that is us, who count calls */
	p->all++;
	if (s->pid == p->server) {
		p->of_part[part]++;
		p->served++;
	} else if (!s->pid) {
		p->idle++;
	} else if (is_kernel_thread(s->pid)) {
		p->kernel++;
	}
}

/* Records may go around the end of the ring. */
static void read_ring(struct profile *p, const struct perf_event_mmap_page *ring)
{
	const uint8_t *data = (const uint8_t *)ring + PAGE;
	uint64_t head = ring->data_head;
	union {
		struct sample sample;
		uint8_t bytes[UINT16_MAX];
	} record;

	for (uint64_t at = 0; at + sizeof(record.sample.header) <= head; at += record.sample.header.size) {
		for (size_t i = 0; i < sizeof(record.sample.header); i++)
			record.bytes[i] = data[(at + i) % RING_SIZE];
		for (size_t i = 0; i < record.sample.header.size; i++)
			record.bytes[i] = data[(at + i) % RING_SIZE];
		if (record.sample.header.type == PERF_RECORD_SAMPLE)
			count_sample(p, &record.sample);
	}
}

static int open_event(uint32_t type, uint64_t config, pid_t pid, int cpu)
{
	struct perf_event_attr a = {
		.type = type,
		.size = sizeof(a),
		.config = config,
		.disabled = 1,
		.exclude_callchain_user = 1,
	};

	if (type == PERF_TYPE_SOFTWARE) {
		a.sample_period = PERIOD_NS;
		a.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN;
	} else {
		a.inherit = 1;
	}
	return (int)syscall(SYS_perf_event_open, &a, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static bool open_rings(struct profile *p)
{
	p->n_cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (p->n_cpus > MAX_CPUS)
		return false;
	for (size_t i = 0; i < p->n_cpus; i++) {
		p->fds[i] = open_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, -1, (int)i);
		if (p->fds[i] < 0)
			return false;
		p->rings[i] = mmap(NULL, PAGE + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p->fds[i], 0);
		if (p->rings[i] == MAP_FAILED)
			return false;
	}
	return true;
}

static void open_calls_of(struct profile *p, uint64_t tracepoint, pid_t thread)
{
	int *fds = p->calls[p->n_threads++];

	for (size_t i = 0; i < ARRAY_SIZE(call_filters); i++) {
		fds[i] = open_event(PERF_TYPE_TRACEPOINT, tracepoint, thread, -1);
		if (fds[i] < 0 || (call_filters[i].filter && ioctl(fds[i], PERF_EVENT_IOC_SET_FILTER, call_filters[i].filter) < 0))
			die("system calls: %s", strerror(errno));
	}
}

static void open_calls(struct profile *p)
{
	FILE *f = fopen(SYS_ENTER, "re");
	uint64_t tracepoint;
	char pattern[64];
	glob_t tasks;

	snprintf(pattern, sizeof(pattern), "/proc/%u/task/*", p->server);
	if (f && fscanf(f, "%" SCNu64, &tracepoint) == 1 && !glob(pattern, 0, NULL, &tasks)) {
		for (size_t i = 0; i < tasks.gl_pathc && i < MAX_THREADS; i++)
			open_calls_of(p, tracepoint, atoi(strrchr(tasks.gl_pathv[i], '/') + 1));
		globfree(&tasks);
	}
	if (f)
		fclose(f);
}

static void switch_events(const struct profile *p, unsigned long request)
{
	for (size_t i = 0; i < p->n_cpus; i++)
		ioctl(p->fds[i], request, 0);
	for (size_t i = 0; i < p->n_threads; i++)
		for (size_t j = 0; j < ARRAY_SIZE(call_filters); j++)
			ioctl(p->calls[i][j], request, 0);
}

static void print_share(const char *name, uint64_t n, uint64_t of)
{
	char metric[64];

	snprintf(metric, sizeof(metric), "profile_%s", name);
	print_result(metric, of ? 100 * (double)n / (double)of : 0);
}

static void print_calls(const struct profile *p)
{
	double per = (double)option_number("per", 1);

	for (size_t i = 0; i < ARRAY_SIZE(call_filters); i++) {
		uint64_t sum = 0, n;

		for (size_t j = 0; j < p->n_threads; j++)
			if (read(p->calls[j][i], &n, sizeof(n)) == sizeof(n))
				sum += n;
		if (p->n_threads)
			print_result(call_filters[i].name, (double)sum / per);
	}
}

static void print_profile(struct profile *p)
{
	for (size_t i = 0; i < p->n_cpus; i++)
		read_ring(p, p->rings[i]);
	for (enum part i = 0; i < PART_TRACE; i++)
		print_share(part_name(i), p->of_part[i], p->served);
	print_share("machine_server", p->served, p->all);
	print_share("machine_kernel_threads", p->kernel, p->all);
	print_share("machine_idle", p->idle, p->all);
	print_calls(p);
}

static void run_command(void)
{
	const char *command = option("command", NULL);
	int status = system(command);

	if (status)
		die("the command ended with %d", status);
}

int main(int argc, char **argv)
{
	struct profile p = { 0 };
	bool can_look;

	options_init("profile", argv + 1, (size_t)argc - 1);
	p.server = (uint32_t)option_number("pid", 0);
	p.parts = parts_new();
	can_look = p.parts && open_rings(&p);
	if (can_look)
		open_calls(&p);
	switch_events(&p, PERF_EVENT_IOC_ENABLE);
	run_command();
	switch_events(&p, PERF_EVENT_IOC_DISABLE);
	if (can_look)
		print_profile(&p);
	parts_free(p.parts);
	return options_check();
}
