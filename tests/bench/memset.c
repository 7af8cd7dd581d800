/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast this machine clears memory that is there and memory that is not: no fault is
 * served faster than its page is made.
 *
 *	size=    bytes
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure.h"
#include "options.h"

int main(int argc, char **argv)
{
	uint64_t size, begin, ns;
	void *memory;
	int fd;

	options_init("memset", argv + 1, (size_t)argc - 1);
	size = option_number("size", 1 << 20);
	fd = memfd_create("memset", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("memory: %s", strerror(errno));
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	begin = clock_now_ns();
	if (memory == MAP_FAILED || madvise(memory, size, MADV_POPULATE_WRITE) < 0)
		die("memory: %s", strerror(errno));
	ns = clock_now_ns() - begin;
	print_result("populate_bytes_per_s", (double)size * (double)NSEC_PER_SEC / (double)ns);
	begin = clock_now_ns();
	memset(memory, 0, size);
	ns = clock_now_ns() - begin;
	print_result("memset_bytes_per_s", (double)size * (double)NSEC_PER_SEC / (double)ns);
	munmap(memory, size);
	close(fd);
	return options_check();
}
