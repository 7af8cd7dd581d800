/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shared kernel side of a space: order of calls, which HWPT a device gets, order of
 * destruction, and what is said when the kernel is too old or a region lies badly.
 */
#include "device/ioas.h"

#include <fcntl.h>

#include "base/util.h"
#include "fake-iommufd.h"
#include "t.h"

static int detach(struct device *d, uint32_t pasid, struct ioas *a)
{
	struct uapi_vfio_detach_iommufd_pt c = { .argsz = sizeof(c) };

	(void)d;
	(void)pasid;
	(void)a;
	return ioctl(-1, UAPI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &c);
}

static const struct device_ops ops = { .name = "test", .detach = detach };
const struct device_ops *const device_table[] = { NULL };

static int attach(struct device *d, uint32_t pasid, uint32_t hwpt_id, struct reason *why)
{
	struct uapi_vfio_attach_iommufd_pt c = { .argsz = sizeof(c), .pt_id = hwpt_id };

	(void)d;
	if (pasid != PASID_NONE) {
		c.flags = UAPI_VFIO_DEVICE_ATTACH_PASID;
		c.pasid = pasid;
	}
	if (ioctl(-1, UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &c) < 0)
		return reason_set(why, errno, "attach refused");
	return 0;
}

static const struct iova_range two[] = {
	{ .start = 0x10000000, .length = 0x100000 },
	{ .start = 0xfee00000, .length = 0x2000 },
};
static struct device device = { .ops = &ops, .dev_id = 77 };
static struct device other = { .ops = &ops, .dev_id = 78 };

static struct ioas *open_two(struct iommufd *i)
{
	struct ioas *a;
	struct reason why;

	T_OK(ioas_open(&ops, i, two, 2, &a, &why));
	return a;
}

static void test_open_and_close(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a = open_two(i);

	T_STREQ(fake_log(), "IOAS_ALLOC=1 ALLOW_IOVAS(1,2) QUEUE=2");
	T_ASSERT(fcntl(a->fault_fd, F_GETFL) & O_NONBLOCK);
	T_ASSERT(fcntl(a->fault_fd, F_GETFD) & FD_CLOEXEC);
	T_ASSERT(a->ops == &ops);
	T_OK(ioas_attach(a, &device, PASID_NONE, attach, NULL));
	T_STREQ(fake_log(), "HWPT_ALLOC(77,1,2,0x4)=3 ATTACH(3)");
	T_OK(detach(&device, PASID_NONE, a));
	fake_log();
	ioas_close(a);
	T_STREQ(fake_log(), "DESTROY(3) CLOSE(queue) DESTROY(2) UNMAP(1,all) DESTROY(1)");
}

static void test_no_regions_allow_nothing(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a;

	T_OK(ioas_open(&ops, i, NULL, 0, &a, NULL));
	T_STREQ(fake_log(), "IOAS_ALLOC=1 QUEUE=2");
	ioas_close(a);
}

static void test_map(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a = open_two(i);

	fake_log();
	T_OK(ioas_map(a, 0x10001000, 0x3000, 9, 0x5000, ACCESS_READ | ACCESS_WRITE));
	T_EQ(fake.map.iova, 0x10001000);
	T_EQ(fake.map.length, 0x3000);
	T_EQ(fake.map.fd, 9);
	T_EQ(fake.map.start, 0x5000);
	T_OK(ioas_map(a, 0x10004000, 0x1000, 9, 0, ACCESS_READ));
	T_OK(ioas_map(a, 0x10005000, 0x1000, 9, 0, ACCESS_WRITE));
	T_OK(ioas_unmap(a, 0x10001000, 0x3000));
	T_STREQ(fake_log(), "MAP_FILE(1,0x7) MAP_FILE(1,0x5) MAP_FILE(1,0x3) UNMAP(1,0x10001000+0x3000)");
	fake_fail(UAPI_IOMMU_IOAS_MAP_FILE, EEXIST, 0, 1);
	T_EQ(ioas_map(a, 0x10001000, 0x1000, 9, 0, ACCESS_READ), -EEXIST);
	fake_fail(UAPI_IOMMU_IOAS_UNMAP, ENOENT, 0, 1);
	T_EQ(ioas_unmap(a, 0x10001000, 0x1000), -ENOENT);
	ioas_close(a);
}

