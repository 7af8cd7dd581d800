/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens a trace of iopfd and prints a line for each record, until the daemon ends or standard
 * input does; then "records N dropped N datagrams N" on the last line. Knows nothing but
 * iopfd-stats(7).
 *
 * usage: trace-reader BUS [--stall] [device=NAME] [space=NAME] [invalid-only]
 *
 * With --stall nothing is read until standard input ends. When the trace is open it prints
 * "open".
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

struct header {
	uint32_t magic;
	uint16_t version, header_size, record_size, n_records;
	uint32_t reserved;
	uint64_t n_dropped;
};

struct record {
	uint64_t time_ns, latency_ns, iova;
	uint32_t cookie, pasid, perm, flags, outcome, n_records, index;
	char device[36], space[36];
};

static uint64_t n_records, n_dropped, n_datagrams;

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

static void append_filter(sd_bus_message *m, const char *word)
{
	const char *value = strchr(word, '=');

	if (!value)
		check(sd_bus_message_append(m, "{sv}", word, "b", 1), word);
	else if (!strncmp(word, "device=", 7))
		check(sd_bus_message_append(m, "{sv}", "device", "s", value + 1), word);
	else
		check(sd_bus_message_append(m, "{sv}", "space", "s", value + 1), word);
}

static int open_trace(sd_bus *bus, char **filters)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m, *reply;
	int fd, r;

	check(sd_bus_message_new_method_call(bus, &m, "org.iopfd1", "/org/iopfd1", "org.iopfd1.Manager",
					     "OpenTrace"), "call");
	check(sd_bus_message_open_container(m, 'a', "{sv}"), "call");
	for (; *filters; filters++)
		append_filter(m, *filters);
	check(sd_bus_message_close_container(m), "call");
	r = sd_bus_call(bus, m, 0, &error, &reply);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", error.name, error.message);
		exit(1);
	}
	check(sd_bus_message_read(reply, "h", &fd), "reply");
	fd = dup(fd);
	check(fd, "dup");
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	return fd;
}

/* False at the end, or when there is nothing now. */
static bool read_datagram(int fd, int flags)
{
	static union {
		struct header header;
		char bytes[65536];
	} datagram;
	ssize_t n = recv(fd, &datagram, sizeof(datagram), flags);
	const struct header *h = &datagram.header;

	if (n <= 0)
		return false;
	if (h->magic != 0x74706f69 || h->version != 1 || n != h->header_size + (ssize_t)h->n_records * h->record_size) {
		fprintf(stderr, "not a datagram that I know\n");
		exit(1);
	}
	n_datagrams++;
	n_records += h->n_records;
	n_dropped = h->n_dropped;
	for (unsigned i = 0; i < h->n_records; i++) {
		const struct record *r = (const void *)(datagram.bytes + h->header_size + (size_t)i * h->record_size);

		printf("%" PRIu64 " %s %s %" PRId32 " 0x%" PRIx64
		       " perm %" PRIu32 " outcome %" PRIu32 " latency %" PRIu64
		       " cookie %" PRIu32 " %" PRIu32 "/%" PRIu32 "\n",
		       r->time_ns, r->device, r->space, (int32_t)r->pasid, r->iova, r->perm, r->outcome, r->latency_ns,
		       r->cookie, r->index, r->n_records);
	}
	return true;
}

int main(int argc, char **argv)
{
	bool stall = argc > 2 && !strcmp(argv[2], "--stall"), input = true;
	sd_bus *bus;
	int fd;

	if (argc < 2)
		return 2;
	check(sd_bus_new(&bus), "bus");
	check(sd_bus_set_address(bus, argv[1]), "bus");
	check(sd_bus_set_bus_client(bus, 1), "bus");
	check(sd_bus_start(bus), "bus");
	fd = open_trace(bus, argv + (stall ? 3 : 2));
	puts("open");
	fflush(stdout);
	while (input) {
		struct pollfd fds[] = { { .fd = 0, .events = POLLIN }, { .fd = stall ? -1 : fd, .events = POLLIN } };
		char byte;

		poll(fds, 2, -1);
		input = !fds[0].revents || read(0, &byte, 1) > 0;
		if (fds[1].revents && !read_datagram(fd, 0))
			break;
	}
	while (read_datagram(fd, MSG_DONTWAIT))
		;
	printf("records %" PRIu64 " dropped %" PRIu64 " datagrams %" PRIu64 "\n", n_records, n_dropped, n_datagrams);
	close(fd);
	sd_bus_flush_close_unref(bus);
	return 0;
}
