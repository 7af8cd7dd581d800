/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that one may ask of the daemon, at random and several calls at once, while its
 * devices work: attach, detach, pause, drain, PASIDs, commands of spaces, traces, reloads of
 * configurations that change, transient devices. The seed gives the order of the calls. What
 * comes back has to be an answer that the manual names; which of them depends on timing.
 *
 * usage: stress bus=ADDRESS file=DROP-IN seed=N seconds=N
 *
 * The daemon has the devices a, b, c, d and the spaces alpha, beta, d of tests/daemon/stress.sh;
 * what is in DROP-IN comes from here. In the end a sane configuration is loaded and all four
 * devices are attached anew and at work.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "client.h"
#include "options.h"
#include "stress-calls.h"

#define AT_ONCE 12
#define N_TRACES 10 /* more than the daemon allows */

static const char *const devices[] = { "a", "b", "c", "d", "r1", "r2", "t1", "t2", "t3" };
/* The first three stay. */
static const char *const spaces[] = { "alpha", "beta", "d", "gamma", "t1", "t3" };
static const char *const regions[] = { "heap", "file", "" };
#define N_CONFIGURED 4
#define MAX_PASID 8u
#define FIRST_TRANSIENT 6

struct kind {
	const char *name;
	unsigned weight;
	void (*call)(const struct kind *k);
	const char *member; /* for those that are alike */
	uint64_t n_done, n_refused;
};

static uint64_t random_state;
static unsigned n_under_way, n_reloads; /* calls without an answer; those of them that reload */
static int traces[N_TRACES];

static uint64_t below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % n;
}

#define PICK(list) ((list)[below(ARRAY_SIZE(list))])