static void test_read_and_write_errors(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a = open_two(i);
	uint64_t value = 5;

	/* The fake queue is an eventfd: 8 bytes, empty is EAGAIN. */
	T_EQ(ioas_read(a, &value, sizeof(value)), -EAGAIN);
	T_EQ(ioas_write(a, &value, sizeof(value)), sizeof(value));
	T_EQ(ioas_read(a, &value, 4), -EINVAL);
	T_EQ(ioas_read(a, &value, sizeof(value)), sizeof(value));
	T_EQ(value, 5);
	T_EQ(ioas_write(a, &value, 4), -EINVAL);
	ioas_close(a);
}

static void test_hwpt_is_shared(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a = open_two(i);

	fake_log();
	T_OK(ioas_attach(a, &device, PASID_NONE, attach, NULL));
	T_OK(ioas_attach(a, &other, PASID_NONE, attach, NULL));
	T_STREQ(fake_log(), "HWPT_ALLOC(77,1,2,0x4)=3 ATTACH(3) ATTACH(3)");
	ioas_close(a);
}

static void test_hwpt_of_another_kind(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct device with_pasids = { .ops = &ops, .dev_id = 79, .uses_pasids = true };
	struct ioas *a = open_two(i);

	fake_log();
	T_OK(ioas_attach(a, &device, PASID_NONE, attach, NULL));
	T_OK(ioas_attach(a, &other, 5, attach, NULL));
	T_OK(ioas_attach(a, &with_pasids, PASID_NONE, attach, NULL));
	T_OK(ioas_attach(a, &with_pasids, 6, attach, NULL));
	T_STREQ(fake_log(), "HWPT_ALLOC(77,1,2,0x4)=3 ATTACH(3) HWPT_ALLOC(78,1,2,0xc)=4 ATTACH(4,pasid 5) "
			    "ATTACH(4) ATTACH(4,pasid 6)");
	ioas_close(a);
	T_STREQ(fake_log(), "DESTROY(4) DESTROY(3) CLOSE(queue) DESTROY(2) UNMAP(1,all) DESTROY(1)");
}

static void test_hwpt_of_another_iommu(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a = open_two(i);

	T_OK(ioas_attach(a, &device, PASID_NONE, attach, NULL));
	fake_log();
	fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, EINVAL, 0, 1);
	T_OK(ioas_attach(a, &other, PASID_NONE, attach, &why));
	T_STREQ(fake_log(), "HWPT_ALLOC(78,1,2,0x4)=4 ATTACH(4)");
	T_EQ(why.error, 0);
	ioas_close(a);
}

static void test_hwpt_of_refused_device_goes(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a = open_two(i);

	fake_log();
	fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, ENODEV, 0, 1);
	T_EQ(ioas_attach(a, &device, PASID_NONE, attach, &why), -ENODEV);
	T_EQ(why.error, ENODEV);
	T_STREQ(fake_log(), "HWPT_ALLOC(77,1,2,0x4)=3 DESTROY(3)");

	/* On an HWPT of others, only EINVAL is a reason to make another one. */
	T_OK(ioas_attach(a, &other, PASID_NONE, attach, NULL));
	fake_log();
	why.error = 0;
	fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, EBUSY, 0, 1);
	T_EQ(ioas_attach(a, &device, PASID_NONE, attach, &why), -EBUSY);
	T_EQ(why.error, EBUSY);
	T_STREQ(fake_log(), "");
	ioas_close(a);
}

