/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods that change something or give something to read: what the owner is asked for, and
 * what is refused before he hears of it.
 */
#include "control/service.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "control/service-error.h"
#include "fault/stats-page.h"
#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

#define INVALID_ARGS SD_BUS_ERROR_INVALID_ARGS
#define MANAGER SERVICE_PATH, T_MANAGER
#define REFUSE_ATTACH(...) t_expect_error(INVALID_ARGS, MANAGER, "AttachDevice", "sa{sv}", "n1", __VA_ARGS__)

static const struct t_command *last_command(enum t_hook hook)
{
	const struct t_command *c = &t_owner.commands[atomic_load(&t_owner.n_commands) - 1];

	T_ASSERT(atomic_load(&t_owner.n_commands) > 0);
	T_EQ(c->hook, hook);
	return c;
}

static void expect_device(enum device_command command, uint64_t usec)
{
	const struct t_command *c = last_command(T_HOOK_DEVICE);

	T_ASSERT(c->device == &t_nvme0);
	T_EQ(c->command, command);
	T_EQ(c->usec, usec);
}

static void test_device_commands(void)
{
	unsigned n;

	t_call(T_NVME0, T_DEVICE, "Detach", "t", 0ull);
	expect_device(DEVICE_COMMAND_DETACH, 0);
	t_call(T_NVME0, T_DEVICE, "Drain", "t", 5000000ull);
	expect_device(DEVICE_COMMAND_DRAIN, 5000000);
	t_call(T_NVME0, T_DEVICE, "Pause", "t", 7ull);
	expect_device(DEVICE_COMMAND_PAUSE, 7);
	t_call(T_NVME0, T_DEVICE, "Resume", NULL);
	expect_device(DEVICE_COMMAND_RESUME, 0);
	t_call(MANAGER, "DetachDevice", "st", "nvme0", 0ull);
	expect_device(DEVICE_COMMAND_DETACH, 0);
	t_call(T_NVME0, T_DEVICE, "AttachPasid", "us", 9, "dma1");
	T_EQ(last_command(T_HOOK_PASID)->pasid, 9);
	T_ASSERT(last_command(T_HOOK_PASID)->space == &t_dma1);
	t_call(T_NVME0, T_DEVICE, "DetachPasid", "u", 5);
	T_EQ(last_command(T_HOOK_PASID)->pasid, 5);
	T_ASSERT(!last_command(T_HOOK_PASID)->space);
	t_call(MANAGER, "Reload", NULL);
	last_command(T_HOOK_RELOAD);

	n = atomic_load(&t_owner.n_commands);
	t_expect_error(INVALID_ARGS, T_NVME0, T_DEVICE, "Detach", "t", 1ull);
	t_expect_error(INVALID_ARGS, T_NVME0, T_DEVICE, "Detach", "u", 0);
	t_expect_error(INVALID_ARGS, MANAGER, "DetachDevice", "st", "nvme0", 1ull << 63);
	t_expect_error(SERVICE_ERROR_NO_SUCH_DEVICE, MANAGER, "DetachDevice", "st", "vfio0", 0ull);
	t_expect_error(INVALID_ARGS, T_NVME0, T_DEVICE, "AttachPasid", "us", 0, "dma1");
	t_expect_error(INVALID_ARGS, T_NVME0, T_DEVICE, "AttachPasid", "us", 1u << 20, "dma1");
	t_expect_error(INVALID_ARGS, T_NVME0, T_DEVICE, "DetachPasid", "u", UINT32_MAX);
	t_expect_error(SERVICE_ERROR_NO_SUCH_SPACE, T_NVME0, T_DEVICE, "AttachPasid", "us", 1, "nvme0");
	T_EQ(atomic_load(&t_owner.n_commands), n);
}

static void expect_attach(const char *name, const char *text)
{
	const struct t_command *c = last_command(T_HOOK_ATTACH);

	T_STREQ(c->name, name);
	T_STREQ(c->text, text);
}

