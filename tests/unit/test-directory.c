/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding entries by all their names, and the sums over attachments.
 */
#include "control/directory.h"

#include "t.h"

static struct directory directory;
static struct stats blocks[6];
static atomic_uint_fast64_t mapped, extents;
static struct space_entry dma0 = {
	.name = (char *)"dma0",
	.stats = &blocks[4],
	.mapped_bytes = &mapped,
	.extents_mapped = &extents,
};
static struct space_entry dma1 = {
	.name = (char *)"dma1",
	.stats = &blocks[5],
	.mapped_bytes = &mapped,
	.extents_mapped = &extents,
};

static struct device opened = {
	.sysfs_path = (char *)"/sys/devices/pci0000:00/0000:00:04.0/0000:3d:00.0",
	.vfio_device = (char *)"/dev/vfio/devices/vfio3",
};
static struct device simulated = { .sysfs_path = (char *)"", .vfio_device = (char *)"" };

static struct device_entry nic0 = {
	.name = (char *)"nic0",
	.address = (char *)"vfio3",
	.device = &opened,
};
static struct device_entry nvme0 = { .name = (char *)"nvme0", .address = (char *)"0000:3d:00.1" };
static struct device_entry nvme1 = { .name = (char *)"nvme1", .address = (char *)"/sys/devices/by/0000:3d:00.2/" };
static struct device_entry sim0 = { .name = (char *)"sim0", .address = (char *)"sim", .device = &simulated };
static struct device_entry sim1 = { .name = (char *)"sim1", .address = (char *)"sim" };

static struct attachment_entry nic0_attachments[] = {
	{ .pasid = PASID_NONE, .space = &dma0, .device = &nic0, .stats = &blocks[0] },
	{ .pasid = 5, .space = &dma1, .device = &nic0, .stats = &blocks[1] },
};
static struct attachment_entry nvme0_attachments[] = {
	{ .pasid = PASID_NONE, .space = &dma1, .device = &nvme0, .stats = &blocks[2] },
};

static void build(void)
{
	directory_init(&directory);
	TAILQ_INIT(&nic0.attachments);
	TAILQ_INSERT_TAIL(&nic0.attachments, &nic0_attachments[0], link);
	TAILQ_INSERT_TAIL(&nic0.attachments, &nic0_attachments[1], link);
	TAILQ_INIT(&nvme0.attachments);
	TAILQ_INSERT_TAIL(&nvme0.attachments, &nvme0_attachments[0], link);
	TAILQ_INSERT_TAIL(&directory.devices, &nic0, link);
	TAILQ_INSERT_TAIL(&directory.devices, &nvme0, link);
	TAILQ_INSERT_TAIL(&directory.devices, &nvme1, link);
	TAILQ_INSERT_TAIL(&directory.devices, &sim0, link);
	TAILQ_INSERT_TAIL(&directory.devices, &sim1, link);
	TAILQ_INSERT_TAIL(&directory.spaces, &dma0, link);
	TAILQ_INSERT_TAIL(&directory.spaces, &dma1, link);
}

static void test_empty(void)
{
	static struct directory empty;
	struct stats_values v = { .faults_total = 1 };

	directory_init(&empty);
	T_EQ(empty.state, MANAGER_STARTING);
	T_ASSERT(empty.backend);
	T_ASSERT(!directory_find_device(&empty, "nic0"));
	T_ASSERT(!directory_find_space(&empty, "dma0"));
	directory_total_stats(&empty, &v);
	T_EQ(v.faults_total, 0);
}

