/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service and its bus: what happens when it comes late, goes away, stalls, is flooded,
 * or does not let us have the name.
 */
#include "control/service.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

#define NO_OWN_RULES                                                                       \
	"<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>"                 \
	"<allow send_type=\"method_call\"/><allow send_type=\"signal\"/>"                  \
	"<allow send_requested_reply=\"true\"/><allow receive_sender=\"*\"/></policy>"

static const char *loop;

static void test_restarted_bus(void)
{
	t_service_begin(loop, t_bus_address());
	t_client = sd_bus_close_unref(t_client);
	t_bus_stop();
	/* Changes in between have nobody to tell, and do no harm. */
	t_service_do(t_device_failed, NULL);
	t_service_do(t_manager_degraded, NULL);
	t_service_do(t_device_removed, NULL);
	t_service_do(t_device_added, NULL);
	t_bus_start(T_BUS_OPEN_RULES);
	t_client = t_bus_client();
	T_WAIT(t_service_on_bus());
	T_OK(sd_bus_call_method(t_client, SERVICE_NAME, T_NVME0, T_DEVICE, "GetAttachments", NULL, NULL, NULL));
	t_service_end();
}

static void test_late_bus(void)
{
	t_bus_stop();
	t_service_start(loop, t_bus_address());
	t_service_do(t_device_failed, NULL);
	t_bus_start(T_BUS_OPEN_RULES);
	t_client = t_bus_client();
	T_WAIT(t_service_on_bus());
	T_EQ(atomic_load(&t_owner.n_name_taken), 0);
	t_service_end();
}

static void test_name_taken(void)
{
	t_client = t_bus_client();
	T_OK(sd_bus_request_name(t_client, SERVICE_NAME, 0));
	t_service_start(loop, t_bus_address());
	T_WAIT(atomic_load(&t_owner.n_name_taken) == 1);
	T_OK(sd_bus_release_name(t_client, SERVICE_NAME));
	t_service_end();
}

/* A policy that refuses the name is not the end: it may be mended. */
static void test_refused_name(void)
{
	t_bus_reload(NO_OWN_RULES);
	t_client = t_bus_client();
	T_WAIT(sd_bus_request_name(t_client, "org.example.Probe", 0) == -EACCES ||
	       (sd_bus_release_name(t_client, "org.example.Probe"), false));
	t_service_start(loop, t_bus_address());
	t_sleep_ms(50);
	T_ASSERT(!t_service_on_bus());
	t_bus_reload(T_BUS_OPEN_RULES);
	T_WAIT(t_service_on_bus());
	T_EQ(atomic_load(&t_owner.n_name_taken), 0);
	t_service_end();
}

static unsigned n_replies;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	(void)error;
	T_EQ(sd_bus_message_is_method_error(m, NULL), 0);
	n_replies++;
	return 0;
}

static void wait_for_replies(unsigned n)
{
	while (n_replies < n) {
		int r = sd_bus_process(t_client, NULL);

		T_OK(r);
		if (!r)
			T_ASSERT(sd_bus_wait(t_client, 10000000) > 0);
	}
}

/* Far more at once than one round dispatches: none is left lying. */
static void test_flood(void)
{
	t_service_begin(loop, t_bus_address());
	n_replies = 0;
	for (unsigned i = 0; i < 1000; i++)
		T_OK(sd_bus_call_method_async(t_client, NULL, SERVICE_NAME, T_NVME0, T_PROPERTIES, "GetAll",
					      on_reply, NULL, "s", T_STATISTICS));
	wait_for_replies(1000);
	t_service_end();
}

static unsigned n_limited, n_allowed;

static int on_memory(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	(void)error;
	if (!sd_bus_message_is_method_error(m, NULL))
		n_allowed++;
	else if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_LIMITS_EXCEEDED))
		n_limited++;
	n_replies++;
	return 0;
}

/* Each call gets its answer, whether it waits for the bus's verdict or is one too many. */
static void test_admin_flood(void)
{
	t_service_begin(loop, t_bus_address());
	n_limited = n_allowed = n_replies = 0;
	for (unsigned i = 0; i < 100; i++)
		T_OK(sd_bus_call_method_async(t_client, NULL, SERVICE_NAME, T_DMA0, T_SPACE,
					      "OpenMemory", on_memory, NULL, "s", "heap"));
	wait_for_replies(100);
	T_EQ(n_limited + n_allowed, 100);
	T_ASSERT(n_allowed > 0);
	t_service_end();
}