static void expect_open(unsigned long request, int error, const char *text)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a = NULL;

	fake_reset();
	fake_fail(request, error, 0, 1);
	T_EQ(ioas_open(&ops, i, two, 2, &a, &why), -error);
	T_EQ(why.error, error);
	T_STREQ(why.text, text);
	T_ASSERT(!a);
	fake_reset();
}

static void test_open_errors(void)
{
	static const struct {
		unsigned long request;
		const char *what, *name;
	} calls[] = {
		{ UAPI_IOMMU_IOAS_ALLOC, "cannot make an IO address space", "IOMMU_IOAS_ALLOC" },
		{ UAPI_IOMMU_IOAS_ALLOW_IOVAS, "the kernel does not take the regions as allowed IOVAs",
		  "IOMMU_IOAS_ALLOW_IOVAS" },
		{ UAPI_IOMMU_FAULT_QUEUE_ALLOC, "cannot make a fault queue", "IOMMU_FAULT_QUEUE_ALLOC" },
	};
	static const struct {
		int error;
		const char *text;
	} rows[] = {
		{ EMFILE, "%1$s: too many open files: raise LimitNOFILE=" },
		{ ENFILE, "%1$s: the whole machine has too many open files: raise the sysctl fs.file-max" },
		{ ENOMEM, "%1$s: no memory: the limit of the daemon's unit (MemoryMax=) or the machine's memory is "
			  "used up" },
		{ EPERM, "%1$s: a security module or a seccomp filter forbids %2$s on /dev/iommu" },
		{ EACCES, "%1$s: a security module or a seccomp filter forbids %2$s on /dev/iommu" },
		{ EOPNOTSUPP, "%1$s: this kernel's iommufd does not support %2$s as iopfd uses it: Linux 6.13 or newer "
			      "is needed" },
		{ EIO, "%1$s: %2$s failed: Input/output error (Linux 6.13 or newer is needed)" },
	};

	expect_open(UAPI_IOMMU_FAULT_QUEUE_ALLOC, ENOTTY, "this kernel has no fault queues (6.13 or newer is "
							  "needed)");
	expect_open(UAPI_IOMMU_IOAS_MAP_FILE, ENOTTY,
		    "this kernel cannot map files for devices (6.13 or newer is needed)");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		char text[300];

		for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
			snprintf(text, sizeof(text), rows[j].text, calls[i].what, calls[i].name);
			expect_open(calls[i].request, rows[j].error, text);
		}
	}
	expect_open(UAPI_IOMMU_IOAS_ALLOC, ENOTTY,
		    "cannot make an IO address space: this kernel's iommufd does not support IOMMU_IOAS_ALLOC as iopfd "
		    "uses it: Linux 6.13 or newer is needed");
}

static void test_failed_open_leaves_nothing(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a;

	fake_fail(UAPI_IOMMU_FAULT_QUEUE_ALLOC, ENOMEM, 0, 1);
	T_EQ(ioas_open(&ops, i, two, 2, &a, NULL), -ENOMEM);
	T_STREQ(fake_log(), "IOAS_ALLOC=1 ALLOW_IOVAS(1,2) UNMAP(1,all) DESTROY(1)");
}

static void expect_leftover(unsigned skip, int error, const char *text)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct ioas *a;

	fake_reset();
	a = open_two(i);
	T_OK(ioas_attach(a, &device, PASID_NONE, attach, NULL));
	fake_fail(UAPI_IOMMU_DESTROY, error, skip, 3);
	t_capture_begin();
	ioas_close(a);
	T_STREQ(t_capture_end(), text);
	fake_reset();
}