static void test_attach(void)
{
	const char *path;

	T_OK(sd_bus_message_read(t_call(MANAGER, "AttachDevice", "sa{sv}", "nvme0", 0), "o", &path));
	T_STREQ(path, T_SIM0); /* says the owner */
	expect_attach("nvme0", "(none)");

	t_call(MANAGER, "AttachDevice", "sa{sv}", "n1", 4, "address", "s", "0000:3d:00.1", "pasid", "as", 2,
	       "1:dma0", "2:dma1", "bus-master", "b", 1, "space", "s", "dma0");
	expect_attach("n1", "[device n1]\n"
			    "address = 0000:3d:00.1\n"
			    "pasid = 1:dma0\npasid = 2:dma1\n"
			    "bus-master = yes\n"
			    "space = dma0\n");

	t_call(MANAGER, "AttachDevice", "sa{sv}", "n2", 4, "budget", "t", 1ull << 40, "address", "s", "sim:a=b;c",
	       "regions", "a(sa{sv})", 2, "heap", 2, "iova", "t", 1ull << 32, "length", "s", "64G", "r_2", 0,
	       "numa-node", "u", 1);
	expect_attach("n2", "[device n2]\n"
			    "[space n2]\nbudget = 1099511627776\n[device n2]\n"
			    "address = sim:a=b;c\n"
			    "[region n2/heap]\niova = 4294967296\nlength = 64G\n[region n2/r_2]\n[device n2]\n"
			    "[space n2]\nnuma-node = 1\n[device n2]\n");
}

static void test_attach_fds(void)
{
	int device = memfd_create("device", MFD_CLOEXEC), memory = memfd_create("memory", MFD_CLOEXEC);
	const struct t_command *c;
	struct stat st[2];

	T_OK(device);
	T_OK(memory);
	T_EQ(fstat(device, &st[0]), 0);
	T_EQ(fstat(memory, &st[1]), 0);
	t_call(MANAGER, "AttachDeviceFd", "sha{sv}", "n1", device, 0);
	expect_attach("n1", "[device n1]\n");
	T_EQ(last_command(T_HOOK_ATTACH)->device_fd.st_ino, st[0].st_ino);

	t_call(MANAGER, "AttachDeviceFd", "sha{sv}", "n1", device, 1, "regions", "a(sa{sv})", 1, "r", 2,
	       "policy", "s", "fd", "fd", "h", memory);
	c = last_command(T_HOOK_ATTACH);
	T_EQ(c->device_fd.st_ino, st[0].st_ino);
	T_EQ(c->memory_fd.st_ino, st[1].st_ino);
	t_expect_error(INVALID_ARGS, MANAGER, "AttachDeviceFd", "sha{sv}", "n1", device, 1, "address", "s",
		       "0000:3d:00.1");
	REFUSE_ATTACH(1, "fd", "h", memory);
	REFUSE_ATTACH(1, "regions", "a(sa{sv})", 1, "r", 1, "iova", "h", memory);
	close(device);
	close(memory);
}

/* None of it reaches the owner, so none of it can say more than its key and value. */
static void test_attach_refused(void)
{
	static const char *const values[] = { "a\nb = c", "a\rb", "\t", "a\x7f", "a\x1b[1m", "\xc2\x85", " a",
					     "a ", "a ;b", ";a" };
	static const char *const keys[] = { "", "Address", "a b", "a=b", "[device x]", "a\n", "a:", "\xc3\xa4" };
	static const char *const names[] = { "", "a-b", "a/b", "a b", "\xc3\xa4",
					    "0123456789012345678901234567890123456789" };
	char *large = malloc(70000);
	unsigned n = atomic_load(&t_owner.n_commands);

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		REFUSE_ATTACH(1, "address", "s", values[i]);
		REFUSE_ATTACH(1, "pasid", "as", 2, "1:a", values[i]);
		REFUSE_ATTACH(1, "regions", "a(sa{sv})", 1, "r", 1, "path", "s", values[i]);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		REFUSE_ATTACH(1, keys[i], "s", "a");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		t_expect_error(INVALID_ARGS, MANAGER, "AttachDevice", "sa{sv}", names[i], 0);
		REFUSE_ATTACH(1, "regions", "a(sa{sv})", 1, names[i], 0);
	}
	REFUSE_ATTACH(1, "address", "d", 1.0);
	REFUSE_ATTACH(1, "address", "(s)", "a");
	REFUSE_ATTACH(1, "address", "v", "s", "a");
	REFUSE_ATTACH(1, "regions", "s", "a");
	REFUSE_ATTACH(2, "space", "s", "dma0", "budget", "s", "1G");
	REFUSE_ATTACH(2, "regions", "a(sa{sv})", 0, "space", "s", "dma0");
	t_expect_error(SERVICE_ERROR_NO_SUCH_DEVICE, MANAGER, "AttachDevice", "sa{sv}", "n1", 0);
	t_expect_error(SERVICE_ERROR_DEVICE_EXISTS, MANAGER, "AttachDevice", "sa{sv}", "nvme0", 1, "address",
		       "s", "sim");
	T_ASSERT(large);
	memset(large, 'x', 69999);
	large[69999] = 0;
	t_expect_error(SD_BUS_ERROR_LIMITS_EXCEEDED, MANAGER, "AttachDevice", "sa{sv}", "n1", 1, "address", "s",
		       large);
	free(large);
	T_EQ(atomic_load(&t_owner.n_commands), n);
}