/* Some are kept, so that there are readers who stall. */
static void keep_trace(sd_bus_message *m)
{
	int *slot = &PICK(traces), fd;

	MUST(sd_bus_message_read(m, "h", &fd));
	if (*slot >= 0)
		close(*slot);
	*slot = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void open_trace(const struct kind *k);
static void reload(const struct kind *k);

static int answered(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	struct kind *k = userdata;

	(void)ret_error;
	n_under_way--;
	n_reloads -= k->call == reload;
	if (!error) {
		k->n_done++;
		if (k->call == open_trace)
			keep_trace(m);
		return 0;
	}
	k->n_refused++;
	if (!stress_may_refuse(error->name))
		die("%s: %s: %s", k->name, error->name, error->message);
	return 0;
}

static void step(void)
{
	int r = MUST(sd_bus_process(stress_bus, NULL));

	if (!r)
		MUST(sd_bus_wait(stress_bus, 100000));
}

static void send_off(const struct kind *k, sd_bus_message *m)
{
	MUST(sd_bus_call_async(stress_bus, NULL, m, answered, (void *)k, 60 * 1000000));
	sd_bus_message_unref(m);
	n_under_way++;
	n_reloads += k->call == reload;
	while (n_under_way >= AT_ONCE)
		step();
}

static void attach(const struct kind *k)
{
	sd_bus_message *m = stress_call(STRESS_MANAGER, "AttachDevice");

	MUST(sd_bus_message_append(m, "sa{sv}", PICK(devices), 0));
	send_off(k, m);
}

static void detach(const struct kind *k)
{
	sd_bus_message *m = stress_call(STRESS_MANAGER, "DetachDevice");

	MUST(sd_bus_message_append(m, "st", PICK(devices), (uint64_t)0));
	send_off(k, m);
}

static void attach_transient(const struct kind *k)
{
	const char *name = devices[FIRST_TRANSIENT + below(ARRAY_SIZE(devices) - FIRST_TRANSIENT)];
	sd_bus_message *m = stress_call(STRESS_MANAGER, "AttachDevice");
	char address[100];

	snprintf(address, sizeof(address), "sim:count=max,pattern=random,rate=500,depth=%" PRIu64 ",seed=%" PRIu64,
		 1 + below(8), below(1000));
	if (below(2))
		MUST(sd_bus_message_append(m, "sa{sv}", name, 2, "address", "s", address, "regions", "a(sa{sv})", 1,
					   "heap", 2, "iova", "s", "0x100000000", "length", "s", "2M"));
	else
		MUST(sd_bus_message_append(m, "sa{sv}", name, 3, "address", "s", address, "space", "s", PICK(spaces),
					   "pasid", "as", 1, below(2) ? "7:alpha" : "7:beta"));
	send_off(k, m);
}

/* Pause and drain: so many microseconds. */
static void device_command(const struct kind *k)
{
	sd_bus_message *m = stress_object_call("device", PICK(devices), "org.iopfd1.Device", k->member);

	if (strcmp(k->member, "Resume") != 0)
		MUST(sd_bus_message_append(m, "t", 1000 + below(200000)));
	send_off(k, m);
}

/* Seldom to a space that would have to go: the reload is refused then. */
static void attach_pasid(const struct kind *k)
{
	sd_bus_message *m = stress_object_call("device", PICK(devices), "org.iopfd1.Device", "AttachPasid");

	MUST(sd_bus_message_append(m, "us", (uint32_t)(1 + below(MAX_PASID)),
				   spaces[below(below(40) ? 3 : ARRAY_SIZE(spaces))]));
	send_off(k, m);
}

static void detach_pasid(const struct kind *k)
{
	sd_bus_message *m = stress_object_call("device", PICK(devices), "org.iopfd1.Device", "DetachPasid");

	MUST(sd_bus_message_append(m, "u", (uint32_t)(1 + below(MAX_PASID))));
	send_off(k, m);
}

static void flush(const struct kind *k)
{
	sd_bus_message *m = stress_object_call("space", PICK(spaces), "org.iopfd1.Space", "Flush");

	MUST(sd_bus_message_append(m, "s", PICK(regions)));
	send_off(k, m);
}

/* Trim and prefault. */
static void range_command(const struct kind *k)
{
	sd_bus_message *m = stress_object_call("space", PICK(spaces), "org.iopfd1.Space", k->member);
	const uint64_t unit = 65536;

	MUST(sd_bus_message_append(m, "stt", below(3) ? "heap" : "file", below(16) * unit, (1 + below(16)) * unit));
	send_off(k, m);
}

static void open_memory(const struct kind *k)
{
	sd_bus_message *m = stress_object_call("space", PICK(spaces), "org.iopfd1.Space", "OpenMemory");

	MUST(sd_bus_message_append(m, "s", "heap"));
	send_off(k, m);
}

static void open_trace(const struct kind *k)
{
	sd_bus_message *m = stress_call(STRESS_MANAGER, "OpenTrace");

	if (below(2))
		MUST(sd_bus_message_append(m, "a{sv}", 1, "device", "s", PICK(devices)));
	else
		MUST(sd_bus_message_append(m, "a{sv}", 0));
	send_off(k, m);
}

static void close_trace(const struct kind *k)
{
	int *slot = &PICK(traces);

	((struct kind *)k)->n_done++;
	if (*slot >= 0)
		close(*slot);
	*slot = -1;
}

static void look(const struct kind *k)
{
	static const char *const members[] = { "ListDevices", "OpenStatistics", "DumpByFileDescriptor",
					       "CheckConfiguration", "PlanReload" };
	const char *properties = "org.freedesktop.DBus.Properties";
	sd_bus_message *m;

	switch (below(4)) {
	case 0:
		send_off(k, stress_call(STRESS_MANAGER, PICK(members)));
		return;
	case 1:
		send_off(k, stress_object_call("device", PICK(devices), "org.iopfd1.Device",
					       "GetAttachmentStatistics"));
		return;
	case 2:
		m = stress_object_call("device", PICK(devices), properties, "GetAll");
		break;
	default:
		m = stress_object_call("space", PICK(spaces), properties, "GetAll");
	}
	MUST(sd_bus_message_append(m, "s", ""));
	send_off(k, m);
}

static void write_random(FILE *f)
{
	static const char *const budgets[] = { "1M", "2M", "6M", "none" };
	static const char *const granules[] = { "4K", "16K", "64K" };
	static const char *const patterns[] = { "seq", "random", "zipf", "stride" };
	static const char *const policies[] = { "anon", "hugepage\nfallback = anon\ngranule = 2M" };

	fprintf(f, "[daemon]\nmemory-budget = %" PRIu64 "M\n", 16 + below(32));
	fprintf(f, "[space beta]\nbudget = %s\n", PICK(budgets));
	if (below(4))
		fprintf(f, "[region gamma/heap]\niova = 0x100000000\nlength = %" PRIu64 "M\ngranule = %s\n",
			2 + below(3) * 2, PICK(granules));
	if (below(2))
		fprintf(f, "[region gamma/file]\niova = 0x200000000\nlength = 4M\npolicy = %s\n", PICK(policies));
	if (below(3))
		fprintf(f,
			"[device r1]\naddress = sim:count=max,rate=500,depth=4,group=%" PRIu64
			",pattern=%s,seed=%" PRIu64 "\nspace = %s\npasid = 3:alpha\n",
			1 + below(4), PICK(patterns), below(3), below(2) ? "alpha" : "beta");
	if (below(2))
		fprintf(f, "[region r2/heap]\niova = 0x100000000\nlength = 2M\ngranule = %s\n"
			   "[device r2]\naddress = sim:count=2000,rate=1000,depth=%" PRIu64 ",pasid=2+4\n"
			   "pasid = 2:r2\npasid = 4:%s\n", PICK(granules), 1 + below(8), below(2) ? "beta" : "r2");
	if (!below(10))
		fprintf(f, "[device r1]\nadress = sim\n");
}

static void write_config(void (*write)(FILE *f))
{
	const char *file = option("file", NULL);
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s.new", file);
	f = fopen(path, "we");
	if (!f)
		die("%s: %s", path, strerror(errno));
	write(f);
	if (fclose(f) || rename(path, file) < 0)
		die("%s: %s", path, strerror(errno));
}

static void reload(const struct kind *k)
{
	write_config(write_random);
	send_off(k, stress_call(STRESS_MANAGER, "Reload"));
}

static struct kind kinds[] = {
	{ "attach", 30, attach, NULL, 0, 0 },
	{ "attach transient", 20, attach_transient, NULL, 0, 0 },
	{ "detach", 16, detach, NULL, 0, 0 },
	{ "attach PASID", 20, attach_pasid, NULL, 0, 0 },
	{ "detach PASID", 12, detach_pasid, NULL, 0, 0 },
	{ "pause", 12, device_command, "Pause", 0, 0 },
	{ "resume", 8, device_command, "Resume", 0, 0 },
	{ "drain", 10, device_command, "Drain", 0, 0 },
	{ "flush", 10, flush, NULL, 0, 0 },
	{ "trim", 14, range_command, "Trim", 0, 0 },
	{ "prefault", 10, range_command, "Prefault", 0, 0 },
	{ "memory", 6, open_memory, NULL, 0, 0 },
	{ "trace", 6, open_trace, NULL, 0, 0 },
	{ "end of a trace", 6, close_trace, NULL, 0, 0 },
	{ "look", 40, look, NULL, 0, 0 },
	{ "reload", 2, reload, NULL, 0, 0 },
};

static void do_something(void)
{
	unsigned sum = 0, n;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		sum += kinds[i].weight;
	/* Nearly everything is refused during a reload. */
	while (n_reloads && below(20))
		step();
	n = (unsigned)below(sum);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (n < kinds[i].weight) {
			kinds[i].call(&kinds[i]);
			return;
		}
		n -= kinds[i].weight;
	}
}

