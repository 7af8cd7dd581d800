/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-service.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault/stats-page.h"
#include "loop/mailbox.h"
#include "t-bus.h"
#include "t.h"

struct t_service t_service;
sd_bus *t_client;
struct stats t_stats[3];

/* What the service sees of a policy. */
struct policy {
	const int *fd; /* NULL: no single file is its memory */
	uint64_t backed_bytes;
	struct iopfd_counter counters[2];
	size_t n_counters;
};

static int heap_fd = -1;
static struct policy heap_policy = {
	.fd = &heap_fd,
	.backed_bytes = 12288,
	.counters = { { "Fallbacks", 3 }, { "ReadErrors", 4 } },
	.n_counters = 2,
};
static struct policy shards_policy = { .backed_bytes = 100 };

int t_policy_memory(struct policy *p, struct iopfd_memory *ret_memory)
{
	if (!p->fd)
		return -EOPNOTSUPP;
	*ret_memory = (struct iopfd_memory){ .fd = *p->fd, .offset = 4096 };
	return 0;
}

uint64_t t_policy_backed_bytes(struct policy *p)
{
	return p->backed_bytes;
}

size_t t_policy_stats(struct policy *p, struct iopfd_counter *ret, size_t n)
{
	T_ASSERT(n >= p->n_counters);
	memcpy(ret, p->counters, sizeof(p->counters));
	return p->n_counters;
}

static int lend(struct device *d, int *ret_fd)
{
	(void)d;
	*ret_fd = dup(heap_fd);
	return 0;
}

static int lend_nothing(struct device *d, int *ret_fd)
{
	(void)d;
	(void)ret_fd;
	return -EOPNOTSUPP;
}

static size_t count(struct device *d, struct device_counter *ret, size_t size)
{
	(void)d;
	T_ASSERT(size >= 2);
	ret[0] = (struct device_counter){ "VerifyErrors", 0 };
	ret[1] = (struct device_counter){ "PagesVisited", 12 };
	return 2;
}

static const struct device_ops vfio_ops = { .name = "vfio", .lend = lend };
static const struct device_ops sim_ops = { .name = "sim", .lend = lend_nothing, .counters = count };

static struct device nvme0_device = {
	.ops = &vfio_ops,
	.sysfs_path = (char *)"/sys/devices/pci0000:00/0000:3d:00.0",
	.vfio_device = (char *)"/dev/vfio/devices/vfio0",
	.vendor_id = 0x1b36,
	.device_id = 0x0010,
};
static struct device sim0_device = { .ops = &sim_ops, .sysfs_path = (char *)"", .vfio_device = (char *)"" };

static struct region_entry dma0_regions[] = {
	{ "heap", 0x100000000, 0x1000000, 0x1000, "anon", "demand", "rw", &heap_policy },
	{ "shards", 0x200000000, 0x2000000, 0x10000, "anon", "deny", "r", &shards_policy },
};
static struct region_entry dma1_regions[] = { { "image", 0, 0x1000, 0x1000, "anon", "prefault", "w", NULL } };
static const atomic_uint_fast64_t mapped_bytes = 8192, extents_mapped = 2, nothing;
static struct stats space_stats[2];

struct space_entry t_dma0 = {
	.name = (char *)"dma0",
	.regions = dma0_regions,
	.n_regions = 2,
	.budget = 1 << 20,
	.stats = &space_stats[0],
	.mapped_bytes = &mapped_bytes,
	.extents_mapped = &extents_mapped,
};
struct space_entry t_dma1 = {
	.name = (char *)"dma1",
	.regions = dma1_regions,
	.n_regions = 1,
	.stats = &space_stats[1],
	.mapped_bytes = &nothing,
	.extents_mapped = &nothing,
};

