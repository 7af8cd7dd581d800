/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of objects as a whole, and what the service announces.
 */
#include "control/service.h"

#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

static const char *loop;

/* On the heap: the method's one string. */
static char *call_for_string(const char *path, const char *interface, const char *member)
{
	sd_bus_message *reply;
	const char *text;
	char *copy;

	T_OK(sd_bus_call_method(t_client, SERVICE_NAME, path, interface, member, NULL, &reply, NULL));
	T_OK(sd_bus_message_read(reply, "s", &text));
	copy = strdup(text);
	sd_bus_message_unref(reply);
	return copy;
}

/* On the heap: one interface out of an XML text, without the blanks at the beginning of lines. */
static char *interface_of(const char *xml, const char *interface)
{
	char *text, *start, *end, *to;

	T_ASSERT(asprintf(&text, "<interface name=\"%s\">", interface) > 0);
	start = strstr(xml, text);
	T_ASSERT(start);
	free(text);
	end = strstr(start, "</interface>");
	T_ASSERT(end);
	text = to = strndup(start, (size_t)(end - start));
	for (const char *from = text; *from; from++)
		if (*from != ' ' || from[-1] != '\n')
			*to++ = *from;
	*to = 0;
	return text;
}

static void expect_interface(const char *path, const char *interface, const char *installed)
{
	char *xml = call_for_string(path, "org.freedesktop.DBus.Introspectable", "Introspect");
	char *shown = interface_of(xml, interface), *wanted = interface_of(installed, interface);

	T_STREQ(shown, wanted);
	free(wanted);
	free(shown);
	free(xml);
}

/* Exactly the members of the file that is installed. */
static void test_introspection(void)
{
	char installed[32768];
	FILE *f = fopen("conf/org.iopfd1.xml", "r");
	size_t n;

	T_ASSERT(f);
	n = fread(installed, 1, sizeof(installed) - 1, f);
	T_ASSERT(n && feof(f));
	installed[n] = 0;
	fclose(f);
	t_service_begin(loop, t_bus_address());
	expect_interface(SERVICE_PATH, T_MANAGER, installed);
	expect_interface(T_NVME0, T_DEVICE, installed);
	expect_interface(T_DMA0, T_SPACE, installed);
	expect_interface(SERVICE_PATH, T_STATISTICS, installed);
	expect_interface(T_NVME0, T_STATISTICS, installed);
	expect_interface(T_DMA0, T_STATISTICS, installed);
	t_service_end();
}

static void test_managed_objects(void)
{
	unsigned n_devices = 0, n_spaces = 0;
	sd_bus_message *m;
	const char *path;

	t_service_begin(loop, t_bus_address());
	T_OK(sd_bus_call_method(t_client, SERVICE_NAME, SERVICE_PATH, "org.freedesktop.DBus.ObjectManager",
				"GetManagedObjects", NULL, &m, NULL));
	T_EQ(sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}"), 1);
	while (sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}") > 0) {
		T_EQ(sd_bus_message_read(m, "o", &path), 1);
		n_devices += !strncmp(path, SERVICE_PATH "/device/", strlen(SERVICE_PATH "/device/"));
		n_spaces += !strncmp(path, SERVICE_PATH "/space/", strlen(SERVICE_PATH "/space/"));
		T_OK(sd_bus_message_skip(m, "a{sa{sv}}"));
		T_OK(sd_bus_message_exit_container(m));
	}
	sd_bus_message_unref(m);
	T_EQ(n_devices, 2);
	T_EQ(n_spaces, 2);
	t_service_end();
}

/* What was announced, one line each. */
static char announced[4096];

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *interface = "", *path = sd_bus_message_get_path(m), *member = sd_bus_message_get_member(m);
	char line[256];

	(void)userdata;
	(void)error;
	if (!strcmp(member, "PropertiesChanged"))
		T_OK(sd_bus_message_read(m, "s", &interface));
	else if (!sd_bus_message_is_empty(m))
		T_OK(sd_bus_message_read(m, "o", &path));
	if (sd_bus_message_has_signature(m, "os")) {
		T_OK(sd_bus_message_read(m, "s", &interface));
	} else if (sd_bus_message_has_signature(m, "ot")) {
		uint64_t n;

		T_OK(sd_bus_message_read(m, "t", &n));
		T_EQ(n, 5000000000);
		interface = "5000000000";
	}
	snprintf(line, sizeof(line), "%s %s %s\n", path, member, interface);
	strncat(announced, line, sizeof(announced) - strlen(announced) - 1);
	return 0;
}

