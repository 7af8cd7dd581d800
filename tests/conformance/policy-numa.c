/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where memory is. The thread that touches it runs on another node than the region names,
 * so that what follows the thread, as it would by default, is on the wrong one.
 */
#include "policy-numa.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy-drive.h"
#include "t.h"

#define NO_SUCH_NODE 777
#define STEP 4096

/* "0-1" or "0,2": the first node of the list and the last one. */
static bool find_nodes(int *ret_first, int *ret_last)
{
	FILE *f = fopen("/sys/devices/system/node/has_memory", "re");
	char list[256] = "", *last;

	if (f && !fgets(list, sizeof(list), f))
		*list = 0;
	if (f)
		fclose(f);
	last = list + strlen(list);
	while (last > list && last[-1] != '-' && last[-1] != ',')
		last--;
	*ret_first = atoi(list);
	*ret_last = atoi(last);
	return *ret_last > *ret_first;
}

/* The first CPU of the node's list. */
static void run_on_node(int node)
{
	char path[64];
	cpu_set_t cpus;
	int cpu = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	f = fopen(path, "re");
	T_ASSERT(f && fscanf(f, "%d", &cpu) == 1);
	fclose(f);
	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	T_EQ(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

static void check_granule(const struct drive *d, uint64_t g, int node)
{
	char *map = mmap(NULL, d->granule, PROT_READ | PROT_WRITE, MAP_SHARED, d->memory[g].fd, (off_t)d->memory[g].offset);

	T_ASSERT(map != MAP_FAILED);
	for (uint64_t at = 0; at < d->granule; at += STEP) {
		void *page = map + at;
		int status = -ENOENT;

		(*(volatile char *)page)++;
		T_EQ(syscall(SYS_move_pages, 0, 1l, &page, NULL, &status, 0), 0);
		if (status != node)
			t_fail(__FILE__, __LINE__, "%s: byte %" PRIu64 " of granule %" PRIu64 " is on node %d, not %d",
			       d->fixture->name, at, g, status, node);
	}
	munmap(map, d->granule);
}

static void check_node(const struct policy_fixture *fixture, int node, int elsewhere)
{
	struct drive d;
	char why[512];

	run_on_node(elsewhere);
	T_ASSERT(drive_open(&d, fixture, WRAP_NONE, READ | WRITE, node, why, sizeof(why)));
	for (uint64_t g = 0; g < d.n_granules; g++) {
		drive_fill(&d, g, 1, READ | WRITE);
		check_granule(&d, g, node);
	}
	drive_close(&d);
	printf("    %s: all of it is on node %d\n", fixture->name, node);
}

/* Served all the same, from wherever there is memory. */
static void check_missing(const struct policy_fixture *fixture)
{
	const char *log;
	struct drive d;
	char why[512];

	t_capture_begin();
	T_ASSERT(drive_open(&d, fixture, WRAP_NONE, READ | WRITE, NO_SUCH_NODE, why, sizeof(why)));
	drive_fill(&d, 0, 1, READ | WRITE);
	drive_check(&d, 0, 1);
	drive_close(&d);
	log = t_capture_end();
	if (!strstr(log, "numa-node = 777") || !strstr(log, "no such node"))
		t_fail(__FILE__, __LINE__, "%s: the log of a node that does not exist is '%s'", fixture->name, log);
}

void policy_numa_test(const struct policy_fixture *fixture, bool required)
{
	int first, last;
	bool several = find_nodes(&first, &last);

	check_missing(fixture);
	if (several) {
		cpu_set_t before;

		T_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
		check_node(fixture, first, last);
		check_node(fixture, last, first);
		T_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
	} else {
		printf("LEFT OUT: %s: memory on another node, as there is one only\n", fixture->name);
		T_ASSERT(!required);
	}
}
