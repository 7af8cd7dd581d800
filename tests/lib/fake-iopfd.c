/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for the daemon on the bus at argv[1]: it prints what it is called with and
 * answers what a test of iopfctl cannot easily bring a real one to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/util.h"
#include "ctl/trace.h"

#define ERROR "org.iopfd1.Error."

static const struct {
	const char *name; /* of a device */
	const char *error;
	const char *text;
} failures[] = {
	{ "nope", ERROR "NoSuchDevice", "No one device has this name." },
	{ "denied", SD_BUS_ERROR_ACCESS_DENIED, "It is for root only." },
	{ "rejected", SD_BUS_ERROR_ACCESS_DENIED, "Rejected send message, 2 matched rules; type=\"method_call\"" },
	{ "nopri", ERROR "NoPageRequest", "0000:3d:00.0: no PRI capability" },
	{ "busy", ERROR "DeviceBusy", "It is used." },
	{ "old", SD_BUS_ERROR_UNKNOWN_METHOD, "Unknown method" },
	{ "bare", SD_BUS_ERROR_FAILED, NULL },
};

/* Replies the failure that belongs to a device's name; 0 if there is none. */
static int fail_by_name(sd_bus_message *m, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (!strcmp(failures[i].name, name)) {
			sd_bus_error error = { failures[i].error, failures[i].text, 0 };
			int r = sd_bus_reply_method_error(m, &error);

			return r < 0 ? r : 1;
		}
	return 0;
}

static int reply_path(sd_bus_message *m)
{
	const char *name;
	char path[256];
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	r = fail_by_name(m, name);
	if (r)
		return r;
	snprintf(path, sizeof(path), "/org/iopfd1/%s/%s", sd_bus_message_is_method_call(m, NULL, "GetSpace") ? "space" :
		 "device", name);
	return sd_bus_reply_method_return(m, "o", path);
}

static void send_trace(int fd, uint16_t version, uint64_t dropped, uint16_t n)
{
	/* As a newer daemon would: more of everything than this iopfctl knows. */
	struct {
		struct trace_header header;
		uint64_t more_header;
		struct {
			struct trace_record record;
			uint64_t more_record;
		} records[2];
	} d = { .header = { 0x74706f69, version, sizeof(d.header) + 8, sizeof(d.records[0]), n, 0, dropped } };

	for (uint16_t i = 0; i < n; i++) {
		d.records[i].record = (struct trace_record){
			.time_ns = 12000345678, .latency_ns = 23456, .iova = 0x100000000 + i * 4096u, .cookie = 7,
			.pasid = i ? 5 : 0xffffffff, .perm = i ? 2 : 1, .outcome = i, .n_records = 2, .index = i,
		};
		strcpy(d.records[i].record.device, "nvme0");
		strcpy(d.records[i].record.space, "dma0");
	}
	if (send(fd, &d, sizeof(d), 0) < 0)
		fprintf(stderr, "send: %m\n");
}

static int reply_trace(sd_bus_message *m)
{
	const char *device = "", *key;
	int fds[2], r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r >= 0)
			r = strcmp(key, "device") ? sd_bus_message_skip(m, "v") : sd_bus_message_read(m, "v", "s", &device);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	send_trace(fds[0], strcmp(device, "newer") ? 1 : 2, 0, 2);
	send_trace(fds[0], 1, 3, 1);
	r = sd_bus_reply_method_return(m, "h", fds[1]);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static int reply(sd_bus_message *m)
{
	const char *member = sd_bus_message_get_member(m);
	static unsigned n_reloads;

	if (!strncmp(member, "Get", 3) || !strncmp(member, "AttachDevice", 12))
		return reply_path(m);
	if (!strcmp(member, "Reload"))
		return n_reloads++ ? sd_bus_reply_method_errorf(m, ERROR "ConfigInvalid", "/etc/a.conf:3: [device a] x: bad\n"
								"/etc/b.conf:4: [device b] y: worse") :
				     sd_bus_reply_method_return(m, NULL);
	if (!strcmp(member, "PlanReload"))
		return sd_bus_reply_method_return(m, "s", "device a: attach\ndevice b: detach\n");
	if (!strcmp(member, "CheckConfiguration"))
		return sd_bus_reply_method_return(m, "a(susss)", 2, "/etc/a.conf", 3u, "error", "[device a] x", "bad",
						  "/etc/a.conf", 0u, "warning", "", "nothing to do");
	if (!strcmp(member, "OpenTrace"))
		return reply_trace(m);
	if (!strcmp(member, "Trim") || !strcmp(member, "Prefault"))
		return sd_bus_reply_method_return(m, "t", UINT64_C(65536));
	return sd_bus_reply_method_return(m, NULL);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	int r;

	(void)userdata;
	(void)ret_error;
	if (!sd_bus_message_is_method_call(m, NULL, NULL))
		return 0;
	if (strncmp(sd_bus_message_get_member(m), "Get", 3) != 0)
		sd_bus_message_dump(m, stdout, SD_BUS_MESSAGE_DUMP_WITH_HEADER);
	fflush(stdout);
	sd_bus_message_rewind(m, true);
	r = reply(m);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", sd_bus_message_get_member(m), strerror(-r));
	return 1;
}

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int r = argc == 2 ? sd_bus_new(&bus) : -EINVAL;

	if (r >= 0)
		r = sd_bus_set_address(bus, argv[1]);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_message, NULL);
	if (r >= 0)
		r = sd_bus_request_name(bus, "org.iopfd1", 0);
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (!r)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	fprintf(stderr, "fake-iopfd: %s\n", strerror(-r));
	return 1;
}
