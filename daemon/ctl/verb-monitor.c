/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * monitor: a line for each fault, as it is answered. The daemon never waits for us: what was
 * lost meanwhile is told on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/object.h"
#include "ctl/trace.h"

struct filter {
	const char *device;
	const char *space;
	bool invalid_only;
};

static int append_filter(sd_bus_message *m, const struct filter *f)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0 && f->device)
		r = sd_bus_message_append(m, "{sv}", "device", "s", f->device);
	if (r >= 0 && f->space)
		r = sd_bus_message_append(m, "{sv}", "space", "s", f->space);
	if (r >= 0 && f->invalid_only)
		r = sd_bus_message_append(m, "{sv}", "invalid-only", "b", 1);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static enum ctl_exit open_trace(sd_bus *bus, const struct filter *f, int *ret_fd)
{
	const struct client_call c = { NULL, CLIENT_MANAGER, "OpenTrace", f->space, false };
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	enum ctl_exit e = client_message(bus, &c, &m);
	int fd, r;

	if (e)
		return e;
	r = append_filter(m, f);
	if (r < 0)
		return client_complain(CTL_FAILURE, "OpenTrace: %s", strerror(-r));
	e = client_send(bus, &c, m, &reply);
	if (e)
		return e;
	if (sd_bus_message_read(reply, "h", &fd) < 0)
		return client_complain(CTL_FAILURE, "OpenTrace: the reply makes no sense");
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return client_complain(CTL_FAILURE, "OpenTrace: %s", strerror(errno));
	*ret_fd = fd;
	return CTL_OK;
}

static void print(const void *datagram, const struct trace_header *h)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	struct trace_record record;

	for (size_t i = 0; i < h->n_records; i++) {
		trace_read(datagram, h, i, &record);
		if (ctl_options.json)
			trace_json(&record, &j);
		else
			trace_print(&record, stdout);
	}
}

/* The end of the trace is the end of the daemon, or of its patience. */
static enum ctl_exit follow(int fd)
{
	static char datagram[TRACE_DATAGRAM_MAX] __attribute__((aligned(8)));
	struct trace_header h;
	uint64_t dropped = 0;
	ssize_t n;
	int r;

	while ((n = recv(fd, datagram, sizeof(datagram), 0)) > 0) {
		r = trace_check(datagram, (size_t)n, &h);
		if (r == -EPROTO)
			return client_complain(CTL_NOT_SUPPORTED,
					       "the trace has another version (is iopfctl older than the daemon?)");
		if (r < 0)
			return client_complain(CTL_FAILURE, "the trace makes no sense");
		if (h.n_dropped > dropped)
			client_complain(CTL_FAILURE, "%" PRIu64 " records lost", h.n_dropped - dropped);
		dropped = h.n_dropped;
		print(datagram, &h);
		if (fflush(stdout))
			return client_complain(CTL_FAILURE, "cannot write the output: %s", strerror(errno));
	}
	if (n < 0)
		return client_complain(CTL_FAILURE, "the trace: %s", strerror(errno));
	return client_complain(CTL_NOT_RUNNING, "the daemon has closed the trace");
}

int verb_monitor(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct filter f = { 0 };
	const struct args_option options[] = {
		{ .name = "--invalid-only", .flag = &f.invalid_only },
		{ .name = "--space", .value = &f.space },
		{ 0 },
	};
	enum ctl_exit e = args_read(&argc, argv, options, 0, 1);

	if (!e && ctl_options.host)
		e = client_usage(argv[0], "a trace is a file descriptor, which cannot come from another machine");
	e = e ?: client_open(&bus);
	if (!e && argc == 2) {
		/* The filter takes names only; an address is turned into one. */
		e = client_find(bus, "GetDevice", argv[1], &path);
		f.device = path ? object_name(path) : NULL;
	}
	e = e ?: open_trace(bus, &f, &fd);
	if (e)
		return e;
	/* Nobody reads from it any more. */
	bus = sd_bus_flush_close_unref(bus);
	if (!ctl_options.json) {
		trace_print_title(stdout);
		fflush(stdout);
	}
	return follow(fd);
}