/* What stays in the kernel is told, but not all that stays because of it. */
static void test_leftovers(void)
{
	expect_leftover(0, EBUSY, "iopfd: cannot destroy the page table (object 3 of the iommufd), it is still in use: "
				  "Device or resource busy\n");
	expect_leftover(1, EBUSY, "iopfd: cannot destroy the fault queue (object 2 of the iommufd), it is still in use: "
				  "Device or resource busy\n");
	expect_leftover(2, EIO, "iopfd: cannot destroy the IO address space (object 1 of the iommufd): Input/output "
				"error\n");
	expect_leftover(3, EIO, "");
}

static void expect_hwpt(uint32_t pasid, int error, int result, const char *text)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a;

	fake_reset();
	a = open_two(i);
	fake_fail(UAPI_IOMMU_HWPT_ALLOC, error, 0, 1);
	T_EQ(ioas_attach(a, &device, pasid, attach, &why), -result);
	T_EQ(why.error, result);
	T_STREQ(why.text, text);
	ioas_close(a);
	fake_reset();
}

static void test_hwpt_errors(void)
{
	expect_hwpt(PASID_NONE, EOPNOTSUPP, EOPNOTSUPP,
		    "this kernel has no fault queues for paging tables (6.13 or newer is needed), or the "
		    "IOMMU's driver does not support them");
	expect_hwpt(5, EOPNOTSUPP, EOPNOTSUPP,
		    "this kernel or this IOMMU has no fault queues for page tables with PASIDs (6.15 or newer, "
		    "and VT-d in scalable mode, are needed)");
	expect_hwpt(PASID_NONE, ENOENT, EOPNOTSUPP,
		    "the device is emulated in software (mdev): it has no IO page faults");
	expect_hwpt(PASID_NONE, ENOMEM, ENOMEM,
		    "no memory for the IOMMU's page table: RLIMIT_MEMLOCK (LimitMEMLOCK=) or the machine's "
		    "memory is used up");
	expect_hwpt(PASID_NONE, EIO, EIO, "the IOMMU refuses a page table with a fault queue: Input/output error");
	expect_hwpt(PASID_NONE, EADDRINUSE, EADDRINUSE,
		    "a region of the space lies outside what the IOMMU can translate");
}

static const struct uapi_iommu_iova_range around_msi[] = {
	{ .start = 0, .last = 0xfedfffff },
	{ .start = 0xfef00000, .last = 0x1ffffffffffffff },
};

static void test_reserved_range(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a = open_two(i);

	fake.ranges = around_msi;
	fake.n_ranges = 2;
	fake_log();
	fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, EADDRINUSE, 0, 1);
	T_EQ(ioas_attach(a, &device, PASID_NONE, attach, &why), -EADDRINUSE);
	T_STREQ(why.text, "the region at 0xfee00000-0xfee01fff cannot be used with this device: allowed are "
			  "0x0-0xfedfffff, 0xfef00000-0x1ffffffffffffff");
	/* Looked up in an IOAS of its own, where the device is not left. */
	T_STREQ(fake_log(), "HWPT_ALLOC(77,1,2,0x4)=3 DESTROY(3) IOAS_ALLOC=4 HWPT_ALLOC(77,4,0,0x0)=5 "
			    "ATTACH(5) IOVA_RANGES(4) DETACH DESTROY(5) DESTROY(4)");
	ioas_close(a);
}

/* With a PASID it is not tried: the device itself may be attached to another space. */
static void test_reserved_range_of_pasid(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a = open_two(i);

	fake.ranges = around_msi;
	fake.n_ranges = 2;
	fake_log();
	fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, EADDRINUSE, 0, 1);
	T_EQ(ioas_attach(a, &device, 5, attach, &why), -EADDRINUSE);
	T_STREQ(fake_log(), "HWPT_ALLOC(77,1,2,0xc)=3 DESTROY(3) "
			    "IOAS_ALLOC=4 HWPT_ALLOC(77,4,0,0x8)=5 IOVA_RANGES(4) DESTROY(5) DESTROY(4)");
	ioas_close(a);
}

