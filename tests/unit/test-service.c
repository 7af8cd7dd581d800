/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every member of org.iopfd1, asked for over a real message bus.
 */
#include "control/service.h"

#include <pthread.h>
#include <sys/resource.h>

#include "t-bus.h"
#include "t-service.h"
#include "t.h"

T_SERVICE_POLICIES

static void test_manager(void)
{
	sd_bus_message *m;
	const char *s[5];
	uint64_t n;

	T_STREQ(t_get_string(SERVICE_PATH, T_MANAGER, "Version"), IOPFD_VERSION);
	T_STREQ(t_get_string(SERVICE_PATH, T_MANAGER, "State"), "running");
	T_STREQ(t_get_string(SERVICE_PATH, T_MANAGER, "Backend"), t_service.directory.backend);
	T_EQ(t_get_number(SERVICE_PATH, T_MANAGER, "DeviceCount", "u"), 2);
	T_EQ(t_get_number(SERVICE_PATH, T_MANAGER, "StartTimestampMonotonicUSec", "t"), 5000);

	T_EQ(t_get_number(SERVICE_PATH, T_MANAGER, "ConfigSerial", "t"), 3);
	T_EQ(t_get_number(SERVICE_PATH, T_MANAGER, "ConfigLoadTimestampUSec", "t"), 1700000000000000);
	T_EQ(t_get_number(SERVICE_PATH, T_MANAGER, "LockedBytes", "t"), 8192);
	T_ASSERT(t_get_number(SERVICE_PATH, T_MANAGER, "UptimeUSec", "t") > 0);
	T_OK(sd_bus_message_read(t_get(SERVICE_PATH, T_MANAGER, "ConfigFiles", "as"), "as", 2, &s[0], &s[1]));
	T_STREQ(s[1], "/etc/iopfd/iopfd.conf.d/60-nvme0.conf");
	T_OK(sd_bus_message_read(t_get(SERVICE_PATH, T_MANAGER, "LastReloadError", "(ss)"), "(ss)", &s[0], &s[1]));
	T_STREQ(s[0], "");
	T_STREQ(s[1], "");
	T_OK(sd_bus_message_enter_container(t_get(SERVICE_PATH, T_MANAGER, "KernelFeatures", "as"), 'a', "s"));

	T_OK(sd_bus_message_read(t_call(SERVICE_PATH, T_MANAGER, "GetDevice", "s", "nvme0"), "o", &s[0]));
	T_STREQ(s[0], T_NVME0);
	T_OK(sd_bus_message_read(t_call(SERVICE_PATH, T_MANAGER, "GetDevice", "s", "vfio0"), "o", &s[0]));
	T_STREQ(s[0], T_NVME0);
	T_OK(sd_bus_message_read(t_call(SERVICE_PATH, T_MANAGER, "GetDeviceByAddress", "s", "vfio0"), "o", &s[0]));
	T_STREQ(s[0], T_NVME0);
	T_OK(sd_bus_message_read(t_call(SERVICE_PATH, T_MANAGER, "GetSpace", "s", "dma1"), "o", &s[0]));
	T_STREQ(s[0], T_DMA1);

	t_stats[0].values.faults_total = 3;
	t_stats[1].values.faults_total = 4;
	m = t_call(SERVICE_PATH, T_MANAGER, "ListDevices", NULL);
	T_OK(sd_bus_message_enter_container(m, 'a', "(sossst)"));
	T_OK(sd_bus_message_read(m, "(sossst)", &s[0], &s[1], &s[2], &s[3], &s[4], &n));
	T_STREQ(s[0], "nvme0");
	T_STREQ(s[1], T_NVME0);
	T_STREQ(s[2], "0000:3d:00.0");
	T_STREQ(s[3], "active");
	T_STREQ(s[4], "vfio");
	T_EQ(n, 7);
	T_OK(sd_bus_message_read(m, "(sossst)", &s[0], &s[1], &s[2], &s[3], &s[4], &n));
	T_STREQ(s[1], T_SIM0);
	T_STREQ(s[4], "sim");
	T_EQ(n, 0);
	T_EQ(sd_bus_message_at_end(m, 0), 1);
}

