/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where memory is, where there are several nodes: the thread that touches it runs on another
 * node than the region names, so that what follows the thread, as it would by default, is
 * on the wrong one. Everywhere else, what the kernel was asked for.
 */
#include "policy-numa.h"

#include <dirent.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
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

/* Shared memory has a policy of its own, which a mapping tells. */
static void check_file_policy(const struct drive *d)
{
	void *map = mmap(NULL, d->granule, PROT_READ, MAP_SHARED, d->memory[0].fd, (off_t)d->memory[0].offset);
	unsigned long nodes[1024 / (8 * sizeof(long))] = { 0 };
	int mode = -1;

	T_ASSERT(map != MAP_FAILED);
	T_EQ(syscall(SYS_get_mempolicy, &mode, nodes, 1024l, map, (long)MPOL_F_ADDR), 0);
	T_EQ(mode, MPOL_PREFERRED);
	T_EQ(nodes[0], 1);
	munmap(map, d->granule);
}

/* Huge pages come from where the thread wants them that allocates; this line of every
 * mapping is about the thread. */
static bool prefers_node_0(const char *task)
{
	char path[64], line[1024], name[32] = "";
	bool prefers = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", task);
	f = fopen(path, "re");
	if (f && !fgets(name, sizeof(name), f))
		*name = 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/self/task/%.16s/numa_maps", task);
	f = strncmp(name, "iopfd-hugepage", 14) == 0 ? fopen(path, "re") : NULL;
	while (f && !prefers && fgets(line, sizeof(line), f))
		prefers = strstr(line, " prefer:0 ");
	if (f)
		fclose(f);
	return prefers;
}

static void check_thread_policy(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned n = 0;

	T_ASSERT(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += prefers_node_0(entry->d_name);
	closedir(dir);
	T_EQ(n, 1);
}

static bool is_huge(int fd)
{
	struct statfs fs;

	T_EQ(fstatfs(fd, &fs), 0);
	return fs.f_type == HUGETLBFS_MAGIC;
}

static void check_asked(const struct policy_fixture *fixture)
{
	struct drive d;
	char why[512];

	T_ASSERT(drive_open(&d, fixture, WRAP_NONE, READ | WRITE, 0, why, sizeof(why)));
	drive_fill(&d, 0, 1, READ | WRITE);
	if (is_huge(d.memory[0].fd))
		check_thread_policy();
	else
		check_file_policy(&d);
	drive_close(&d);
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
	if (!strstr(log, "numa-node = 777 has no effect: ") ||
	    !(strstr(log, "there is no such node") || strstr(log, "this kernel knows no NUMA nodes")))
		t_fail(__FILE__, __LINE__, "%s: the log of a node that does not exist is '%s'", fixture->name, log);
}

void policy_numa_test(const struct policy_fixture *fixture, bool required)
{
	int first, last;
	bool several = find_nodes(&first, &last);

	check_missing(fixture);
	if (access("/proc/self/numa_maps", F_OK) == 0)
		check_asked(fixture);
	else
		printf("LEFT OUT: %s: what node is asked for, as this kernel knows none\n", fixture->name);
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
