/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attaches a device to memory of this process, policy fd, and looks at what the device made of
 * it: the pages it wrote are in the memfd, which nobody else could have written.
 *
 *	attach-memory --bus=ADDRESS attach name=NAME address=ADDRESS visits=N
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "scenario.h"

#define LENGTH (4u << 20)

static int make_memory(int seals)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	MUST(fd);
	MUST(ftruncate(fd, LENGTH));
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		die("seals: %s", strerror(errno));
	return fd;
}

static int attach(struct client *c, const char *name, const char *address, int fd, sd_bus_error *error)
{
	return sd_bus_call_method(client_bus(c), "org.iopfd1", "/org/iopfd1", "org.iopfd1.Manager", "AttachDevice", error, NULL,
				  "sa{sv}", name, 2, "address", "s", address, "regions", "a(sa{sv})", 1, "guest", 5, "iova", "s",
				  "0x100000000", "length", "s", "4M", "granule", "s", "4K", "policy", "s", "fd", "fd", "h", fd);
}

static size_t count_written(const uint8_t *memory)
{
	static const uint8_t zeroes[4096];
	size_t n = 0;

	for (size_t at = 0; at < LENGTH; at += sizeof(zeroes))
		n += memcmp(memory + at, zeroes, sizeof(zeroes)) != 0;
	return n;
}

static void wait_for_visits(struct client *c, const char *name, uint64_t n)
{
	const struct timespec pause = { .tv_nsec = 20 * NSEC_PER_MSEC };
	uint64_t deadline = clock_now_ns() + 60 * NSEC_PER_SEC, visits = 0;

	while (visits != n) {
		MUST(client_engine_counter(c, name, "Visits", &visits));
		if (clock_now_ns() > deadline)
			die("%s: %" PRIu64 " of %" PRIu64 " visits", name, visits, n);
		nanosleep(&pause, NULL);
	}
}

static void scenario_attach(struct client *c)
{
	const char *name = option("name", NULL), *address = option("address", NULL);
	_cleanup_close_ int fd = make_memory(F_SEAL_SHRINK | F_SEAL_GROW), loose = make_memory(F_SEAL_GROW);
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	uint8_t *memory = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, fd, 0);
	uint64_t errors;

	if (memory == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (attach(c, name, address, loose, &error) >= 0)
		die("memory that can shrink is not refused");
	if (!error.message || !strstr(error.message, "F_SEAL_SHRINK"))
		die("the refusal says '%s'", error.message);
	sd_bus_error_free(&error);
	if (attach(c, name, address, fd, &error) < 0)
		die("AttachDevice: %s", error.message);
	wait_for_visits(c, name, option_number("visits", 0));
	MUST(client_engine_counter(c, name, "DataErrors", &errors));
	if (errors)
		die("%" PRIu64 " wrong pages", errors);
	if (count_written(memory) < LENGTH / 4096 / 2)
		die("%zu pages of the memory were written", count_written(memory));
	printf("attach: %zu of %u pages written\n", count_written(memory), LENGTH / 4096);
	munmap(memory, LENGTH);
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = { { "attach", scenario_attach } };

	return scenario_main(argc, argv, scenarios, 1);
}
