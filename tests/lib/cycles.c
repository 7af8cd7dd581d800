/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attaches and detaches over the bus, again and again, several devices at once, each with one
 * call under way. Prints "N cycles in N.N s: N/s".
 *
 * usage: cycles bus=ADDRESS what=transient|configured|pasid names=A,B,… cycles=N
 *               [address=ADDRESS] [space=SPACE]
 *
 * transient: devices of these names, which do not exist before and after; in the space, or
 * with memory of their own. configured: devices of a file, attached before and after. pasid:
 * PASID 1 of devices that are attached, to and from the space.
 */
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "client.h"
#include "options.h"

#define MAX_NAMES 16

struct lane {
	char name[OPTION_ITEM_SIZE];
	bool first_half_done;
};

static sd_bus *bus;
static const char *what, *address, *space;
static uint64_t n_to_begin, n_to_end;

static void go_on(struct lane *l);

static int answered(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	struct lane *l = userdata;

	(void)ret_error;
	if (error)
		die("%s of %s: %s: %s", what, l->name, error->name, error->message);
	l->first_half_done = !l->first_half_done;
	if (!l->first_half_done)
		n_to_end--;
	go_on(l);
	return 0;
}

static void send_off(struct lane *l, sd_bus_message *m)
{
	MUST(sd_bus_call_async(bus, NULL, m, answered, l, 60 * 1000000));
	sd_bus_message_unref(m);
}

static sd_bus_message *manager_call(const char *member)
{
	sd_bus_message *m;

	MUST(sd_bus_message_new_method_call(bus, &m, "org.iopfd1", "/org/iopfd1", "org.iopfd1.Manager", member));
	return m;
}

static void attach(struct lane *l)
{
	sd_bus_message *m = manager_call("AttachDevice");

	if (strcmp(what, "transient") != 0)
		MUST(sd_bus_message_append(m, "sa{sv}", l->name, 0));
	else if (*space)
		MUST(sd_bus_message_append(m, "sa{sv}", l->name, 2, "address", "s", address, "space", "s", space));
	else
		MUST(sd_bus_message_append(m, "sa{sv}", l->name, 2, "address", "s", address, "regions", "a(sa{sv})",
					   1, "heap", 2, "iova", "s", "0x10000000", "length", "s", "1M"));
	send_off(l, m);
}

static void detach(struct lane *l)
{
	sd_bus_message *m = manager_call("DetachDevice");

	MUST(sd_bus_message_append(m, "st", l->name, (uint64_t)0));
	send_off(l, m);
}

static void change_pasid(struct lane *l)
{
	sd_bus_message *m;
	char path[200];

	snprintf(path, sizeof(path), "/org/iopfd1/device/%s", l->name);
	MUST(sd_bus_message_new_method_call(bus, &m, "org.iopfd1", path, "org.iopfd1.Device",
					    l->first_half_done ? "DetachPasid" : "AttachPasid"));
	MUST(sd_bus_message_append(m, "u", (uint32_t)1));
	if (!l->first_half_done)
		MUST(sd_bus_message_append(m, "s", space));
	send_off(l, m);
}

static void go_on(struct lane *l)
{
	if (!l->first_half_done) {
		if (!n_to_begin)
			return;
		n_to_begin--;
	}
	if (!strcmp(what, "pasid"))
		change_pasid(l);
	else if (l->first_half_done == !strcmp(what, "configured"))
		attach(l);
	else
		detach(l);
}

int main(int argc, char **argv)
{
	_cleanup_(client_freep) struct client *c = NULL;
	static struct lane lanes[MAX_NAMES];
	uint64_t n, start_ns;
	double seconds;

	options_init("cycles", argv + 1, (size_t)argc - 1);
	MUST(client_new(option("bus", NULL), &c));
	bus = client_bus(c);
	what = option("what", NULL);
	address = option("address", "sim");
	space = option("space", "");
	n = n_to_begin = n_to_end = option_number("cycles", 1000);
	start_ns = clock_now_ns();
	for (size_t i = 0; i < MAX_NAMES && option_item("names", i, lanes[i].name); i++)
		go_on(&lanes[i]);
	if (options_check())
		return 2;
	while (n_to_end)
		if (!MUST(sd_bus_process(bus, NULL)))
			MUST(sd_bus_wait(bus, UINT64_MAX));
	seconds = (double)(clock_now_ns() - start_ns) / 1e9;
	printf("%" PRIu64 " cycles in %.1f s: %.0f/s\n", n, seconds, (double)n / seconds);
	return 0;
}
