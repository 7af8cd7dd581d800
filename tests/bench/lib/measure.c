/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "options.h"

void samples_init(struct samples *s, size_t size)
{
	*s = (struct samples){ .ns = calloc(size, sizeof(*s->ns)), .size = size };
	if (!s->ns)
		die("out of memory");
}

void samples_add(struct samples *s, uint64_t ns)
{
	if (s->n == s->size)
		die("too many samples");
	s->ns[s->n++] = ns;
}

void samples_free(struct samples *s)
{
	free(s->ns);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t samples_quantile(struct samples *s, double share)
{
	double index = ceil(share * (double)s->n) - 1;

	if (!s->n)
		die("no samples");
	qsort(s->ns, s->n, sizeof(*s->ns), compare);
	return s->ns[index < 0 ? 0 : (size_t)index];
}

uint32_t *order_new(uint64_t n, bool random)
{
	uint32_t *order = calloc(n, sizeof(*order));

	if (!order)
		die("out of memory");
	srand48(1);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t j = random ? (uint64_t)lrand48() % (i + 1) : i;

		order[i] = order[j];
		order[j] = (uint32_t)i;
	}
	return order;
}

void print_result(const char *metric, double value)
{
	printf("%s %.10g\n", metric, value);
}

void print_quantiles(const char *prefix, struct samples *s, double per)
{
	static const struct {
		const char *suffix;
		double share;
	} quantiles[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 } };
	char metric[64];

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		snprintf(metric, sizeof(metric), "%s_%s_ns", prefix, quantiles[i].suffix);
		print_result(metric, (double)samples_quantile(s, quantiles[i].share) / per);
	}
}

uint64_t process_cpu_ns(pid_t process)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(process, &clock) || clock_gettime(clock, &t) < 0)
		die("process %d has no CPU clock", process);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Of a file of /proc; dies without one. */
static uint64_t read_field(const char *path, const char *field)
{
	uint64_t value = UINT64_MAX;
	char line[256];
	FILE *f;

	f = fopen(path, "re");
	while (f && value == UINT64_MAX && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			value = strtoull(line + strlen(field), NULL, 10);
	if (f)
		fclose(f);
	if (value == UINT64_MAX)
		die("%s has no %s", path, field);
	return value;
}

uint64_t process_private_bytes(pid_t process)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", process);
	return read_field(path, "RssAnon:") << 10;
}

uint64_t process_sleeps(pid_t process)
{
	char pattern[64];
	uint64_t sum = 0;
	glob_t tasks;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/status", process);
	if (glob(pattern, 0, NULL, &tasks))
		die("%s: there are none", pattern);
	for (size_t i = 0; i < tasks.gl_pathc; i++)
		sum += read_field(tasks.gl_pathv[i], "voluntary_ctxt_switches:");
	globfree(&tasks);
	return sum;
}

void print_rates(uint64_t faults, uint64_t visits, uint64_t ns, pid_t process)
{
	print_result("visits_per_s", (double)visits * (double)NSEC_PER_SEC / (double)ns);
	print_result("cpu_ns_per_visit", (double)process_cpu_ns(process) / (double)visits);
	if (!faults)
		return;
	print_result("faults_per_s", (double)faults * (double)NSEC_PER_SEC / (double)ns);
	print_result("hit_ratio", 1 - (double)faults / (double)visits);
	print_result("cpu_ns_per_fault", (double)process_cpu_ns(process) / (double)faults);
	print_result("sleeps_per_fault", (double)process_sleeps(process) / (double)faults);
}