static void test_configuration(void)
{
	const char *text, *file, *severity, *where, *message;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m;
	uint32_t line;

	t_owner.plan = "device nvme0: attach again\n";
	T_OK(sd_bus_message_read(t_call(MANAGER, "PlanReload", NULL), "s", &text));
	T_STREQ(text, "device nvme0: attach again\n");
	t_owner.why = "a.conf:1: what %s\na.conf:2: why";
	T_ASSERT(sd_bus_call_method(t_client, SERVICE_NAME, MANAGER, "PlanReload", &error, NULL, NULL) < 0);
	T_STREQ(error.name, SERVICE_ERROR_CONFIG_INVALID);
	T_STREQ(error.message, t_owner.why);
	sd_bus_error_free(&error);
	t_owner.why = NULL;

	m = t_call(MANAGER, "CheckConfiguration", NULL);
	T_OK(sd_bus_message_enter_container(m, 'a', "(susss)"));
	T_EQ(sd_bus_message_read(m, "(susss)", &file, &line, &severity, &where, &message), 1);
	T_STREQ(file, "/etc/iopfd/iopfd.conf");
	T_EQ(line, 3);
	T_STREQ(severity, "error");
	T_STREQ(where, "[device nvme0] space");
	T_STREQ(message, "there is no space 'x%s'");
	T_EQ(sd_bus_message_read(m, "(susss)", &file, &line, &severity, &where, &message), 1);
	T_EQ(line, 0);
	T_STREQ(severity, "warning");
	T_STREQ(where, "");
	T_EQ(sd_bus_message_read(m, "(susss)", &file, &line, &severity, &where, &message), 1);
	T_STREQ(where, "[space x]");
	T_EQ(sd_bus_message_at_end(m, 0), 1);
}

