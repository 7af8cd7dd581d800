/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every member of the interface as root, the daemon's user, the group iopfd and a stranger,
 * on a bus with the policy file that is installed and on one that lets everything through.
 * The members are those of the XML file; one that is not known here to be open to all must
 * be closed to strangers, so a new one cannot be forgotten.
 */
#include "control/service.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

/* Users and groups of this test only, which the message bus wants to find in the database. */
#define IOPFD 4711
#define ALICE 4712
#define BOB 4713
#define EVE 4714
#define OTHERS 4715
static const char passwd[] = "root:x:0:0::/:/bin/sh\niopfd:x:4711:4711::/:/bin/false\nalice:x:4712:4712::/:/bin/sh\n"
			     "bob:x:4713:4711::/:/bin/sh\neve:x:4714:4714::/:/bin/sh\n";
static const char group[] = "root:x:0:\niopfd:x:4711:alice\nalice:x:4712:\neve:x:4714:\nothers:x:4715:eve\n";

static const char *const open_to_all[] = {
	"ListDevices", "GetDevice", "GetDeviceByAddress", "GetSpace", "PlanReload", "CheckConfiguration",
	"OpenStatistics",
	"GetAttachments", "GetAttachmentStatistics", NULL,
};

struct member {
	char interface[64];
	char name[64];
	char types[8][8]; /* of arguments; of properties nothing */
	char args[8][32];
	unsigned n_args;
	bool is_property;
};

static struct member members[128];
static unsigned n_members;

/* The value of an attribute in a line of XML; false: there is none. */
static bool attribute(const char *line, const char *name, char *ret, size_t size)
{
	char text[32];
	const char *p;

	snprintf(text, sizeof(text), " %s=\"", name);
	p = strstr(line, text);
	if (!p)
		return false;
	p += strlen(text);
	T_ASSERT(strcspn(p, "\"") < size);
	snprintf(ret, size, "%.*s", (int)strcspn(p, "\""), p);
	return true;
}

static void read_members(void)
{
	FILE *f = fopen("conf/org.iopfd1.xml", "r");
	char line[512], interface[64] = "", direction[8];
	struct member *m = NULL;

	T_ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "<interface "))
			attribute(line, "name", interface, sizeof(interface));
		if (strstr(line, "<method ") || strstr(line, "<property ")) {
			T_ASSERT(n_members < sizeof(members) / sizeof(*members));
			m = &members[n_members++];
			strcpy(m->interface, interface);
			T_ASSERT(attribute(line, "name", m->name, sizeof(m->name)));
			m->is_property = strstr(line, "<property ");
		}
		if (strstr(line, "<arg ") && attribute(line, "direction", direction, sizeof(direction)) &&
		    !strcmp(direction, "in")) {
			T_ASSERT(m && m->n_args < 8);
			attribute(line, "type", m->types[m->n_args], sizeof(m->types[0]));
			attribute(line, "name", m->args[m->n_args++], sizeof(m->args[0]));
		}
	}
	fclose(f);
	T_ASSERT(n_members > 40);
}

static bool is_open(const struct member *m)
{
	for (const char *const *name = open_to_all; *name; name++)
		if (!strcmp(*name, m->name))
			return true;
	return m->is_property;
}

static const char *path_of(const struct member *m)
{
	return !strcmp(m->interface, T_DEVICE) ? T_NVME0 : !strcmp(m->interface, T_SPACE) ? T_DMA0 : SERVICE_PATH;
}

/* What makes sense, so that nothing else is refused first. */
static void append_arg(sd_bus_message *call, const char *type, const char *name)
{
	if (!strcmp(type, "s"))
		T_OK(sd_bus_message_append(call, "s", !strcmp(name, "region") ? "heap" : !strcmp(name,
												 "space") ? "dma1" :
							      !strcmp(name, "address") ? "vfio0" : "nvme0"));
	else if (!strcmp(type, "t"))
		T_OK(sd_bus_message_append(call, "t", !strcmp(name, "length") ? 4096ull : 0ull));
	else if (!strcmp(type, "u"))
		T_OK(sd_bus_message_append(call, "u", 9));
	else if (!strcmp(type, "a{sv}"))
		T_OK(sd_bus_message_append(call, "a{sv}", 0));
	else if (!strcmp(type, "h"))
		T_OK(sd_bus_message_append(call, "h", 0));
	else
		t_fail(__FILE__, __LINE__, "an argument of type %s", type);
}

/* 0, or the error: -EACCES only if it was denied. */
static int try_call(sd_bus_message *call)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(t_client, call, 0, &error, NULL);

	if (r < 0)
		r = sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) ? -EACCES : -EIO;
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	return r < 0 ? r : 0;
}

static int try_member(const struct member *m)
{
	sd_bus_message *call;

	if (m->is_property) {
		T_OK(sd_bus_message_new_method_call(t_client, &call, SERVICE_NAME, path_of(m), T_PROPERTIES, "Get"));
		T_OK(sd_bus_message_append(call, "ss", m->interface, m->name));
		return try_call(call);
	}
	T_OK(sd_bus_message_new_method_call(t_client, &call, SERVICE_NAME, path_of(m), m->interface, m->name));
	for (unsigned i = 0; i < m->n_args; i++)
		append_arg(call, m->types[i], m->args[i]);
	return try_call(call);
}

static int try_set(const char *property, const char *value)
{
	sd_bus_message *call;

	T_OK(sd_bus_message_new_method_call(t_client, &call, SERVICE_NAME, T_LOG_PATH, T_PROPERTIES, "Set"));
	T_OK(sd_bus_message_append(call, "ssv", T_LOG, property, "s", value));
	return try_call(call);
}

