/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is handed out, and to whom.
 */
#include "control/service.h"

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

static void expect_region_memory(void)
{
	uint64_t offset, length;
	struct stat st;
	int fd;

	T_OK(sd_bus_message_read(t_call(T_DMA0, T_SPACE, "OpenMemory", "s", "heap"), "htt", &fd, &offset, &length));
	T_EQ(offset, 4096);
	T_EQ(length, 0x1000000);
	T_EQ(fstat(fd, &st), 0);
	T_EQ(st.st_size, 0x2000);
}

/* Nobody gets what nobody waits for. */
static void open_without_reply(void)
{
	sd_bus_message *m;

	T_OK(sd_bus_message_new_method_call(t_client, &m, SERVICE_NAME, T_NVME0, T_DEVICE, "OpenDevice"));
	T_OK(sd_bus_message_set_expect_reply(m, 0));
	T_OK(sd_bus_send(t_client, m, NULL));
	sd_bus_message_unref(m);
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "Lent", "b"), 0);
}

static void test_open(void)
{
	struct stat st;
	int fd;

	expect_region_memory();
	/* The verdict is known by now. */
	expect_region_memory();
	open_without_reply();
	T_OK(sd_bus_message_read(t_call(T_NVME0, T_DEVICE, "OpenDevice", NULL), "h", &fd));
	T_EQ(fstat(fd, &st), 0);
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "Lent", "b"), 1);
	T_ASSERT(t_nvme0.lent);
}

#define TEST_GROUP 4711

/* In front of the C library's: a group iopfd of this test only. */
struct group *getgrnam(const char *name)
{
	static struct group group = { .gr_name = (char *)"iopfd", .gr_gid = TEST_GROUP };

	return strcmp(name, group.gr_name) ? NULL : &group;
}

static int open_memory(void)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(t_client, SERVICE_NAME, T_DMA0, T_SPACE, "OpenMemory", &error, NULL, "s", "heap");

	if (r < 0)
		r = sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) ? -EACCES : -EIO;
	sd_bus_error_free(&error);
	return r;
}

static int run_command(size_t i)
{
	static const char *const members[] = { "Flush", "Trim", "Prefault" };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call_method(t_client, SERVICE_NAME, T_DMA0, T_SPACE, members[i], &error, NULL, i ? "stt" : "s",
			       "heap", (uint64_t)0, (uint64_t)4096);
	if (r < 0)
		r = sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) ? -EACCES : -EIO;
	sd_bus_error_free(&error);
	return r < 0 ? r : 0;
}

/* In a child: everything that can be read, and what is handed out if the group allows it.
 * Exit code 0 if so. */
static void be_nobody(gid_t primary, size_t n_groups, const gid_t *groups)
{
	bool allowed = primary == TEST_GROUP || n_groups;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (setgroups(n_groups, groups) < 0 || setresgid(primary, primary, primary) < 0 ||
	    setresuid(65534, 65534, 65534) < 0)
		_exit(2);
	t_client = t_bus_client();
	t_get_string(SERVICE_PATH, T_MANAGER, "State");
	t_call(SERVICE_PATH, T_MANAGER, "ListDevices", NULL);
	t_call(SERVICE_PATH, T_MANAGER, "GetDevice", "s", "nvme0");
	t_call(SERVICE_PATH, T_MANAGER, "GetSpace", "s", "dma0");
	t_call(T_NVME0, T_DEVICE, "GetAttachments", NULL);
	t_call(SERVICE_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL);
	/* Twice: asked of the bus, and remembered. */
	for (int i = 0; i < 2; i++) {
		r = open_memory();
		if (allowed ? r < 0 : r != -EACCES)
			_exit(3);
	}
	r = sd_bus_call_method(t_client, SERVICE_NAME, T_NVME0, T_DEVICE, "OpenDevice", &error, NULL, NULL);
	if (allowed ? r < 0 : r >= 0 || !sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED))
		_exit(4);
	for (size_t i = 0; i < 3; i++)
		if (run_command(i) != (allowed ? 0 : -EACCES))
			_exit(5);
	_exit(0);
}

static void expect_as_nobody(gid_t primary, size_t n_groups, const gid_t *groups)
{
	pid_t child = fork();
	int status;

	T_OK(child);
	if (!child)
		be_nobody(primary, n_groups, groups);
	T_EQ(waitpid(child, &status, 0), child);
	T_EQ(status, 0);
}

static void test_access(void)
{
	static const gid_t groups[] = { 100, TEST_GROUP };

	/* Root, or the daemon's own user. */
	expect_region_memory();
	if (geteuid() != 0) {
		puts("skipped: only root can become a user that must be denied");
		return;
	}
	expect_as_nobody(65534, 0, NULL);
	expect_as_nobody(65534, 2, groups);
	expect_as_nobody(TEST_GROUP, 0, NULL);
	expect_as_nobody(65534, 0, NULL);
	expect_region_memory();
}

/* As little as the system's bus allows. */
#define STRICT_RULES                                                                       \
	"<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>"                 \
	"<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>"                   \
	"<allow send_requested_reply=\"true\"/><allow receive_sender=\"*\"/>"              \
	"<allow send_destination=\"org.freedesktop.DBus\"/></policy>"

/* The policy file that is installed, seen from the top of the tree. */
static void test_policy_file(void)
{
	char *path = realpath("conf/org.iopfd1.conf", NULL), *rules;

	T_ASSERT(path);
	T_ASSERT(asprintf(&rules, STRICT_RULES "<include>%s</include>", path) > 0);
	t_bus_start(rules);
	free(path);
	free(rules);
	t_service_start("auto", "system");
	t_client = t_bus_client();
	if (geteuid() == 0) {
		T_WAIT(t_service_on_bus());
		expect_region_memory();
		expect_as_nobody(65534, 0, NULL);
	} else {
		puts("skipped: on such a bus only root and the user iopfd may own the name");
	}
	t_service_stop();
	t_client = sd_bus_flush_close_unref(t_client);
	t_bus_stop();
}

static void run_all(const char *loop)
{
	printf("# loop: %s\n", loop);
	t_service_begin(loop, "system");
	t_run(test_open);
	t_run(test_access);
	t_service_end();
}

int main(void)
{
	T_EQ(setenv("DBUS_SYSTEM_BUS_ADDRESS", t_bus_address(), 1), 0);
	t_owner.answers_at_once = true;
	t_bus_start(T_BUS_OPEN_RULES);
	run_all("libevent");
	run_all("auto");
	t_bus_stop();
	t_run(test_policy_file);
	return 0;
}