static void test_find(void)
{
	static const struct {
		const char *text;
		const struct device_entry *found;
	} cases[] = {
		{ "nic0", &nic0 },
		{ "nvme0", &nvme0 },
		{ "sim1", &sim1 },
		{ "0000:3d:00.1", &nvme0 }, /* as configured; it is not open */
		{ "0000:3d:00.0", &nic0 },
		{ "0000:3D:00.0", &nic0 },
		{ "vfio3", &nic0 },
		{ "/dev/vfio/devices/vfio3", &nic0 },
		{ "/sys/devices/pci0000:00/0000:00:04.0/0000:3d:00.0", &nic0 },
		{ "/sys/devices/pci0000:00/0000:00:04.0/0000:3d:00.0//", &nic0 },
		{ "/sys/devices/pci0000:00/0000:00:04.0/", NULL },
		{ "/sys/devices/by/0000:3d:00.2", &nvme1 },
		{ "/sys/devices/by/0000:3d:00.2/", &nvme1 },
		{ "/sys/devices/by/", NULL },
		{ "sim", NULL }, /* two share it */
		{ "vfio4", NULL },
		{ "0000:00:04.0", NULL },
		{ "NIC0", NULL },
		{ "dma0", NULL },
		{ "", NULL },
		{ "/", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		T_ASSERT(directory_find_device(&directory, cases[i].text) == cases[i].found);
	T_ASSERT(directory_device(&directory, "nic0") == &nic0);
	T_ASSERT(!directory_device(&directory, "vfio3"));
	T_ASSERT(directory_find_space(&directory, "dma1") == &dma1);
	T_ASSERT(!directory_find_space(&directory, "nic0"));
}

/* A name wins over another device's address. */
static void test_name_first(void)
{
	sim1.name = (char *)"vfio3";
	T_ASSERT(directory_find_device(&directory, "vfio3") == &sim1);
	sim1.name = (char *)"sim1";
}

static void test_sums(void)
{
	static struct stats *orphans[] = { &blocks[3] };
	struct stats_values v;

	for (unsigned i = 0; i < 4; i++) {
		blocks[i].values.faults_total = 1u << i;
		blocks[i].values.faults_pending_max = i;
		blocks[i].values.latency.buckets[i] = 1;
	}
	directory.orphans = orphans;
	directory.n_orphans = 1;
	blocks[4].values.bytes_mapped = 4096;

	directory_device_stats(&nic0, &v);
	T_EQ(v.faults_total, 3);
	T_EQ(v.faults_pending_max, 1);
	T_EQ(v.latency.buckets[0] + v.latency.buckets[1], 2);
	directory_device_stats(&sim0, &v);
	T_EQ(v.faults_total, 0);
	directory_space_stats(&directory, &dma0, &v);
	T_EQ(v.faults_total, 1);
	T_EQ(v.bytes_mapped, 4096);
	directory_space_stats(&directory, &dma1, &v);
	T_EQ(v.faults_total, 2 + 4);
	T_EQ(v.bytes_mapped, 0);
	directory_total_stats(&directory, &v);
	T_EQ(v.faults_total, 1 + 2 + 4 + 8);
	T_EQ(v.faults_pending_max, 3);
	T_EQ(v.bytes_mapped, 4096);
}

static void test_space_numbers(void)
{
	T_EQ(space_entry_mapped_bytes(&dma0), 0);
	T_EQ(space_entry_extents_mapped(&dma0), 0);
	mapped = 8192;
	extents = 2;
	T_EQ(space_entry_mapped_bytes(&dma0), 8192);
	T_EQ(space_entry_extents_mapped(&dma0), 2);
}

static void test_states(void)
{
	T_STREQ(device_state_to_string(DEVICE_ABSENT), "absent");
	T_STREQ(device_state_to_string(DEVICE_ACTIVE), "active");
	T_STREQ(device_state_to_string(DEVICE_STATE_MAX), "unknown");
	T_STREQ(manager_state_to_string(MANAGER_DEGRADED), "degraded");
	for (int i = 0; i < DEVICE_STATE_MAX; i++)
		T_ASSERT(strcmp(device_state_to_string((enum device_state)i), "unknown"));
	for (int i = 0; i < MANAGER_STATE_MAX; i++)
		T_ASSERT(strcmp(manager_state_to_string((enum manager_state)i), "unknown"));
}

int main(void)
{
	build();
	t_run(test_empty);
	t_run(test_find);
	t_run(test_name_first);
	t_run(test_sums);
	t_run(test_space_numbers);
	t_run(test_states);
	return 0;
}