static void test_open_statistics(void)
{
	const struct stats_page_header *h;
	uint32_t version;
	uint64_t size;
	int fd;

	T_OK(sd_bus_message_read(t_call(MANAGER, "OpenStatistics", NULL), "htu", &fd, &size, &version));
	T_EQ(version, 1);
	h = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	T_ASSERT(h != MAP_FAILED);
	T_EQ(h->magic, STATS_PAGE_MAGIC);
	T_ASSERT(mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	munmap((void *)h, size);
}

static void test_open_trace(void)
{
	unsigned n;
	int fd;

	T_OK(sd_bus_message_read(t_call(MANAGER, "OpenTrace", "a{sv}", 0), "h", &fd));
	T_ASSERT(!t_owner.trace_device && !t_owner.trace_space && !t_owner.trace_invalid_only);
	t_call(MANAGER, "OpenTrace", "a{sv}", 3, "device", "s", "nvme0", "space", "s", "dma1", "invalid-only", "b",
	       1);
	T_ASSERT(t_owner.trace_device == &t_nvme0 && t_owner.trace_space == &t_dma1 && t_owner.trace_invalid_only);

	n = atomic_load(&t_owner.n_asked);
	t_expect_error(SERVICE_ERROR_NO_SUCH_DEVICE, MANAGER, "OpenTrace", "a{sv}", 1, "device", "s", "x");
	t_expect_error(SERVICE_ERROR_NO_SUCH_SPACE, MANAGER, "OpenTrace", "a{sv}", 1, "space", "s", "x");
	t_expect_error(INVALID_ARGS, MANAGER, "OpenTrace", "a{sv}", 1, "space", "u", 1);
	t_expect_error(INVALID_ARGS, MANAGER, "OpenTrace", "a{sv}", 1, "invalid-only", "s", "yes");
	t_expect_error(INVALID_ARGS, MANAGER, "OpenTrace", "a{sv}", 1, "pasid", "u", 1);
	T_EQ(atomic_load(&t_owner.n_asked), n);
	t_owner.trace_error = -ENOSPC;
	t_expect_error(SERVICE_ERROR_LIMIT_EXCEEDED, MANAGER, "OpenTrace", "a{sv}", 0);
	t_owner.trace_error = 0;
}

static void test_dump(void)
{
	char line[32], wanted[32];
	struct stat st;
	FILE *f;
	int fd;

	T_OK(sd_bus_message_read(t_call(MANAGER, "DumpByFileDescriptor", NULL), "h", &fd));
	T_EQ(fstat(fd, &st), 0);
	T_ASSERT(write(fd, "x", 1) < 0 && ftruncate(fd, 0) < 0);
	f = fdopen(dup(fd), "r");
	T_ASSERT(f);
	for (int i = 0; i < 10000; i++) {
		snprintf(wanted, sizeof(wanted), "line %d\n", i);
		T_ASSERT(fgets(line, sizeof(line), f));
		T_STREQ(line, wanted);
	}
	T_ASSERT(!fgets(line, sizeof(line), f));
	fclose(f);
}

static void set_log(const char *property, const char *value)
{
	t_call(T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_LOG, property, "s", value);
}

static void test_log(void)
{
	int before = log_get_max_level();

	T_STREQ(t_get_string(T_LOG_PATH, T_LOG, "SyslogIdentifier"), "iopfd");
	T_STREQ(t_get_string(T_LOG_PATH, T_LOG, "LogTarget"), "stderr");
	set_log("LogLevel", "err");
	T_EQ(log_get_max_level(), LOG_ERR);
	T_STREQ(t_get_string(T_LOG_PATH, T_LOG, "LogLevel"), "err");
	t_expect_error(INVALID_ARGS, T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_LOG, "LogLevel", "s", "loud");
	t_expect_error(INVALID_ARGS, T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_LOG, "LogLevel", "u", 3);
	t_expect_error(INVALID_ARGS, T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_LOG, "LogTarget", "s", "kmsg");
	T_EQ(log_get_max_level(), LOG_ERR);
	set_log("LogTarget", "console");
	T_STREQ(t_get_string(T_LOG_PATH, T_LOG, "LogTarget"), "stderr");
	/* What was resolved is shown. */
	T_EQ(unsetenv("JOURNAL_STREAM"), 0);
	set_log("LogTarget", "auto");
	T_STREQ(t_get_string(T_LOG_PATH, T_LOG, "LogTarget"), "stderr");
	t_expect_error(SD_BUS_ERROR_PROPERTY_READ_ONLY, T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_LOG,
		       "SyslogIdentifier", "s", "x");
	t_expect_error(SD_BUS_ERROR_UNKNOWN_PROPERTY, T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_LOG,
		       "LogColour", "s", "x");
	t_expect_error(SD_BUS_ERROR_UNKNOWN_INTERFACE, T_LOG_PATH, T_PROPERTIES, "Set", "ssv", T_MANAGER,
		       "State", "s", "x");
	log_set_max_level(before);
}

/* The last argument of each call is what the owner says. */
static struct {
	int error;
	const char *text;
} verdict;

static void fail_last(void *arg)
{
	struct service_call *call = last_command(*(enum t_hook *)arg)->call;

	if (verdict.text)
		service_call_fail(call, verdict.error, verdict.text);
	else
		service_call_reply(call, -verdict.error, 0);
}

static sd_bus_error got;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	(void)ret_error;
	sd_bus_error_free(&got);
	sd_bus_error_copy(&got, sd_bus_message_get_error(m));
	*(bool *)userdata = true;
	return 0;
}

