/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which engine an address belongs to and what is said about bad ones; making and freeing
 * devices; reasons.
 */
#include "device/device.h"

#include "t.h"

static int n_closed, n_freed;

static bool own_claims(const char *address, struct reason *why)
{
	(void)why;
	return strcmp(address, "sim") == 0 || strncmp(address, "sim:", 4) == 0;
}

static int own_new(const char *name, const char *address, struct device **ret, struct reason *why)
{
	struct device *d = malloc(sizeof(*d));

	T_ASSERT(d);
	if (strcmp(address, "sim:fails") == 0) {
		free(d);
		return reason_set(why, ENOMEM, "no such luck");
	}
	T_OK(device_init(d, device_table[2], name, address));
	*ret = d;
	return 0;
}

static void own_close(struct device *d)
{
	(void)d;
	n_closed++;
}

static void own_free(struct device *d)
{
	device_deinit(d);
	free(d);
	n_freed++;
}

static const struct device_ops own_ops = {
	.name = "sim",
	.claims = own_claims,
	.new = own_new,
	.close = own_close,
	.free = own_free,
};

const struct device_ops *const device_table[] = { &device_vfio_ops, &device_mock_ops, &own_ops, NULL };

static void expect_engine(const char *address, const char *name)
{
	struct reason why = { 0 };
	const struct device_ops *ops = device_find_ops(address, &why);

	if (!ops)
		t_fail(__FILE__, __LINE__, "%s: %s", address, why.text);
	T_STREQ(ops->name, name);
	T_OK(device_check_address(address, NULL));
}

static void test_engines(void)
{
	expect_engine("0000:3d:00.0", "vfio");
	expect_engine("3d:00.0", "vfio");
	expect_engine("10000:e1:1f.7", "vfio");
	expect_engine("ABCD:EF:0a.3", "vfio");
	expect_engine("vfio0", "vfio");
	expect_engine("vfio123", "vfio");
	expect_engine("/sys/bus/pci/devices/0000:3d:00.0", "vfio");
	expect_engine("/sys/class/vfio-dev/vfio0", "vfio");
	expect_engine("mock", "mock");
	expect_engine("mock:pasid", "mock");
	expect_engine("sim", "sim");
	expect_engine("sim:count=max", "sim");
	T_ASSERT(device_vfio_ops.uses_iommufd && device_mock_ops.uses_iommufd);
}

static void expect_error(const char *address, const char *text)
{
	struct reason why = { 0 };

	T_ASSERT(!device_find_ops(address, &why));
	T_EQ(why.error, EINVAL);
	T_STREQ(why.text, text);
	T_EQ(device_check_address(address, NULL), -EINVAL);
}

#define NO_BDF(address)                                                                              \
	expect_error(address, "\"" address "\" is no PCI address: expected [DOMAIN:]BUS:DEVICE.FUNCTION " \
			      "in hexadecimal, like 0000:3d:00.0")
#define NOBODYS(address)                                                                                            \
	expect_error(address, "\"" address "\" is no device address: expected a PCI address like 0000:3d:00.0, "         \
			      "vfioN, a path below /sys, sim[:options] or mock[:pasid]")

static void test_bad_addresses(void)
{
	NO_BDF("0000:3d:00.8");
	NO_BDF("0000:3d:20.0");
	NO_BDF("0000:3d:00");
	NO_BDF("0000:3d:00.");
	NO_BDF("0000:3d:00.0 ");
	NO_BDF("0000:3d:00.00");
	NO_BDF("000:3d:00.0");
	NO_BDF("000000000:3d:00.0");
	NO_BDF("0000:3dd:00.0");
	NO_BDF("0000:3d:0.0");
	NO_BDF("0000:3d:00.0:1");
	NO_BDF("0000:zz:00.0");
	NO_BDF("3d:");
	NO_BDF(":3d:00.0");
	NOBODYS("");
	NOBODYS("3d");
	NOBODYS("nvme0");
	NOBODYS("simulated");
	NOBODYS("mocks");
	NOBODYS("0x3d:00.0");
	expect_error("vfio", "\"vfio\" is no VFIO device: expected vfio and a number, like vfio0");
	expect_error("vfio0x", "\"vfio0x\" is no VFIO device: expected vfio and a number, like vfio0");
	expect_error("vfio-pci", "\"vfio-pci\" is no VFIO device: expected vfio and a number, like vfio0");
	expect_error("/dev/vfio/7", "\"/dev/vfio/7\" is not below /sys: expected the sysfs path of a device");
	expect_error("/sys/", "\"/sys/\" is not below /sys: expected the sysfs path of a device");
	expect_error("mock:", "unknown option \"\" of mock: expected pasid");
	expect_error("mock:pasids", "unknown option \"pasids\" of mock: expected pasid");
}

static void test_new_and_free(void)
{
	struct device *d;
	struct reason why = { 0 };

	T_OK(device_new("a", "sim", &d, &why));
	T_STREQ(d->name, "a");
	T_STREQ(d->address, "sim");
	T_STREQ(d->sysfs_path, "");
	T_STREQ(d->vfio_device, "");
	T_ASSERT(!d->uses_pasids && !d->bus_master && d->max_pasids == 0);
	T_ASSERT(!device_free(d));
	T_EQ(n_closed, 1);
	T_EQ(n_freed, 1);
	T_ASSERT(!device_free(NULL));
	T_EQ(device_new("a", "sim:fails", &d, &why), -ENOMEM);
	T_STREQ(why.text, "no such luck");
	T_EQ(device_new("a", "nvme0", &d, &why), -EINVAL);
	T_EQ(why.error, EINVAL);

	/* Never opened, so there is nothing that closing could do. */
	T_OK(device_new("b", "0000:3d:00.0", &d, &why));
	device_free(d);
	T_OK(device_new("c", "mock:pasid", &d, &why));
	device_free(d);
}

static void test_reason(void)
{
	struct reason why;
	char text[1000];

	T_EQ(reason_set(NULL, EIO, "nobody listens"), -EIO);
	T_EQ(reason_set(&why, EIO, "bad %d", 7), -EIO);
	T_EQ(why.error, EIO);
	T_STREQ(why.text, "bad 7");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	reason_set(&why, EIO, "%s", text);
	T_EQ(strlen(why.text), sizeof(why.text) - 1);
}

int main(void)
{
	t_run(test_engines);
	t_run(test_bad_addresses);
	t_run(test_new_and_free);
	t_run(test_reason);
	return 0;
}
