/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mock engine over a made-up kernel: where a device is parked, what attach and detach
 * are made of, and its errors.
 */
#include "device/device.h"
#include "device/iommufd.h"
#include "fake-iommufd.h"
#include "t.h"

const struct device_ops *const device_table[] = { &device_mock_ops, NULL };

static struct iommufd *iommufd;

static struct device *open_device(const char *address)
{
	struct device *d;

	T_OK(device_new("m", address, &d, NULL));
	T_OK(d->ops->open(d, iommufd, NULL));
	return d;
}

static struct ioas *open_space(void)
{
	const struct iova_range range = { .start = 0x10000000, .length = 0x100000 };
	struct ioas *a;

	T_OK(device_mock_ops.ioas_open(iommufd, &range, 1, &a, NULL));
	T_ASSERT(a->ops == &device_mock_ops);
	return a;
}

static void test_plain(void)
{
	struct device *d = open_device("mock");
	struct reason why = { 0 };
	struct ioas *a;

	T_STREQ(fake_log(), "IOAS_ALLOC=1 MOCK_DEVICE(1)=2,4 HW_INFO(4)");
	T_EQ(fake.last_flags, 0);
	T_EQ(d->dev_id, 4);
	T_STREQ(d->sysfs_path, "");
	T_STREQ(d->vfio_device, "");
	a = open_space();
	fake_log();
	T_OK(d->ops->attach(d, PASID_NONE, a, &why));
	T_EQ(d->ops->attach(d, 5, a, &why), -EOPNOTSUPP);
	T_STREQ(why.text, "PASID 5: this mock device has none, use the address mock:pasid");
	T_OK(d->ops->detach(d, PASID_NONE, a));
	T_STREQ(fake_log(), "HWPT_ALLOC(4,5,6,0x4)=7 MOCK_REPLACE(2,7) MOCK_REPLACE(2,1)");
	a->ops->ioas_close(a);
	fake_log();
	device_free(d);
	T_STREQ(fake_log(), "DESTROY(2) DESTROY(1)");
}

static void test_pasids(void)
{
	struct reason why = { 0 };
	struct device *d;
	struct ioas *a;

	fake.max_pasid_log2 = 20;
	d = open_device("mock:pasid");
	T_STREQ(fake_log(), "IOAS_ALLOC=1 MOCK_DEVICE(1)=2,4 HWPT_ALLOC(4,1,0,0x8)=5 MOCK_REPLACE(2,5) HW_INFO(4)");
	T_EQ(d->max_pasids, 1 << 20);
	a = open_space();
	fake_log();
	d->uses_pasids = true;
	T_OK(d->ops->attach(d, PASID_NONE, a, &why));
	T_OK(d->ops->attach(d, 9, a, &why));
	T_EQ(d->ops->attach(d, 0, a, &why), -EINVAL);
	T_STREQ(why.text, "PASID 0: the device takes 1 to 1048575");
	T_EQ(d->ops->attach(d, 1 << 20, a, &why), -EINVAL);
	T_OK(d->ops->detach(d, 9, a));
	T_OK(d->ops->detach(d, PASID_NONE, a));
	T_STREQ(fake_log(), "HWPT_ALLOC(4,6,7,0xc)=8 MOCK_REPLACE(2,8) MOCK_PASID_ATTACH(2,9,8) "
			    "MOCK_PASID_DETACH(2,9) MOCK_REPLACE(2,5)");
	a->ops->ioas_close(a);
	fake_log();
	d->ops->close(d);
	T_STREQ(fake_log(), "DESTROY(2) DESTROY(5) DESTROY(1)");
	T_OK(d->ops->open(d, iommufd, &why));
	device_free(d);
}

static void expect_open(unsigned long request, const char *address, int error, const char *text, const char *log)
{
	struct reason why = { 0 };
	struct device *d;

	fake_reset();
	T_OK(device_new("m", address, &d, NULL));
	fake_fail(request, error, 0, 1);
	T_EQ(d->ops->open(d, iommufd, &why), -error);
	T_EQ(why.error, error);
	T_STREQ(why.text, text);
	T_STREQ(fake_log(), log);
	device_free(d);
}

static void test_open_errors(void)
{
	expect_open(FAKE_MOCK_IOCTL, "mock", ENOTTY, "this kernel has no mock devices (CONFIG_IOMMUFD_TEST)",
		    "IOAS_ALLOC=1 DESTROY(1)");
	expect_open(FAKE_MOCK_IOCTL, "mock:pasid", EOPNOTSUPP,
		    "this kernel's mock devices have no PASIDs (6.15 or newer is "
		    "needed)", "IOAS_ALLOC=1 DESTROY(1)");
	expect_open(UAPI_IOMMU_GET_HW_INFO, "mock", EIO, "the kernel makes no mock device: Input/output error",
		    "IOAS_ALLOC=1 MOCK_DEVICE(1)=2,4 DESTROY(2) DESTROY(1)");
	expect_open(UAPI_IOMMU_HWPT_ALLOC, "mock:pasid", ENOMEM, "the kernel makes no mock device: Cannot "
								 "allocate memory",
		    "IOAS_ALLOC=1 MOCK_DEVICE(1)=2,4 DESTROY(2) DESTROY(1)");
}

static void test_attach_error(void)
{
	struct device *d = open_device("mock");
	struct reason why = { 0 };
	struct ioas *a = open_space();
	int fd;

	fake_log();
	fake_fail(FAKE_MOCK_IOCTL, ENOMEM, 0, 1);
	T_EQ(d->ops->attach(d, PASID_NONE, a, &why), -ENOMEM);
	T_STREQ(why.text, "the mock device refuses the page table: Cannot allocate memory");
	T_STREQ(fake_log(), "HWPT_ALLOC(4,5,6,0x4)=7 DESTROY(7)");
	T_EQ(d->ops->lend(d, &fd), -EOPNOTSUPP);
	a->ops->ioas_close(a);
	device_free(d);
}

#define RUN(test)         \
	do {              \
		fake_reset(); \
		t_run(test);  \
	} while (0)

int main(void)
{
	fake_reset();
	iommufd = fake_iommufd();
	RUN(test_plain);
	RUN(test_pasids);
	RUN(test_open_errors);
	RUN(test_attach_error);
	iommufd_close(iommufd);
	return 0;
}