static void expect_verdict(enum t_hook hook, int error, const char *text, const char *name)
{
	unsigned n = atomic_load(&t_owner.n_commands);
	bool replied = false;

	verdict.error = error;
	verdict.text = text;
	T_OK(sd_bus_call_method_async(t_client, NULL, SERVICE_NAME, hook == T_HOOK_RELOAD ? SERVICE_PATH : T_NVME0,
				      hook == T_HOOK_RELOAD ? T_MANAGER : T_DEVICE,
				      hook == T_HOOK_RELOAD ? "Reload" : "Resume", on_reply, &replied, NULL));
	T_OK(sd_bus_flush(t_client));
	T_WAIT(atomic_load(&t_owner.n_commands) > n);
	t_service_do(fail_last, &hook);
	while (!replied) {
		T_OK(sd_bus_process(t_client, NULL));
		T_OK(sd_bus_wait(t_client, 1000));
	}
	T_STREQ(got.name, name);
	if (text)
		T_STREQ(got.message, text);
	else
		T_ASSERT(got.message && *got.message);
	sd_bus_error_free(&got);
}

/* Each errno has its name, and each name its errno. */
static void test_errors(void)
{
	char *large = malloc(100000);
	unsigned n = 0;

	for (const sd_bus_error_map *e = service_error_map; e->name; e++, n++) {
		sd_bus_error error = SD_BUS_ERROR_NULL;

		expect_verdict(T_HOOK_DEVICE, e->code, "Because of 100%.", e->name);
		expect_verdict(T_HOOK_DEVICE, e->code, NULL, e->name);
		T_EQ(sd_bus_error_set(&error, e->name, "what"), -e->code);
		sd_bus_error_free(&error);
	}
	T_EQ(n, 18);
	expect_verdict(T_HOOK_DEVICE, EOPNOTSUPP, "No.", SD_BUS_ERROR_NOT_SUPPORTED);
	expect_verdict(T_HOOK_DEVICE, EPIPE, "Broken.", "System.Error.EPIPE");
	T_ASSERT(large);
	memset(large, 'x', 99999);
	large[99999] = 0;
	expect_verdict(T_HOOK_RELOAD, EINVAL, large, SERVICE_ERROR_CONFIG_INVALID);
	free(large);
}

static void test_nobody_there(void)
{
	const char *no = SD_BUS_ERROR_NOT_SUPPORTED;
	sd_bus_message *m;
	const char *name;

	t_expect_error(no, T_NVME0, T_DEVICE, "Resume", NULL);
	t_expect_error(no, T_NVME0, T_DEVICE, "AttachPasid", "us", 1, "dma0");
	t_expect_error(no, MANAGER, "AttachDevice", "sa{sv}", "nvme0", 0);
	t_expect_error(no, MANAGER, "Reload", NULL);
	t_expect_error(no, MANAGER, "PlanReload", NULL);
	t_expect_error(no, MANAGER, "CheckConfiguration", NULL);
	t_expect_error(no, MANAGER, "OpenTrace", "a{sv}", 0);
	t_expect_error(no, MANAGER, "DumpByFileDescriptor", NULL);
	t_expect_error(no, T_DMA0, T_SPACE, "Flush", "s", "");
	m = t_get(MANAGER, "Features", "as");
	T_EQ(sd_bus_message_read(m, "as", 1, &name), 1);
	T_STREQ(name, "statistics-page");
}

static void run_all(const char *loop)
{
	printf("# loop: %s\n", loop);
	t_owner.answers_at_once = true;
	t_service_begin(loop, t_bus_address());
	t_run(test_device_commands);
	t_run(test_attach);
	t_run(test_attach_fds);
	t_run(test_attach_refused);
	t_run(test_configuration);
	t_run(test_open_statistics);
	t_run(test_open_trace);
	t_run(test_dump);
	t_run(test_log);
	t_service_end();
	t_owner.answers_at_once = false;
	t_service_begin(loop, t_bus_address());
	t_run(test_errors);
	t_service_end();
	t_owner.absent = true;
	t_service_begin(loop, t_bus_address());
	t_run(test_nobody_there);
	t_service_end();
	t_owner.absent = false;
}

int main(void)
{
	t_bus_start(T_BUS_OPEN_RULES);
	run_all("libevent");
	run_all("auto");
	t_bus_stop();
	return 0;
}
