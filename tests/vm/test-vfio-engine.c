/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vfio engine on a real kernel and a device that does DMA. The device is programmed
 * through its registers in sysfs, without help from the engine.
 *
 * usage: test-vfio-engine BDF OTHER-BDF    all that works
 *        test-vfio-engine BDF SENTENCE     attaching is refused with this
 *        test-vfio-engine --unbound BDF    it is not bound to vfio-pci
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/device.h"
#include "device/iommufd.h"
#include "device/uapi.h"
#include "t.h"

#define PAGE 4096u
#define N_PAGES 32u
#define BASE 0x10000000ull

/* Registers of iopf-dma: the device's, and those of channel 1. */
#define REG_FEATURES 0x1c
#define REG_CHANNEL 0x200
#define REG_BASE (REG_CHANNEL + 0x00)
#define REG_NPAGES (REG_CHANNEL + 0x08)
#define REG_OP (REG_CHANNEL + 0x18)
#define REG_PASID (REG_CHANNEL + 0x1c)
#define REG_GROUP (REG_CHANNEL + 0x20)
#define REG_DEPTH (REG_CHANNEL + 0x24)
#define REG_SEED (REG_CHANNEL + 0x28)
#define REG_CTRL (REG_CHANNEL + 0x3c)
#define REG_DONE (REG_CHANNEL + 0x48)
#define REG_FAILED (REG_CHANNEL + 0x50)
#define REG_MISMATCH (REG_CHANNEL + 0x78)
#define OP_FILL 2u
#define OP_CHECK 3u
#define OP_PASID 0x100u

const struct device_ops *const device_table[] = { &device_vfio_ops, NULL };

static struct iommufd *iommufd;
static const char *bdf, *other_bdf, *sentence;

static volatile uint32_t *open_registers(const char *device)
{
	char path[256];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	T_ASSERT(fd >= 0);
	p = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	T_ASSERT(p != MAP_FAILED);
	close(fd);
	return p;
}

static struct device *open_device(const char *address)
{
	struct reason why = { 0 };
	struct device *d;