/* True when the line came; forgets all that came so far. */
static bool was_announced(const char *line)
{
	bool found;

	for (int i = 0; i < 10000 && !strstr(announced, line); i++) {
		T_OK(sd_bus_process(t_client, NULL));
		T_OK(sd_bus_wait(t_client, 1000));
	}
	found = strstr(announced, line);
	*announced = 0;
	return found;
}

/* The same for several lines, the last of which is of the manager: nothing else came. */
static bool was_announced_alone(const char *lines)
{
	bool alone;

	for (int i = 0; i < 10000 && !strstr(announced, ".Manager\n"); i++) {
		T_OK(sd_bus_process(t_client, NULL));
		T_OK(sd_bus_wait(t_client, 1000));
	}
	alone = !strcmp(announced, lines);
	if (!alone)
		printf("announced:\n%s", announced);
	*announced = 0;
	return alone;
}

static uint32_t changed_count;

static int on_count(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *interface, *name;

	(void)userdata;
	(void)error;
	if (sd_bus_message_read(m, "sa{sv}", &interface, 1, &name, "u", &changed_count) < 0)
		return 0;
	T_STREQ(name, "DeviceCount");
	return 0;
}

static void test_signals(void)
{
	t_service_begin(loop, t_bus_address());
	T_OK(sd_bus_match_signal(t_client, NULL, SERVICE_NAME, SERVICE_PATH, "org.freedesktop.DBus.Properties",
				 "PropertiesChanged", on_count, NULL));
	T_OK(sd_bus_add_match(t_client, NULL, "type='signal',sender='" SERVICE_NAME "'", on_signal, NULL));
	t_service_do(t_device_failed, NULL);
	T_ASSERT(was_announced(T_NVME0 " PropertiesChanged " T_DEVICE "\n"));
	t_service_do(t_manager_degraded, NULL);
	T_ASSERT(was_announced(SERVICE_PATH " PropertiesChanged " SERVICE_NAME ".Manager\n"));

	/* The count is already without it, and the object says goodbye before it goes. */
	t_service_do(t_device_removed, NULL);
	T_ASSERT(was_announced(SERVICE_PATH "/space/dma1 PropertiesChanged " SERVICE_NAME ".Space\n"));
	T_EQ(changed_count, 1);
	t_service_do(t_device_added, NULL);
	T_ASSERT(was_announced(SERVICE_PATH "/space/dma1 PropertiesChanged " SERVICE_NAME ".Space\n"));
	T_EQ(changed_count, 2);

	t_service_do(t_device_removed, NULL);
	T_ASSERT(was_announced(T_NVME0 " InterfacesRemoved \n"));
	t_service_do(t_device_added, NULL);
	T_ASSERT(was_announced(T_NVME0 " InterfacesAdded \n"));

	T_OK(sd_bus_call_method(t_client, SERVICE_NAME, T_NVME0, T_DEVICE, "GetAttachments", NULL, NULL, NULL));
	t_service_end();
}

static void change_much(void *arg)
{
	t_service.directory.state = arg ? MANAGER_STARTING : MANAGER_RUNNING;
	for (int i = 0; i < 5; i++)
		service_device_changed(t_service.service, &t_nvme0);
	service_state_changed(t_service.service);
}

static void end_of_start(void *arg)
{
	(void)arg;
	t_service.directory.state = MANAGER_RUNNING;
	service_state_changed(t_service.service);
}

/* What changed in one go is told once, and while the daemon starts nothing is. */
static void test_changes_are_told_together(void)
{
	static const char all[] = T_NVME0 " PropertiesChanged " T_DEVICE "\n"
				  SERVICE_PATH "/space/dma0 PropertiesChanged " SERVICE_NAME ".Space\n"
				  SERVICE_PATH "/space/dma1 PropertiesChanged " SERVICE_NAME ".Space\n"
				  SERVICE_PATH " PropertiesChanged " SERVICE_NAME ".Manager\n";

	t_service_begin(loop, t_bus_address());
	T_OK(sd_bus_add_match(t_client, NULL, "type='signal',sender='" SERVICE_NAME "'", on_signal, NULL));
	*announced = 0;
	t_service_do(change_much, NULL);
	T_ASSERT(was_announced_alone(all));
	t_service_do(change_much, "starting");
	T_OK(sd_bus_call_method(t_client, SERVICE_NAME, T_NVME0, T_DEVICE, "GetAttachments", NULL, NULL, NULL));
	T_STREQ(announced, "");
	t_service_do(end_of_start, NULL);
	T_ASSERT(was_announced_alone(all));
	t_service_end();
}

