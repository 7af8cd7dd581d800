/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broken-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "t.h"

static int find_fd(const char *path)
{
	char link[64 + NAME_MAX], target[PATH_MAX];
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd = -1;
	ssize_t n;

	T_ASSERT(dir);
	while (fd < 0 && (entry = readdir(dir))) {
		snprintf(link, sizeof(link), "/proc/self/fd/%s", entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		if (n > 0 && (size_t)n == strlen(path) && !memcmp(target, path, (size_t)n))
			fd = atoi(entry->d_name);
	}
	closedir(dir);
	T_ASSERT(fd >= 0);
	return fd;
}

struct broken_file broken_file(const char *path, const char *instead, int flags)
{
	struct broken_file broken = { .fd = find_fd(path) };
	int other = open(instead, flags | O_CLOEXEC);

	T_ASSERT(other >= 0);
	broken.original = fcntl(broken.fd, F_DUPFD_CLOEXEC, 0);
	T_ASSERT(broken.original >= 0);
	T_EQ(dup3(other, broken.fd, O_CLOEXEC), broken.fd);
	close(other);
	return broken;
}

void broken_file_mend(struct broken_file broken)
{
	T_EQ(dup3(broken.original, broken.fd, O_CLOEXEC), broken.fd);
	close(broken.original);
}