static void write_nothing(FILE *f)
{
	fputs("# nothing\n", f);
}

static void must_work(struct client *c, const char *device)
{
	uint64_t end_ns = clock_now_ns() + 30 * NSEC_PER_SEC, visits = 0;

	while (!visits) {
		if (client_engine_counter(c, device, "Visits", &visits) < 0 || clock_now_ns() > end_ns)
			die("device %s does nothing: %s", device, client_error(c));
		usleep(20000);
	}
}

static void clean_up(struct client *c)
{
	while (n_under_way)
		step();
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++)
		if (traces[i] >= 0)
			close(traces[i]);
	for (size_t i = FIRST_TRANSIENT; i < ARRAY_SIZE(devices); i++)
		stress_insist_detached(devices[i], "org.iopfd1.Error.NoSuchDevice");
	for (size_t i = 0; i < N_CONFIGURED; i++) {
		stress_insist_attached(devices[i]);
		for (uint32_t pasid = 1; pasid <= MAX_PASID; pasid++)
			stress_insist_pasid(devices[i], pasid, NULL);
	}
	write_config(write_nothing);
	stress_insist(stress_call(STRESS_MANAGER, "Reload"), "");
	/* Its own: without them it does nothing. */
	stress_insist_pasid("b", 5, "beta");
	stress_insist_pasid("b", 6, "alpha");
	for (size_t i = 0; i < N_CONFIGURED; i++) {
		stress_insist_detached(devices[i], "");
		stress_insist_attached(devices[i]);
	}
	for (size_t i = 0; i < N_CONFIGURED; i++)
		must_work(c, devices[i]);
}

int main(int argc, char **argv)
{
	_cleanup_(client_freep) struct client *c = NULL;
	uint64_t end_ns, n = 0;
	int missing = 0;

	options_init("stress", argv + 1, (size_t)argc - 1);
	random_state = option_number("seed", 1) * 0x9e3779b97f4a7c15ull | 1;
	end_ns = clock_now_ns() + option_number("seconds", 10) * NSEC_PER_SEC;
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++)
		traces[i] = -1;
	MUST(client_new(option("bus", NULL), &c));
	stress_bus = client_bus(c);
	write_config(write_nothing);
	for (; clock_now_ns() < end_ns; n++)
		do_something();
	clean_up(c);
	printf("%" PRIu64 " calls, done/refused:", n);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		printf(" %s %" PRIu64 "/%" PRIu64, kinds[i].name, kinds[i].n_done, kinds[i].n_refused);
		missing |= !kinds[i].n_done;
	}
	printf("\n");
	if (missing)
		die("something was never done");
	return options_check();
}