static struct attachment_entry nvme0_attachments[] = {
	{ .pasid = PASID_NONE, .space = &t_dma0, .device = &t_nvme0, .stats = &t_stats[0], .attached = true },
	{ .pasid = 5, .space = &t_dma1, .device = &t_nvme0, .stats = &t_stats[1], .attached = true },
};
static struct attachment_entry sim0_attachments[] = {
	{ .pasid = PASID_NONE, .space = &t_dma0, .device = &t_sim0, .stats = &t_stats[2], .attached = true },
};

struct device_entry t_nvme0, t_sim0;

static char *config_files[] = { (char *)"/etc/iopfd/iopfd.conf",
			       (char *)"/etc/iopfd/iopfd.conf.d/60-nvme0.conf", NULL };
static const atomic_uint_fast64_t trace_dropped = 42;
static struct stats_page *stats_page;

static struct mailbox mailbox;
static pthread_t thread;
static sem_t done;

static void fill_directory(void)
{
	struct directory *d = &t_service.directory;

	t_nvme0 = (struct device_entry){
		.name = (char *)"nvme0",
		.address = (char *)"0000:3d:00.0",
		.source = (char *)"/etc/iopfd/iopfd.conf:3",
		.state = DEVICE_ACTIVE,
		.device = &nvme0_device,
	};
	t_sim0 = (struct device_entry){
		.name = (char *)"sim0",
		.address = (char *)"sim",
		.source = (char *)"",
		.state = DEVICE_ACTIVE,
		.device = &sim0_device,
	};
	TAILQ_INIT(&t_nvme0.attachments);
	TAILQ_INSERT_TAIL(&t_nvme0.attachments, &nvme0_attachments[0], link);
	TAILQ_INSERT_TAIL(&t_nvme0.attachments, &nvme0_attachments[1], link);
	TAILQ_INIT(&t_sim0.attachments);
	TAILQ_INSERT_TAIL(&t_sim0.attachments, &sim0_attachments[0], link);
	directory_init(d);
	d->state = MANAGER_RUNNING;
	d->backend = loop_name(t_service.loop);
	d->start_ns = 5000999;
	d->config_serial = 3;
	d->config_load_usec = 1700000000000000;
	d->config_files = config_files;
	d->trace_dropped = &trace_dropped;
	d->page = stats_page;
	TAILQ_INSERT_TAIL(&d->devices, &t_nvme0, link);
	TAILQ_INSERT_TAIL(&d->devices, &t_sim0, link);
	TAILQ_INSERT_TAIL(&d->spaces, &t_dma0, link);
	TAILQ_INSERT_TAIL(&d->spaces, &t_dma1, link);
}

static void *run(void *address)
{
	const struct service_hooks none = { 0 };

	t_service.tid = syscall(SYS_gettid);
	T_OK(mailbox_receive(&mailbox, t_service.loop));
	T_OK(service_new(t_service.loop, address, &t_service.directory, t_owner.absent ? &none : &t_owner_hooks,
			 &t_service.service));
	sem_post(&done);
	T_EQ(loop_run(t_service.loop), 0);
	t_service.service = service_free(t_service.service);
	return NULL;
}

void t_service_start(const char *loop, const char *address)
{
	int fd = memfd_create("heap", MFD_CLOEXEC);

	T_OK(fd);
	T_EQ(ftruncate(fd, 0x2000), 0);
	heap_fd = fd;
	memset(t_stats, 0, sizeof(t_stats));
	atomic_store(&t_owner.n_name_taken, 0);
	atomic_store(&t_owner.n_commands, 0);
	atomic_store(&t_owner.n_asked, 0);
	t_owner.attached = &t_sim0;
	T_OK(stats_page_new(4, &stats_page));
	T_OK(loop_new(loop, &t_service.loop));
	fill_directory();
	mailbox = (struct mailbox)MAILBOX_INIT;
	T_OK(mailbox_init(&mailbox, 4));
	T_EQ(sem_init(&done, 0, 0), 0);
	T_EQ(pthread_create(&thread, NULL, run, (void *)address), 0);
	sem_wait(&done);
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(t_service.loop, 0);
}