static void test_device(void)
{
	const char *a, *b;
	sd_bus_message *m;
	uint32_t pasid;
	uint64_t n;

	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "Name"), "nvme0");
	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "Address"), "0000:3d:00.0");
	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "SysfsPath"), "/sys/devices/pci0000:00/0000:3d:00.0");
	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "VfioDevice"), "/dev/vfio/devices/vfio0");
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "VendorId", "q"), 0x1b36);
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "DeviceId", "q"), 0x10);
	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "State"), "active");
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "Lent", "b"), 0);
	T_OK(sd_bus_message_read(t_get(T_NVME0, T_DEVICE, "LastError", "(ss)"), "(ss)", &a, &b));
	T_STREQ(a, "");
	T_STREQ(b, "");
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "Transient", "b"), 0);
	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "ConfigSource"), "/etc/iopfd/iopfd.conf:3");
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "PasidCount", "u"), 1);
	T_EQ(t_get_number(T_SIM0, T_DEVICE, "Transient", "b"), 1);
	T_STREQ(t_get_string(T_SIM0, T_DEVICE, "ConfigSource"), "");
	T_EQ(t_get_number(T_SIM0, T_DEVICE, "PasidCount", "u"), 0);
	T_STREQ(t_get_string(T_SIM0, T_DEVICE, "SysfsPath"), "");
	T_STREQ(t_get_string(T_SIM0, T_DEVICE, "VfioDevice"), "");

	m = t_get(T_NVME0, T_DEVICE, "EngineCounters", "a{st}");
	T_EQ(sd_bus_message_enter_container(m, 'a', "{st}"), 1);
	T_EQ(sd_bus_message_at_end(m, 0), 1);
	m = t_get(T_SIM0, T_DEVICE, "EngineCounters", "a{st}");
	T_EQ(sd_bus_message_enter_container(m, 'a', "{st}"), 1);
	T_EQ(sd_bus_message_read(m, "{st}", &a, &n), 1);
	T_STREQ(a, "VerifyErrors");
	T_EQ(sd_bus_message_read(m, "{st}", &a, &n), 1);
	T_STREQ(a, "PagesVisited");
	T_EQ(n, 12);
	T_EQ(sd_bus_message_at_end(m, 0), 1);

	m = t_call(T_NVME0, T_DEVICE, "GetAttachments", NULL);
	T_EQ(sd_bus_message_enter_container(m, 'a', "(us)"), 1);
	T_EQ(sd_bus_message_read(m, "(us)", &pasid, &a), 1);
	T_EQ(pasid, 0xffffffff);
	T_STREQ(a, "dma0");
	T_EQ(sd_bus_message_read(m, "(us)", &pasid, &a), 1);
	T_EQ(pasid, 5);
	T_STREQ(a, "dma1");
	T_EQ(sd_bus_message_at_end(m, 0), 1);
}

