/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients of iopfd that call as fast as they can, each a process of its own: counters, lists,
 * descriptors, calls that are refused. Prints "N calls by N clients in N.N s: N calls/s".
 *
 * usage: bus-flood BUS CLIENTS SECONDS [DEVICE]
 *        bus-flood BUS --deaf SECONDS: one that never reads what it is answered
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	_exit(1);
}

static sd_bus *connect_to(const char *address)
{
	sd_bus *bus;

	check(sd_bus_new(&bus), "bus");
	check(sd_bus_set_address(bus, address), "bus");
	check(sd_bus_set_bus_client(bus, 1), "bus");
	check(sd_bus_negotiate_fds(bus, 1), "bus");
	check(sd_bus_start(bus), "bus");
	return bus;
}

static sd_bus_message *new_call(sd_bus *bus, const char *path, const char *interface, const char *member,
				const char *types,
				const char *argument)
{
	sd_bus_message *m;

	check(sd_bus_message_new_method_call(bus, &m, "org.iopfd1", path, interface, member), "call");
	if (types)
		check(sd_bus_message_append(m, types, argument), "call");
	return m;
}

static sd_bus_message *next_call(sd_bus *bus, uint64_t i, const char *device_path)
{
	const char *properties = "org.freedesktop.DBus.Properties", *manager = "org.iopfd1.Manager";

	switch (i % 6) {
	case 0:
		return new_call(bus, "/org/iopfd1", properties, "GetAll", "s", manager);
	case 1:
		return new_call(bus, device_path, "org.iopfd1.Device", "GetAttachmentStatistics", NULL, NULL);
	case 2:
		return new_call(bus, "/org/iopfd1", manager, "OpenStatistics", NULL, NULL);
	case 3:
		return new_call(bus, "/org/iopfd1", manager, "GetDevice", "s", "nonesuch");
	case 4:
		return new_call(bus, "/org/iopfd1", manager, "DumpByFileDescriptor", NULL, NULL);
	default:
		return new_call(bus, device_path, properties, "GetAll", "s", "org.iopfd1.Statistics");
	}
}

/* How many were answered, with whatever. */
static uint64_t flood(const char *address, const char *device_path, uint64_t end_ns)
{
	sd_bus *bus = connect_to(address);
	uint64_t n = 0;

	for (; now_ns() < end_ns; n++) {
		sd_bus_message *m = next_call(bus, n, device_path), *reply = NULL;
		sd_bus_error error = SD_BUS_ERROR_NULL;
		int r = sd_bus_call(bus, m, 0, &error, &reply);

		if (r == -ECONNRESET || r == -ENOTCONN || r == -ETIMEDOUT)
			check(r, "lost");
		sd_bus_error_free(&error);
		sd_bus_message_unref(reply);
		sd_bus_message_unref(m);
	}
	sd_bus_flush_close_unref(bus);
	return n;
}

static int never_called(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)m;
	(void)userdata;
	(void)error;
	return 0;
}

/* Until the bus takes no more, or the time is over; what is sent wants an answer. */
static void be_deaf(const char *address, uint64_t end_ns)
{
	sd_bus *bus = connect_to(address);
	uint64_t n = 0, n_queued = 0;

	check(sd_bus_get_unique_name(bus, &(const char *){ NULL }), "bus");
	while (now_ns() < end_ns) {
		struct pollfd fd = { .fd = sd_bus_get_fd(bus), .events = POLLOUT };

		sd_bus_get_n_queued_write(bus, &n_queued);
		if (n_queued || poll(&fd, 1, 0) <= 0) {
			usleep(10000);
			continue;
		}
		check(sd_bus_call_async(bus, NULL, next_call(bus, n % 2 ? 2 : 0, "/org/iopfd1"), never_called,
					NULL, UINT64_MAX),
		      "call");
		n++;
	}
	printf("%" PRIu64 " calls sent, no answer read\n", n);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	uint64_t seconds, start_ns = now_ns(), sum = 0;
	unsigned n_clients;
	uint64_t *counts;
	char path[100];

	if (argc < 4)
		return 2;
	seconds = strtoull(argv[3], NULL, 10);
	if (!strcmp(argv[2], "--deaf"))
		be_deaf(argv[1], start_ns + seconds * 1000000000);
	n_clients = (unsigned)atoi(argv[2]);
	snprintf(path, sizeof(path), "/org/iopfd1/device/%s", argc > 4 ? argv[4] : "a");
	counts = mmap(NULL, n_clients * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 1;
	for (unsigned i = 0; i < n_clients; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (!child) {
			counts[i] = flood(argv[1], path, start_ns + seconds * 1000000000);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < n_clients; i++) {
		int status;

		if (wait(&status) < 0 || status)
			return 1;
	}
	for (unsigned i = 0; i < n_clients; i++)
		sum += counts[i];
	printf("%" PRIu64 " calls by %u clients in %.1f s: %.0f calls/s\n", sum, n_clients,
	       (double)(now_ns() - start_ns) / 1e9,
	       (double)sum * 1e9 / (double)(now_ns() - start_ns));
	return sum < n_clients;
}