void t_service_stop(void)
{
	t_service_do(stop, NULL);
	pthread_join(thread, NULL);
	mailbox_deinit(&mailbox);
	t_service.loop = loop_free(t_service.loop);
	stats_page = stats_page_free(stats_page);
	close(heap_fd);
	sem_destroy(&done);
}

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static void run_call(void *arg)
{
	const struct call *c = arg;

	c->fn(c->arg);
	sem_post(&done);
}

void t_service_do(void (*fn)(void *arg), void *arg)
{
	struct call c = { fn, arg };

	T_OK(mailbox_post(&mailbox, run_call, &c));
	sem_wait(&done);
}

void t_device_failed(void *arg)
{
	(void)arg;
	t_nvme0.state = DEVICE_FAILED;
	service_device_changed(t_service.service, &t_nvme0);
}

void t_manager_degraded(void *arg)
{
	(void)arg;
	t_service.directory.state = MANAGER_DEGRADED;
	service_state_changed(t_service.service);
}

void t_device_removed(void *arg)
{
	(void)arg;
	service_device_removed(t_service.service, &t_nvme0);
	TAILQ_REMOVE(&t_service.directory.devices, &t_nvme0, link);
}

void t_device_added(void *arg)
{
	(void)arg;
	TAILQ_INSERT_TAIL(&t_service.directory.devices, &t_nvme0, link);
	service_device_added(t_service.service, &t_nvme0);
}

bool t_service_on_bus(void)
{
	return sd_bus_call_method(t_client, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", NULL,
				  NULL, "s", SERVICE_NAME) >= 0;
}

void t_service_begin(const char *loop, const char *address)
{
	t_service_start(loop, address);
	t_client = t_bus_client();
	T_WAIT(t_service_on_bus());
}

void t_service_end(void)
{
	t_service_stop();
	T_WAIT(!t_service_on_bus());
	t_client = sd_bus_flush_close_unref(t_client);
}

sd_bus_message *t_call(const char *path, const char *interface, const char *member, const char *types, ...)
{
	static sd_bus_message *reply;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list ap;
	int r;

	reply = sd_bus_message_unref(reply);
	va_start(ap, types);
	r = sd_bus_call_methodv(t_client, SERVICE_NAME, path, interface, member, &error, &reply, types, ap);
	va_end(ap);
	if (r < 0)
		t_fail(__FILE__, __LINE__, "%s.%s of %s: %s: %s", interface, member, path, error.name, error.message);
	return reply;
}

void t_expect_error(const char *name, const char *path, const char *interface, const char *member, const char *types,
		    ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = sd_bus_call_methodv(t_client, SERVICE_NAME, path, interface, member, &error, NULL, types, ap);
	va_end(ap);
	T_ASSERT(r < 0);
	T_STREQ(error.name, name);
	T_ASSERT(error.message && *error.message);
	sd_bus_error_free(&error);
}

sd_bus_message *t_get(const char *path, const char *interface, const char *property, const char *type)
{
	sd_bus_message *m = t_call(path, T_PROPERTIES, "Get", "ss", interface, property);

	T_OK(sd_bus_message_enter_container(m, 'v', type));
	return m;
}

const char *t_get_string(const char *path, const char *interface, const char *property)
{
	const char *value;

	T_OK(sd_bus_message_read(t_get(path, interface, property, "s"), "s", &value));
	return value;
}

uint64_t t_get_number(const char *path, const char *interface, const char *property, const char *type)
{
	union {
		uint16_t q;
		uint32_t u;
		int b;
		uint64_t t;
	} value;

	T_OK(sd_bus_message_read(t_get(path, interface, property, type), type, &value));
	return *type == 'q' ? value.q : *type == 'u' ? value.u : *type == 'b' ? (uint64_t)value.b : value.t;
}