static void announce(void *arg)
{
	(void)arg;
	service_device_lost(t_service.service, &t_nvme0, "it was pulled out");
	service_fault_storm(t_service.service, &t_nvme0, 5000000000);
	service_release_requested(t_service.service, &t_nvme0);
}

static void config_changed(void *arg)
{
	(void)arg;
	t_service.directory.config_serial = 4;
	service_config_changed(t_service.service);
}

static uint64_t changed_serial;
static bool files_invalidated;

static int on_config(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *interface, *name;

	(void)userdata;
	(void)error;
	T_OK(sd_bus_message_read(m, "s", &interface));
	T_STREQ(interface, T_MANAGER);
	T_OK(sd_bus_message_enter_container(m, 'a', "{sv}"));
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		T_OK(sd_bus_message_read(m, "s", &name));
		if (!strcmp(name, "ConfigSerial"))
			T_OK(sd_bus_message_read(m, "v", "t", &changed_serial));
		else
			T_OK(sd_bus_message_skip(m, "v"));
		T_OK(sd_bus_message_exit_container(m));
	}
	T_OK(sd_bus_message_exit_container(m));
	T_OK(sd_bus_message_enter_container(m, 'a', "s"));
	while (sd_bus_message_read(m, "s", &name) > 0)
		files_invalidated |= !strcmp(name, "ConfigFiles");
	return 0;
}

static void test_events(void)
{
	changed_serial = 0;
	files_invalidated = false;
	t_service_begin(loop, t_bus_address());
	T_OK(sd_bus_match_signal(t_client, NULL, SERVICE_NAME, SERVICE_PATH, T_PROPERTIES, "PropertiesChanged",
				 on_config,
				 NULL));
	T_OK(sd_bus_add_match(t_client, NULL, "type='signal',sender='" SERVICE_NAME "'", on_signal, NULL));
	t_service_do(announce, NULL);
	T_ASSERT(was_announced(T_NVME0 " DeviceLost it was pulled out\n" T_NVME0 " FaultStorm 5000000000\n" T_NVME0
			       " ReleaseRequested \n"));
	t_service_do(config_changed, NULL);
	T_ASSERT(was_announced(T_SIM0 " PropertiesChanged " T_DEVICE "\n"));
	T_EQ(changed_serial, 4);
	T_ASSERT(files_invalidated);
	t_service_end();
	/* Without a bus they are nobody's. */
	service_device_lost(NULL, &t_nvme0, "");
	service_fault_storm(NULL, &t_nvme0, 1);
	service_release_requested(NULL, &t_nvme0);
	service_config_changed(NULL);
}

static void test_lent_is_announced(void)
{
	sd_bus_message *reply;

	t_service_begin(loop, t_bus_address());
	T_OK(sd_bus_add_match(t_client, NULL, "type='signal',sender='" SERVICE_NAME "'", on_signal, NULL));
	T_OK(sd_bus_call_method(t_client, SERVICE_NAME, T_NVME0, T_DEVICE, "OpenDevice", NULL, &reply, NULL));
	sd_bus_message_unref(reply);
	T_ASSERT(was_announced(T_NVME0 " PropertiesChanged " T_DEVICE "\n"));
	t_service_end();
}

static void run_all(const char *name)
{
	printf("# loop: %s\n", name);
	loop = name;
	t_run(test_introspection);
	t_run(test_managed_objects);
	t_run(test_signals);
	t_run(test_changes_are_told_together);
	t_run(test_events);
	t_run(test_lent_is_announced);
}

int main(void)
{
	t_bus_start(T_BUS_OPEN_RULES);
	run_all("libevent");
	run_all("auto");
	t_bus_stop();
	return 0;
}