static int try_standard(const char *path, const char *interface, const char *member, const char *argument)
{
	sd_bus_message *call;

	T_OK(sd_bus_message_new_method_call(t_client, &call, SERVICE_NAME, path, interface, member));
	if (argument)
		T_OK(sd_bus_message_append(call, "s", argument));
	return try_call(call);
}

static unsigned n_wrong;

static void expect(const char *what, int result, bool allowed)
{
	if ((result != -EACCES) == allowed)
		return;
	printf("  %s: %s\n", what, allowed ? "denied" : "not denied");
	n_wrong++;
}

/* In a child: the exit code is 0 if all was as it should be. */
static void try_all(bool is_admin)
{
	t_client = t_bus_client();
	for (unsigned i = 0; i < n_members; i++)
		expect(members[i].name, try_member(&members[i]), is_admin || is_open(&members[i]));
	expect("LogLevel", try_set("LogLevel", "debug"), is_admin);
	expect("LogTarget", try_set("LogTarget", "stderr"), is_admin);
	expect("Introspect", try_standard(T_NVME0, "org.freedesktop.DBus.Introspectable", "Introspect", NULL), true);
	expect("GetManagedObjects", try_standard(SERVICE_PATH, "org.freedesktop.DBus.ObjectManager",
						 "GetManagedObjects", NULL),
	       true);
	expect("GetAll", try_standard(T_DMA0, T_PROPERTIES, "GetAll", T_STATISTICS), true);
	expect("Ping", try_standard(SERVICE_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL), true);
	fflush(stdout);
	_exit(n_wrong > 0);
}

struct role {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t group; /* one more; 0 = none */
	bool is_admin;
};

static void become(const struct role *role)
{
	if (geteuid() == role->uid && getuid() == role->uid)
		return;
	if (seteuid(0) < 0 || setgroups(role->group ? 1 : 0, &role->group) < 0 ||
	    setresgid(role->gid, role->gid, role->gid) < 0 || setresuid(role->uid, role->uid, role->uid) < 0)
		_exit(2);
}

static void expect_role(const struct role *role)
{
	unsigned n_commands = atomic_load(&t_owner.n_commands), n_asked = atomic_load(&t_owner.n_asked);
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	T_OK(child);
	if (!child) {
		become(role);
		try_all(role->is_admin);
	}
	T_EQ(waitpid(child, &status, 0), child);
	if (status)
		t_fail(__FILE__, __LINE__, "%s: status 0x%x", role->name, status);
	n_commands = atomic_load(&t_owner.n_commands) - n_commands;
	n_asked = atomic_load(&t_owner.n_asked) - n_asked;
	printf("%s: %u members, %u commands, %u questions\n", role->name, n_members, n_commands, n_asked);
	/* What a stranger was denied did not reach the owner: plan and check are open to him. */
	T_EQ(n_asked, role->is_admin ? 4 : 2);
	if (role->is_admin)
		T_ASSERT(n_commands >= 12);
	else
		T_EQ(n_commands, 0);
}

static const struct role roles[] = {
	{ "root", 0, 0, 0, true },
	{ "the daemon's user", IOPFD, IOPFD, 0, true },
	{ "group iopfd", ALICE, ALICE, IOPFD, true },
	{ "group iopfd, primary", BOB, IOPFD, 0, true },
	{ "stranger", EVE, EVE, 0, false },
	{ "stranger in another group", EVE, EVE, OTHERS, false },
};

static void test_roles(void)
{
	/* As the daemon runs; dbus-daemon and this test stay root's. */
	T_EQ(seteuid(IOPFD), 0);
	t_service_begin("auto", t_bus_address());
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		expect_role(&roles[i]);
	t_service_end();
	T_EQ(seteuid(0), 0);
}

static void test_own_user(void)
{
	const struct role self = { "own user", geteuid(), getegid(), 0, true };

	t_service_begin("auto", t_bus_address());
	expect_role(&self);
	t_service_end();
}

static void mount_over(const char *path, const char *contents)
{
	T_EQ(mount(t_write_file(strrchr(path, '/') + 1, contents), path, NULL, MS_BIND, NULL), 0);
}

/* As little as the system's bus allows. */
#define STRICT_RULES                                                                       \
	"<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>"                 \
	"<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>"                   \
	"<allow send_requested_reply=\"true\"/><allow receive_sender=\"*\"/>"              \
	"<allow send_destination=\"org.freedesktop.DBus\"/></policy>"

static void start_strict_bus(void)
{
	char *path = realpath("conf/org.iopfd1.conf", NULL), *rules;

	T_ASSERT(path);
	T_ASSERT(asprintf(&rules, STRICT_RULES "<include>%s</include>", path) > 0);
	t_bus_start(rules);
	free(path);
	free(rules);
}

int main(void)
{
	read_members();
	t_owner.answers_at_once = true;
	if (geteuid() != 0) {
		t_bus_start(T_BUS_OPEN_RULES);
		t_run(test_own_user);
		t_bus_stop();
		t_skip("only root can be root, a member of the group and a stranger");
	}
	if (unshare(CLONE_NEWNS) < 0)
		t_skip("no mount namespace of its own: %s", strerror(errno));
	T_EQ(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	mount_over("/etc/passwd", passwd);
	mount_over("/etc/group", group);
	puts("# the policy file");
	start_strict_bus();
	t_run(test_roles);
	t_bus_stop();
	puts("# a bus that lets everything through");
	t_bus_start(T_BUS_OPEN_RULES);
	t_run(test_roles);
	t_bus_stop();
	return 0;
}
