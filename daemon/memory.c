/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/util.h"

/* The number in a file of one line; UINT64_MAX if there is none ("max", no such file). */
static uint64_t read_limit(const char *path)
{
	unsigned long long value = UINT64_MAX;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%llu", &value) != 1)
		value = UINT64_MAX;
	if (f)
		fclose(f);
	return value;
}

/* The path of our cgroup (v2: the line that begins with "0::"), "" if it is not known. */
static void read_cgroup(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];

	*path = 0;
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::", 3))
			snprintf(path, size, "%s", line + 3);
	}
	if (f)
		fclose(f);
}

uint64_t memory_available(void)
{
	char group[PATH_MAX], file[PATH_MAX + 64];
	uint64_t least = UINT64_MAX;
	struct sysinfo info;

	if (sysinfo(&info) == 0)
		least = (uint64_t)info.totalram * info.mem_unit;
	read_cgroup(group, sizeof(group));
	/* The limit of any group above ours holds, too. */
	while (*group) {
		char *last = strrchr(group, '/');

		snprintf(file, sizeof(file), "/sys/fs/cgroup%s/memory.max", group);
		least = MIN(least, read_limit(file));
		*last = 0;
	}
	return least;
}