	if (device_new("d", address, &d, &why) < 0 || d->ops->open(d, iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", address, why.text);
	return d;
}

static struct ioas *open_space(void)
{
	const struct iova_range range = { .start = BASE, .length = N_PAGES * PAGE };
	struct reason why = { 0 };
	struct ioas *a;

	if (device_vfio_ops.ioas_open(iommufd, &range, 1, &a, &why) < 0)
		t_fail(__FILE__, __LINE__, "ioas_open: %s", why.text);
	return a;
}

static void attach(struct device *d, uint32_t pasid, struct ioas *a)
{
	struct reason why = { 0 };

	if (d->ops->attach(d, pasid, a, &why) < 0)
		t_fail(__FILE__, __LINE__, "attach %x: %s", pasid, why.text);
}

/* Maps what is asked for, page by page, until the device is done. Returns the records. */
static unsigned serve(struct device *d, uint32_t pasid, struct ioas *a, int memory, volatile uint32_t *reg)
{
	static struct uapi_fault_record records[2048];
	unsigned n_records = 0;

	while (reg[REG_CTRL / 4] & 1) {
		struct pollfd p = { .fd = a->fault_fd, .events = POLLIN };
		ssize_t n;

		poll(&p, 1, 10);
		n = a->ops->read(a, records, sizeof(records));
		T_OK(n);
		for (size_t i = 0; i < (size_t)n / sizeof(*records); i++) {
			uint64_t offset = records[i].addr - BASE;

			T_EQ(records[i].dev_id, d->dev_id);
			if (pasid != PASID_NONE)
				T_EQ(records[i].pasid, pasid);
			T_OK(a->ops->map(a, records[i].addr, PAGE, memory, offset, ACCESS_READ | ACCESS_WRITE));
			n_records++;
			if (records[i].flags & UAPI_FAULT_LAST_PAGE) {
				struct uapi_answer answer = { .cookie = records[i].cookie };

				T_EQ(a->ops->write(a, &answer, sizeof(answer)), sizeof(answer));
			}
		}
	}
	return n_records;
}

static unsigned run(struct device *d, uint32_t pasid, struct ioas *a, int memory, volatile uint32_t *reg, uint32_t op)
{
	unsigned n;

	reg[REG_BASE / 4] = (uint32_t)BASE;
	reg[REG_BASE / 4 + 1] = BASE >> 32;
	reg[REG_NPAGES / 4] = N_PAGES;
	reg[REG_OP / 4] = op | (pasid == PASID_NONE ? 0 : OP_PASID);
	reg[REG_PASID / 4] = pasid == PASID_NONE ? 0 : pasid;
	reg[REG_GROUP / 4] = 4;
	reg[REG_DEPTH / 4] = 2;
	reg[REG_SEED / 4] = 1 + pasid;
	reg[REG_CTRL / 4] = 1;
	n = serve(d, pasid, a, memory, reg);
	T_EQ(reg[REG_DONE / 4], N_PAGES);
	T_EQ(reg[REG_FAILED / 4], 0);
	T_EQ(reg[REG_MISMATCH / 4], 0);
	return n;
}

/* The device writes and then checks its pattern, in memory that starts empty. */
static void exercise(struct device *d, uint32_t pasid, struct ioas *a, volatile uint32_t *reg)
{
	int memory = memfd_create("memory", MFD_CLOEXEC);
	uint64_t word = 0;

	T_OK(ftruncate(memory, N_PAGES * PAGE));
	T_EQ(run(d, pasid, a, memory, reg, OP_FILL), N_PAGES);
	T_EQ(run(d, pasid, a, memory, reg, OP_CHECK), 0);
	T_EQ(pread(memory, &word, sizeof(word), PAGE), sizeof(word));
	T_ASSERT(word != 0);

	/* Unmapped, it faults again, and finds what it wrote. */
	T_OK(a->ops->unmap(a, BASE + 4 * PAGE, PAGE));
	T_OK(a->ops->unmap(a, BASE + 8 * PAGE, PAGE));
	T_EQ(run(d, pasid, a, memory, reg, OP_CHECK), 2);
	T_OK(a->ops->unmap(a, BASE, N_PAGES * PAGE));
	close(memory);
}

static void test_rid_and_pasids(void)
{
	static const uint32_t pasids[] = { PASID_NONE, 1, 200 };
	volatile uint32_t *reg = open_registers(bdf);
	struct device *d = open_device(bdf);
	struct reason why = { 0 };
	struct ioas *a[2];

	T_EQ(d->vendor_id, 0x1234);
	T_EQ(d->device_id, 0x10f0);
	T_ASSERT(strstr(d->sysfs_path, bdf) && strncmp(d->vfio_device, "/dev/vfio/devices/vfio", 22) == 0);
	T_ASSERT(d->max_pasids >= 256);
	a[0] = open_space();
	a[1] = open_space();
	d->uses_pasids = true;
	T_ASSERT(!(reg[REG_FEATURES / 4] & 1));
	attach(d, PASID_NONE, a[0]);
	T_ASSERT(!(reg[REG_FEATURES / 4] & 1));
	T_OK(d->ops->detach(d, PASID_NONE, a[0]));
	d->bus_master = true;
	/* The RID last, as the daemon does. */
	for (int i = 2; i >= 0; i--) {
		T_ASSERT(!(reg[REG_FEATURES / 4] & 1));
		attach(d, pasids[i], a[i % 2]);
	}
	T_EQ(reg[REG_FEATURES / 4], 0xf);
	for (int i = 0; i < 3; i++)
		exercise(d, pasids[i], a[i % 2], reg);
	T_EQ(d->ops->attach(d, d->max_pasids, a[0], &why), -EINVAL);
	T_EQ(why.error, EINVAL);
	for (int i = 2; i >= 0; i--)
		T_OK(d->ops->detach(d, pasids[i], a[i % 2]));
	a[0]->ops->ioas_close(a[0]);
	a[1]->ops->ioas_close(a[1]);
	device_free(d);
	munmap((void *)(uintptr_t)reg, 0x10000);
}

static void test_devices_share_a_space(void)
{
	volatile uint32_t *reg[] = { open_registers(bdf), open_registers(other_bdf) };
	struct device *d[] = { open_device(bdf), open_device(other_bdf) };
	struct ioas *a = open_space();

	for (int i = 0; i < 2; i++) {
		d[i]->bus_master = true;
		attach(d[i], PASID_NONE, a);
	}
	for (int i = 0; i < 2; i++)
		exercise(d[i], PASID_NONE, a, reg[i]);
	T_OK(d[0]->ops->detach(d[0], PASID_NONE, a));
	device_free(d[0]);
	exercise(d[1], PASID_NONE, a, reg[1]);
	T_OK(d[1]->ops->detach(d[1], PASID_NONE, a));
	device_free(d[1]);
	a->ops->ioas_close(a);
}

/* A fd that was lent keeps the device bound after we closed it. */
static void test_lent(void)
{
	struct device *d = open_device(bdf);
	struct reason why = { 0 };
	int fd;

	T_OK(d->ops->lend(d, &fd));
	T_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	d->ops->close(d);
	T_EQ(d->ops->open(d, iommufd, &why), -EINVAL);
	if (!strstr(why.text, "another process, such as a driver that got its fd from OpenDevice, must close it"))
		t_fail(__FILE__, __LINE__, "%s", why.text);
	close(fd);
	T_OK(d->ops->open(d, iommufd, &why));
	device_free(d);
}

/* Other addresses of the same device; what is not there. */
static void test_addresses(void)
{
	struct reason why = { 0 };
	struct device *d = open_device(bdf), *same;
	char path[300];

	snprintf(path, sizeof(path), "/sys/class/vfio-dev/%s", strrchr(d->vfio_device, '/') + 1);
	T_OK(device_new("same", path, &same, &why));
	T_EQ(same->ops->open(same, iommufd, &why), -EINVAL);
	T_STREQ(same->sysfs_path, d->sysfs_path);
	d->ops->close(d);
	T_OK(same->ops->open(same, iommufd, &why));
	device_free(same);
	T_OK(device_new("same", strrchr(d->vfio_device, '/') + 1, &same, &why));
	T_OK(same->ops->open(same, iommufd, &why));
	T_STREQ(same->sysfs_path, d->sysfs_path);
	device_free(same);
	T_OK(device_new("none", "0000:7f:00.0", &same, &why));
	T_EQ(same->ops->open(same, iommufd, &why), -ENOENT);
	device_free(same);
	device_free(d);
}

/* The interrupts' window cannot be a region; what can is told, and the device is free again. */
static void test_reserved(void)
{
	const struct iova_range range = { .start = 0xfee00000, .length = 0x1000 };
	struct device *d = open_device(bdf);
	struct reason why = { 0 };
	struct ioas *a, *good = open_space();

	T_OK(device_vfio_ops.ioas_open(iommufd, &range, 1, &a, &why));
	T_EQ(d->ops->attach(d, PASID_NONE, a, &why), -EADDRINUSE);
	if (!strstr(why.text, "0xfee00000-0xfee00fff cannot be used with this device: allowed are "
			      "0x0-0xfedfffff, 0xfef00000-"))
		t_fail(__FILE__, __LINE__, "%s", why.text);
	a->ops->ioas_close(a);
	attach(d, PASID_NONE, good);
	T_OK(d->ops->detach(d, PASID_NONE, good));
	good->ops->ioas_close(good);
	device_free(d);
}

static void test_refused(void)
{
	struct device *d = open_device(bdf);
	struct reason why = { 0 };
	struct ioas *a = open_space();

	T_EQ(d->ops->attach(d, PASID_NONE, a, &why), -ENODEV);
	printf("# %s\n", why.text);
	T_ASSERT(strstr(why.text, sentence));
	a->ops->ioas_close(a);
	device_free(d);
}

static void test_unbound(void)
{
	struct reason why = { 0 };
	struct device *d;

	T_OK(device_new("d", bdf, &d, &why));
	T_EQ(d->ops->open(d, iommufd, &why), -ENXIO);
	printf("# %s\n", why.text);
	T_ASSERT(strstr(why.text, "iopfctl bind 0000:01:00.0"));
	device_free(d);
}

int main(int argc, char *argv[])
{
	struct reason why = { 0 };

	T_EQ(argc, 3);
	if (iommufd_open(IOMMUFD_PATH, &iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "%s", why.text);
	bdf = argv[1];
	if (strcmp(argv[1], "--unbound") == 0) {
		bdf = argv[2];
		t_run(test_unbound);
	} else if (strncmp(argv[2], "0000:", 5) == 0) {
		other_bdf = argv[2];
		t_run(test_addresses);
		t_run(test_rid_and_pasids);
		t_run(test_devices_share_a_space);
		t_run(test_lent);
		t_run(test_reserved);
	} else {
		sentence = argv[2];
		t_run(test_refused);
	}
	iommufd_close(iommufd);
	return 0;
}
