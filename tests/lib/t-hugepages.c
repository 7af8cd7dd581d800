/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-hugepages.h"

#include <fcntl.h>
#include <sys/file.h>

#include "t.h"

void t_hugepages_lock(void)
{
	static int fd = -1;

	if (fd >= 0)
		return;
	fd = open("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (flock(fd, LOCK_EX) < 0)
		T_EQ(errno, EINTR);
}