static void limit_memory(void *arg)
{
	struct rlimit limit;

	T_EQ(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	limit.rlim_cur = *(rlim_t *)arg;
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	t_service.directory.reload_error = EINVAL;
	t_service.directory.reload_error_text = (char *)"a.conf:1: what";
}

static void test_limits(void)
{
	const char *name, *text;

	t_service_do(limit_memory, &(rlim_t){ 65536 });
	T_EQ(t_get_number(SERVICE_PATH, T_MANAGER, "LockedBytesLimit", "t"), 65536);
	T_OK(sd_bus_message_read(t_get(SERVICE_PATH, T_MANAGER, "LastReloadError", "(ss)"), "(ss)", &name, &text));
	T_STREQ(name, "EINVAL");
	T_STREQ(text, "a.conf:1: what");
}

/* The same counters as the object's, of each attachment alone. */
static void test_attachment_statistics(void)
{
	uint64_t faults[2] = { 0 }, value;
	unsigned n_attachments = 0;
	const char *space, *name;
	sd_bus_message *m;
	uint32_t pasid;

	memset(t_stats, 0, sizeof(t_stats));
	t_stats[0].values.faults_total = 11;
	t_stats[1].values.faults_total = 12;
	t_stats[1].values.faults_pending = 7;
	m = t_call(T_NVME0, T_DEVICE, "GetAttachmentStatistics", NULL);
	T_EQ(sd_bus_message_enter_container(m, 'a', "(usa{st})"), 1);
	while (sd_bus_message_enter_container(m, 'r', "usa{st}") > 0) {
		unsigned n = 0;

		T_EQ(sd_bus_message_read(m, "us", &pasid, &space), 1);
		T_EQ(pasid, n_attachments ? 5 : 0xffffffff);
		T_STREQ(space, n_attachments ? "dma1" : "dma0");
		T_EQ(sd_bus_message_enter_container(m, 'a', "{st}"), 1);
		for (; sd_bus_message_read(m, "{st}", &name, &value) > 0; n++) {
			if (!strcmp(name, "FaultsTotal"))
				faults[n_attachments] = value;
			if (!strcmp(name, "FaultsPending"))
				T_EQ(value, n_attachments ? 7 : 0);
		}
		T_EQ(n, 28);
		T_OK(sd_bus_message_exit_container(m));
		T_OK(sd_bus_message_exit_container(m));
		n_attachments++;
	}
	T_EQ(n_attachments, 2);
	T_EQ(faults[0], 11);
	T_EQ(faults[1], 12);
	T_EQ(t_get_number(T_NVME0, T_STATISTICS, "TraceDropped", "t"), 42);
}

static void detach_pasid(void *arg)
{
	TAILQ_LAST(&t_nvme0.attachments, attachment_list)->attached = *(bool *)arg;
}

/* Named in the configuration, but not attached at present. */
static void test_attached_only(void)
{
	sd_bus_message *m;

	t_service_do(detach_pasid, &(bool){ false });
	T_EQ(t_get_number(T_NVME0, T_DEVICE, "PasidCount", "u"), 0);
	m = t_call(T_NVME0, T_DEVICE, "GetAttachments", NULL);
	T_EQ(sd_bus_message_enter_container(m, 'a', "(us)"), 1);
	T_EQ(sd_bus_message_skip(m, "(us)"), 1);
	T_EQ(sd_bus_message_at_end(m, 0), 1);
	m = t_call(T_NVME0, T_DEVICE, "GetAttachmentStatistics", NULL);
	T_EQ(sd_bus_message_enter_container(m, 'a', "(usa{st})"), 1);
	T_EQ(sd_bus_message_skip(m, "(usa{st})"), 1);
	T_EQ(sd_bus_message_at_end(m, 0), 1);
	t_service_do(detach_pasid, &(bool){ true });
}

static void test_space(void)
{
	const char *name, *policy, *access, *on_fault, *key[3];
	uint64_t iova, length, granule;
	sd_bus_message *m;

	T_STREQ(t_get_string(T_DMA0, T_SPACE, "Name"), "dma0");
	T_EQ(t_get_number(T_DMA0, T_SPACE, "Budget", "t"), 1 << 20);
	T_EQ(t_get_number(T_DMA1, T_SPACE, "Budget", "t"), 0);
	T_EQ(t_get_number(T_DMA0, T_SPACE, "MappedBytes", "t"), 8192);
	T_EQ(t_get_number(T_DMA0, T_SPACE, "BackedBytes", "t"), 12288 + 100);
	T_EQ(t_get_number(T_DMA1, T_SPACE, "BackedBytes", "t"), 0);
	T_EQ(t_get_number(T_DMA0, T_SPACE, "ExtentsMapped", "t"), 2);
	T_EQ(t_get_number(T_DMA1, T_SPACE, "MappedBytes", "t"), 0);

	m = t_get(T_DMA0, T_SPACE, "Regions", "a(sttsa{sv})");
	T_EQ(sd_bus_message_enter_container(m, 'a', "(sttsa{sv})"), 1);
	for (int i = 0; i < 2; i++)
		T_EQ(sd_bus_message_read(m, "(sttsa{sv})", &name, &iova, &length, &policy, 3, &key[0], "t", &granule,
					 &key[1], "s", &access, &key[2], "s", &on_fault), 1);
	T_EQ(sd_bus_message_at_end(m, 0), 1);
	T_STREQ(name, "shards");
	T_EQ(iova, 0x200000000);
	T_EQ(length, 0x2000000);
	T_STREQ(policy, "anon");
	T_STREQ(key[0], "granule");
	T_EQ(granule, 0x10000);
	T_STREQ(key[1], "access");
	T_STREQ(access, "r");
	T_STREQ(key[2], "on-fault");
	T_STREQ(on_fault, "deny");

	m = t_get(T_DMA0, T_SPACE, "Devices", "ao");
	T_OK(sd_bus_message_read(m, "ao", 2, &key[0], &key[1]));
	T_STREQ(key[0], T_NVME0);
	T_STREQ(key[1], T_SIM0);
	T_OK(sd_bus_message_read(t_get(T_DMA1, T_SPACE, "Devices", "ao"), "ao", 1, &key[0]));
	T_STREQ(key[0], T_NVME0);
}

static void test_policy_counters(void)
{
	const char *region, *name[2];
	uint64_t value[2];
	sd_bus_message *m;

	/* Shards count nothing. */
	m = t_get(T_DMA0, T_SPACE, "PolicyCounters", "a{sa{st}}");
	T_EQ(sd_bus_message_read(m, "a{sa{st}}", 1, &region, 2, &name[0], &value[0], &name[1], &value[1]), 1);
	T_STREQ(region, "heap");
	T_STREQ(name[0], "Fallbacks");
	T_EQ(value[0], 3);
	T_STREQ(name[1], "ReadErrors");
	T_EQ(value[1], 4);
	/* Not open. */
	m = t_get(T_DMA1, T_SPACE, "PolicyCounters", "a{sa{st}}");
	T_EQ(sd_bus_message_enter_container(m, 'a', "{sa{st}}"), 1);
	T_EQ(sd_bus_message_at_end(m, 0), 1);
}

/* All stages are there in their order, empty but for the fills of 1 us and of 7 ms. */
static void check_stages(const char *path, uint64_t n_short, uint64_t n_long)
{
	static const char *const names[] = { "queue", "held", "room", "fill", "map", "answer" };
	sd_bus_message *m = t_get(path, T_STATISTICS, "LatencyByStage", "a{sa(tt)}");
	uint64_t max_ns, count;
	const char *name;

	T_EQ(sd_bus_message_enter_container(m, 'a', "{sa(tt)}"), 1);
	for (unsigned i = 0; i < 6; i++) {
		T_EQ(sd_bus_message_enter_container(m, 'e', "sa(tt)"), 1);
		T_EQ(sd_bus_message_read(m, "s", &name), 1);
		T_STREQ(name, names[i]);
		T_EQ(sd_bus_message_enter_container(m, 'a', "(tt)"), 1);
		if (i == 3 && n_short) {
			T_EQ(sd_bus_message_read(m, "(tt)", &max_ns, &count), 1);
			T_EQ(max_ns, 1023);
			T_EQ(count, n_short);
			T_EQ(sd_bus_message_read(m, "(tt)", &max_ns, &count), 1);
			T_EQ(max_ns, (1u << 23) - 1);
			T_EQ(count, n_long);
		}
		T_EQ(sd_bus_message_at_end(m, 0), 1);
		T_OK(sd_bus_message_exit_container(m));
		T_OK(sd_bus_message_exit_container(m));
	}
	T_EQ(sd_bus_message_at_end(m, 0), 1);
}

/* Each counter shows its own field, on all three kinds of object. */
static void test_statistics(void)
{
	static const struct {
		const char *name;
		const char *type;
		size_t field;
	} counters[] = {
#define FIELD(name, type, field) { name, type, offsetof(struct stats_values, field) }
		FIELD("FaultsTotal", "t", faults_total),
		FIELD("FaultGroupsTotal", "t", fault_groups_total),
		FIELD("FaultsRead", "t", faults_read),
		FIELD("FaultsWrite", "t", faults_write),
		FIELD("FaultsExec", "t", faults_exec),
		FIELD("FaultsPasid", "t", faults_pasid),
		FIELD("ResponsesSuccess", "t", responses_success),
		FIELD("ResponsesInvalid", "t", responses_invalid),
		FIELD("ResponsesStale", "t", responses_stale),
		FIELD("RecordsMalformed", "t", records_malformed),
		FIELD("FaultsPending", "u", faults_pending),
		FIELD("FaultsPendingMax", "u", faults_pending_max),
		FIELD("BytesMapped", "t", bytes_mapped),
		FIELD("BytesUnmapped", "t", bytes_unmapped),
		FIELD("Evictions", "t", evictions),
		FIELD("Refaults", "t", refaults),
		FIELD("BytesWrittenBack", "t", bytes_written_back),
		FIELD("FillErrors", "t", fill_errors),
		FIELD("GroupsOverBudget", "t", groups_over_budget),
		FIELD("GroupsPastDeadline", "t", groups_past_deadline),
		FIELD("ExtentsAround", "t", prefetched),
		FIELD("ServiceTimeNSecSum", "t", service_time_sum_ns),
		FIELD("ServiceTimeNSecMax", "t", service_time_max_ns),
	};
	const size_t n = sizeof(counters) / sizeof(*counters);
	struct stats_values *v = &t_stats[1].values; /* nvme0's in dma1 */
	uint64_t max_ns, count, before;
	sd_bus_message *m;

	memset(t_stats, 0, sizeof(t_stats));
	for (size_t i = 0; i < n; i++)
		*(uint64_t *)(void *)((char *)v + counters[i].field) = 100 + i;
	for (size_t i = 0; i < n; i++) {
		T_EQ(t_get_number(T_NVME0, T_STATISTICS, counters[i].name, counters[i].type), 100 + i);
		T_EQ(t_get_number(T_DMA1, T_STATISTICS, counters[i].name, counters[i].type), 100 + i);
		T_EQ(t_get_number(SERVICE_PATH, T_STATISTICS, counters[i].name, counters[i].type), 100 + i);
		T_EQ(t_get_number(T_SIM0, T_STATISTICS, counters[i].name, counters[i].type), 0);
		T_EQ(t_get_number(T_DMA0, T_STATISTICS, counters[i].name, counters[i].type), 0);
	}

	for (unsigned i = 0; i < 1000; i++)
		v->latency.buckets[histogram_bucket(i < 980 ? 1000 : i < 998 ? 50000 : 7000000)]++;
	T_EQ(t_get_number(T_NVME0, T_STATISTICS, "LatencyP50NSec", "t"), histogram_percentile(&v->latency, 500));
	T_EQ(t_get_number(T_NVME0, T_STATISTICS, "LatencyP99NSec", "t"), histogram_percentile(&v->latency, 990));
	T_EQ(t_get_number(T_NVME0, T_STATISTICS, "LatencyP999NSec", "t"), histogram_percentile(&v->latency, 999));
	T_ASSERT(histogram_percentile(&v->latency, 500) < histogram_percentile(&v->latency, 990));
	T_ASSERT(histogram_percentile(&v->latency, 990) < histogram_percentile(&v->latency, 999));

	m = t_get(T_NVME0, T_STATISTICS, "LatencyBuckets", "a(tt)");
	T_EQ(sd_bus_message_enter_container(m, 'a', "(tt)"), 1);
	for (unsigned i = 0; i < 3; i++) {
		T_EQ(sd_bus_message_read(m, "(tt)", &max_ns, &count), 1);
		T_EQ(max_ns, histogram_bucket_max(histogram_bucket(i == 0 ? 1000 : i == 1 ? 50000 : 7000000)));
		T_EQ(count, i == 0 ? 980 : i == 1 ? 18 : 2);
	}
	T_EQ(sd_bus_message_at_end(m, 0), 1);

	v->stages[STAGE_FILL].buckets[histogram_coarse_bucket(1000)] = 5;
	v->stages[STAGE_FILL].buckets[histogram_coarse_bucket(7000000)] = 6;
	check_stages(T_NVME0, 5, 6);
	check_stages(T_DMA1, 5, 6);
	check_stages(SERVICE_PATH, 5, 6);
	check_stages(T_SIM0, 0, 0);

	before = t_get_number(T_NVME0, T_STATISTICS, "SnapshotMonotonicUSec", "t");
	T_ASSERT(before > 0 && t_get_number(T_NVME0, T_STATISTICS, "SnapshotMonotonicUSec", "t") >= before);
}

static atomic_bool stop_writer;

static void set(uint64_t *value, uint64_t to)
{
	__atomic_store_n(value, to, __ATOMIC_RELAXED);
}

/* Keeps up to 3 groups open and closes them in one of three ways. */
static void *write_stats(void *arg)
{
	struct stats *s = arg;
	struct stats_values *v = &s->values;
	uint64_t *const answers[] = { &v->responses_success, &v->responses_invalid, &v->responses_stale };

	for (uint64_t i = 0; !atomic_load(&stop_writer); i++) {
		uint64_t *answer = answers[i % 3];

		stats_begin(s);
		set(&v->fault_groups_total, v->fault_groups_total + 1);
		set(&v->faults_total, v->faults_total + 2);
		if (v->faults_pending < 3)
			set(&v->faults_pending, v->faults_pending + 1);
		else
			set(answer, *answer + 1);
		stats_end(s);
	}
	return NULL;
}

/* One GetAll; the equation holds whatever the writer does. Returns FaultGroupsTotal. */
static uint64_t check_get_all(const char *path)
{
	uint64_t groups = 0, faults = 0, answered = 0, value64 = 0;
	sd_bus_message *m = t_call(path, T_PROPERTIES, "GetAll", "s", T_STATISTICS);
	const char *name, *type;
	uint32_t value32 = 0;
	unsigned n = 0;

	T_EQ(sd_bus_message_enter_container(m, 'a', "{sv}"), 1);
	for (; sd_bus_message_enter_container(m, 'e', "sv") > 0; n++) {
		T_EQ(sd_bus_message_read(m, "s", &name), 1);
		T_EQ(sd_bus_message_peek_type(m, NULL, &type), 1);
		if (*type == 'u')
			T_EQ(sd_bus_message_read(m, "v", "u", &value32), 1);
		else
			T_EQ(sd_bus_message_read(m, "v", "t", &value64), 1);
		if (!strcmp(name, "FaultGroupsTotal"))
			groups = value64;
		else if (!strcmp(name, "FaultsTotal"))
			faults = value64;
		else if (!strcmp(name, "FaultsPending"))
			answered += value32;
		else if (!strncmp(name, "Responses", 9))
			answered += value64;
		T_OK(sd_bus_message_exit_container(m));
	}
	T_EQ(n, 28); /* all but the explicit LatencyBuckets and LatencyByStage */
	T_EQ(groups, answered);
	T_EQ(faults, 2 * groups);
	return groups;
}

static void test_one_snapshot(void)
{
	uint64_t first = 0, last = 0;
	pthread_t writer;

	memset(t_stats, 0, sizeof(t_stats));
	atomic_store(&stop_writer, false);
	T_EQ(pthread_create(&writer, NULL, write_stats, &t_stats[0]), 0);
	for (unsigned n = 0; n < 300 || last == first; n++) {
		last = check_get_all(n % 3 == 0 ? T_NVME0 : n % 3 == 1 ? T_DMA0 : SERVICE_PATH);
		if (!first)
			first = last;
	}
	atomic_store(&stop_writer, true);
	pthread_join(writer, NULL);
}

static void fail_nvme0(void *arg)
{
	(void)arg;
	t_nvme0.state = DEVICE_FAILED;
	t_nvme0.error = ENODEV;
	t_nvme0.error_text = (char *)"no PRI capability";
}

static void test_errors(void)
{
	const char *a, *b;

	t_expect_error("org.iopfd1.Error.NoSuchDevice", SERVICE_PATH, T_MANAGER, "GetDevice", "s", "nvme1");
	t_expect_error("org.iopfd1.Error.NoSuchDevice", SERVICE_PATH, T_MANAGER, "GetDeviceByAddress", "s", "nvme0");
	t_expect_error("org.iopfd1.Error.NoSuchSpace", SERVICE_PATH, T_MANAGER, "GetSpace", "s", "nvme0");
	t_expect_error("org.iopfd1.Error.NoSuchRegion", T_DMA0, T_SPACE, "OpenMemory", "s", "dma0/heap");
	t_expect_error("org.iopfd1.Error.SpaceClosed", T_DMA1, T_SPACE, "OpenMemory", "s", "image");
	t_expect_error("org.freedesktop.DBus.Error.NotSupported", T_DMA0, T_SPACE, "OpenMemory", "s", "shards");
	t_expect_error("org.freedesktop.DBus.Error.NotSupported", T_SIM0, T_DEVICE, "OpenDevice", NULL);
	t_expect_error("org.freedesktop.DBus.Error.UnknownObject", SERVICE_PATH "/device/vfio0", T_DEVICE, "OpenDevice",
		     NULL);
	t_expect_error("org.freedesktop.DBus.Error.UnknownMethod", SERVICE_PATH "/space", T_SPACE, "OpenMemory", "s",
		     "heap");
	t_expect_error("org.freedesktop.DBus.Error.InvalidArgs", SERVICE_PATH, T_MANAGER, "GetDevice", "u", 1);
	t_expect_error("org.freedesktop.DBus.Error.PropertyReadOnly", T_NVME0, T_PROPERTIES, "Set", "ssv", T_DEVICE,
		     "State", "s", "active");

	t_service_do(fail_nvme0, NULL);
	t_expect_error("org.iopfd1.Error.DeviceGone", T_NVME0, T_DEVICE, "OpenDevice", NULL);
	T_OK(sd_bus_message_read(t_get(T_NVME0, T_DEVICE, "LastError", "(ss)"), "(ss)", &a, &b));
	T_STREQ(a, "ENODEV");
	T_STREQ(b, "no PRI capability");
	T_STREQ(t_get_string(T_NVME0, T_DEVICE, "State"), "failed");
}

static void run_all(const char *loop)
{
	printf("# loop: %s\n", loop);
	t_service_begin(loop, "system");
	t_run(test_manager);
	t_run(test_limits);
	t_run(test_device);
	t_run(test_attachment_statistics);
	t_run(test_attached_only);
	t_run(test_space);
	t_run(test_policy_counters);
	t_run(test_statistics);
	t_run(test_one_snapshot);
	t_run(test_errors);
	t_service_end();
}

int main(void)
{
	T_EQ(setenv("DBUS_SYSTEM_BUS_ADDRESS", t_bus_address(), 1), 0);
	t_bus_start(T_BUS_OPEN_RULES);
	run_all("libevent");
	run_all("auto");
	t_bus_stop();
	return 0;
}