static void test_outside_aperture(void)
{
	static const struct uapi_iommu_iova_range low = { .start = 0x1000000, .last = 0x7fffffff };
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct reason why = { 0 };
	struct ioas *a = open_two(i);

	fake.ranges = &low;
	fake.n_ranges = 1;
	fake_log();
	fake_fail(UAPI_IOMMU_HWPT_ALLOC, EADDRINUSE, 0, 1);
	T_EQ(ioas_attach(a, &device, 5, attach, &why), -EADDRINUSE);
	T_STREQ(why.text, "the region at 0xfee00000-0xfee01fff cannot be used with this device: allowed are "
			  "0x1000000-0x7fffffff");
	T_STREQ(fake_log(), "IOAS_ALLOC=3 HWPT_ALLOC(77,3,0,0x8)=4 IOVA_RANGES(3) DESTROY(4) DESTROY(3)");
	ioas_close(a);
}

static void test_few_ranges_are_shown(void)
{
	_cleanup_(iommufd_closep) struct iommufd *i = fake_iommufd();
	struct uapi_iommu_iova_range many[100];
	struct reason why = { 0 };
	struct ioas *a = open_two(i);

	for (unsigned n = 0; n < 100; n++)
		many[n] = (struct uapi_iommu_iova_range){ .start = n << 12, .last = (n << 12) + 0x7ff };
	fake.ranges = many;
	fake.n_ranges = 100;
	fake_fail(UAPI_IOMMU_HWPT_ALLOC, EADDRINUSE, 0, 1);
	T_EQ(ioas_attach(a, &device, PASID_NONE, attach, &why), -EADDRINUSE);
	T_STREQ(why.text, "the region at 0x10000000-0x100fffff cannot be used with this device: allowed are "
			  "0x0-0x7ff, 0x1000-0x17ff, 0x2000-0x27ff, ...");
	ioas_close(a);
}

static void expect_iommufd_open(int error, const char *text)
{
	struct iommufd *i;
	struct reason why = { 0 };

	fake.node = "/dev/null";
	fake.open_error = error;
	T_EQ(iommufd_open("/dev/null", &i, &why), -error);
	T_EQ(why.error, error);
	if (!strstr(why.text, text))
		T_STREQ(why.text, text);
	fake_reset();
}

static void test_iommufd_open(void)
{
	struct iommufd *i;

	expect_iommufd_open(ENOENT, "this kernel has no iommufd: /dev/null needs CONFIG_IOMMUFD and, if it is "
				    "a module, modprobe iommufd");
	expect_iommufd_open(EACCES, "mode 0666): a udev rule must give it to the daemon's group: "
				    "KERNEL==\"iommu\", SUBSYSTEM==\"misc\", GROUP=\"iopfd\", MODE=\"0660\"");
	expect_iommufd_open(EPERM, "/dev/null is not allowed in this sandbox: the unit needs "
				   "DeviceAllow=/dev/null rw");
	expect_iommufd_open(EMFILE, "cannot open /dev/null: Too many open files");
	T_OK(iommufd_open("/dev/null", &i, NULL));
	iommufd_close(i);
}

#define RUN(test)         \
	do {              \
		fake_reset(); \
		t_run(test);  \
	} while (0)

int main(void)
{
	RUN(test_open_and_close);
	RUN(test_no_regions_allow_nothing);
	RUN(test_map);
	RUN(test_read_and_write_errors);
	RUN(test_hwpt_is_shared);
	RUN(test_hwpt_of_another_kind);
	RUN(test_hwpt_of_another_iommu);
	RUN(test_hwpt_of_refused_device_goes);
	RUN(test_open_errors);
	RUN(test_failed_open_leaves_nothing);
	RUN(test_leftovers);
	RUN(test_hwpt_errors);
	RUN(test_reserved_range);
	RUN(test_reserved_range_of_pasid);
	RUN(test_outside_aperture);
	RUN(test_few_ranges_are_shown);
	RUN(test_iommufd_open);
	return 0;
}