/* The bus dies while it is asked about a caller: the call is forgotten, nothing else. */
static void test_bus_lost_in_question(void)
{
	t_service_begin(loop, t_bus_address());
	for (unsigned i = 0; i < 8; i++)
		T_OK(sd_bus_call_method_async(t_client, NULL, SERVICE_NAME, T_DMA0, T_SPACE,
					      "OpenMemory", NULL, NULL, "s", "heap"));
	T_OK(sd_bus_flush(t_client));
	t_client = sd_bus_close_unref(t_client);
	t_bus_stop();
	t_bus_start(T_BUS_OPEN_RULES);
	t_client = t_bus_client();
	T_WAIT(t_service_on_bus());
	t_service_end();
}

/* Stopping must not wait for a bus that does not answer. */
static void test_stop_with_stalled_bus(void)
{
	t_service_begin(loop, t_bus_address());
	t_bus_signal(SIGSTOP);
	for (unsigned i = 0; i < 2000; i++)
		t_service_do(t_manager_degraded, NULL);
	t_service_stop();
	t_bus_signal(SIGCONT);
	T_WAIT(!t_service_on_bus());
	t_client = sd_bus_close_unref(t_client);
}

static unsigned long context_switches(void)
{
	unsigned long n = 0, value;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", t_service.tid);
	f = fopen(path, "r");
	T_ASSERT(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &value) == 1)
			n += value;
	fclose(f);
	return n;
}

static void test_idle(void)
{
	unsigned long before;

	t_service_begin(loop, t_bus_address());
	do {
		before = context_switches();
		t_sleep_ms(100);
	} while (context_switches() != before);
	t_sleep_ms(1000);
	T_EQ(context_switches(), before);
	t_service_end();
}

static void test_addresses(void)
{
	static const char *const wrong[] = { "", "unix", "unix:", "foo:path=/x", "tcp:host=localhost,port=1", "sytem",
					     "unixexec:path=/bin/true", "unix:path=/x;tcp:host=localhost,port=1",
					     "unix:path=/x;" };
	struct directory directory;
	struct service *s = NULL;
	struct loop *l;
	char longest[300] = "unix:path=/";

	memset(longest + 11, 'x', 200);
	directory_init(&directory);
	T_OK(loop_new(loop, &l));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		T_EQ(service_new(l, wrong[i], &directory, NULL, &s), -EINVAL);
	T_EQ(service_new(l, longest, &directory, NULL, &s), -EINVAL);
	T_ASSERT(!s);

	T_OK(service_new(l, "none", &directory, NULL, &s));
	service_state_changed(s);
	s = service_free(s);
	T_OK(service_new(l, "unix:path=/nonexistent/bus", &directory, NULL, &s));
	service_state_changed(s);
	s = service_free(s);

	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	T_EQ(service_new(l, "session", &directory, NULL, &s), -EINVAL);
	setenv("DBUS_SESSION_BUS_ADDRESS", "tcp:host=localhost,port=1", 1);
	T_EQ(service_new(l, "session", &directory, NULL, &s), -EINVAL);
	setenv("DBUS_SESSION_BUS_ADDRESS", t_bus_address(), 1);
	T_OK(service_new(l, "session", &directory, NULL, &s));
	s = service_free(s);
	loop_free(l);
}

static void test_no_service(void)
{
	T_ASSERT(!service_free(NULL));
	service_device_changed(NULL, &t_nvme0);
	service_device_added(NULL, &t_nvme0);
	service_device_removed(NULL, &t_nvme0);
	service_state_changed(NULL);
}

static void run_all(const char *name)
{
	printf("# loop: %s\n", name);
	loop = name;
	t_run(test_restarted_bus);
	t_run(test_late_bus);
	t_run(test_name_taken);
	t_run(test_refused_name);
	t_run(test_flood);
	t_run(test_admin_flood);
	t_run(test_bus_lost_in_question);
	t_run(test_stop_with_stalled_bus);
	t_run(test_idle);
	t_run(test_addresses);
	t_run(test_no_service);
}

int main(void)
{
	t_bus_start(T_BUS_OPEN_RULES);
	run_all("libevent");
	run_all("auto");
	t_bus_stop();
	return 0;
}
