/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vfio engine over a made-up sysfs and a made-up kernel: finding the device, the order
 * of calls, and the sentence for each errno that the kernel can answer with.
 */
#include "device/vfio.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "device/iommufd.h"
#include "fake-iommufd.h"
#include "t.h"

#define CONFIG_AT 0x100000 /* where the fake says that the node has configuration space */

const struct device_ops *const device_table[] = { &device_vfio_ops, NULL };

static struct iommufd *iommufd;
static char root[4096], node[4200];

static void make_file(const char *path, const char *contents)
{
	char whole[4400];
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		T_ASSERT(mkdir(whole, 0777) == 0 || errno == EEXIST);
		*p = '/';
	}
	fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	T_ASSERT(fd >= 0);
	T_EQ(write(fd, contents, strlen(contents)), strlen(contents));
	close(fd);
}

static void remove_file(const char *path)
{
	char whole[4400];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	T_EQ(remove(whole), 0);
}

static void make_link(const char *path, const char *target)
{
	char whole[4400];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	unlink(whole);
	T_EQ(symlink(target, whole), 0);
}

#define FOLDER "sys/devices/pci0000:3c/" FAKE_BDF

static void make_tree(void)
{
	snprintf(root, sizeof(root), "%s", t_tmpdir());
	snprintf(node, sizeof(node), "%s/dev/vfio/devices/vfio7", root);
	make_file(FOLDER "/vendor", "0x1b36\n");
	make_file(FOLDER "/device", "0x0010\n");
	make_file(FOLDER "/vfio-dev/vfio7/dev", "510:7\n");
	make_file("sys/bus/pci/devices/.keep", "");
	make_file("sys/class/vfio-dev/.keep", "");
	make_file("dev/vfio/devices/vfio7", "");
	make_link("sys/bus/pci/devices/" FAKE_BDF, "../../../devices/pci0000:3c/" FAKE_BDF);
	make_link("sys/class/vfio-dev/vfio7", "../../devices/pci0000:3c/" FAKE_BDF "/vfio-dev/vfio7");
	make_link(FOLDER "/vfio-dev/vfio7/device", "../../../" FAKE_BDF);
	make_link(FOLDER "/driver", "../../../bus/pci/drivers/vfio-pci");
}

static struct device *new_device(const char *address)
{
	static char sysfs[4200], dev[4200];
	struct device *d;

	snprintf(sysfs, sizeof(sysfs), "%s/sys", root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	T_OK(device_new("d", address, &d, NULL));
	container_of(d, struct vfio, device)->paths = (struct vfio_paths){ .sysfs = sysfs, .dev = dev };
	return d;
}

static struct device *open_device(void)
{
	struct device *d = new_device(FAKE_BDF);
	struct reason why = { 0 };

	if (d->ops->open(d, iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "open: %s", why.text);
	return d;
}

static struct ioas *open_space(void)
{
	const struct iova_range range = { .start = 0x10000000, .length = 0x100000 };
	struct ioas *a;

	T_OK(device_vfio_ops.ioas_open(iommufd, &range, 1, &a, NULL));
	return a;
}

/* Writes capabilities, as {id, 16-bit word at offset 6} pairs, as configuration space. */
static void write_config(const char *path, off_t at, const uint16_t (*caps)[2], size_t n)
{
	uint8_t config[0x200] = { 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	T_ASSERT(fd >= 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t offset = 0x100 + 0x10 * (uint32_t)i;
		uint32_t header = htole32(caps[i][0] | 1u << 16 | (i + 1 < n ? (offset + 0x10) << 20 : 0));
		uint16_t word = htole16(caps[i][1]);

		memcpy(config + offset, &header, sizeof(header));
		memcpy(config + offset + 6, &word, sizeof(word));
	}
	T_EQ(pwrite(fd, config, sizeof(config), at), sizeof(config));
	close(fd);
}

static const uint16_t all_caps[][2] = { { PCI_ECAP_ATS, 0 }, { PCI_ECAP_PRI, 0x8000 }, { PCI_ECAP_PASID, 0 } };

static void test_find(void)
{
	static const char *const addresses[] = {
		FAKE_BDF, "3d:00.0", "vfio7", "/sys/bus/pci/devices/" FAKE_BDF,
		"/sys/devices/pci0000:3c/" FAKE_BDF, "/sys/class/vfio-dev/vfio7",
	};
	char folder[4400], *real;

	snprintf(folder, sizeof(folder), "%s/" FOLDER, root);
	real = realpath(folder, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct device *d = new_device(addresses[i]);
		struct reason why = { 0 };

		/* Without a domain, it is 0. */
		if (d->ops->open(d, iommufd, &why) < 0)
			t_fail(__FILE__, __LINE__, "%s: %s", addresses[i], why.text);
		T_STREQ(d->sysfs_path, real);
		T_STREQ(d->vfio_device, node);
		T_EQ(d->vendor_id, 0x1b36);
		T_EQ(d->device_id, 0x10);
		device_free(d);
	}
	free(real);
}

static void expect_open(const char *address, int error, const char *text)
{
	struct device *d = new_device(address);
	struct reason why = { 0 };

	T_EQ(d->ops->open(d, iommufd, &why), -error);
	T_EQ(why.error, error);
	if (!strstr(why.text, text))
		T_STREQ(why.text, text);
	device_free(d);
}

static void test_not_found(void)
{
	expect_open("0000:3d:00.1", ENOENT, "there is no such device (");
	expect_open("vfio8", ENOENT, "/sys/class/vfio-dev/vfio8)");
	expect_open("/sys/devices/none", ENOENT, "/sys/devices/none)");
}

static void test_no_vfio_driver(void)
{
	remove_file(FOLDER "/vfio-dev/vfio7/dev");
	expect_open(FAKE_BDF, EOPNOTSUPP,
		    "it has no character device: this kernel is built without CONFIG_VFIO_DEVICE_CDEV, or the "
		    "device has no IOMMU (noiommu mode)");
	remove_file(FOLDER "/vfio-dev/vfio7/device");
	remove_file(FOLDER "/vfio-dev/vfio7");
	remove_file(FOLDER "/vfio-dev");
	make_link(FOLDER "/driver", "../../../bus/pci/drivers/nvme");
	expect_open(FAKE_BDF, ENXIO, "the driver nvme is bound to it, which is no vfio driver; bind it: iopfctl "
				     "bind " FAKE_BDF);
	remove_file(FOLDER "/driver");
	expect_open(FAKE_BDF, ENXIO, "no driver is bound to it; bind it: iopfctl bind " FAKE_BDF);
	make_tree();
}

/* What was found shows, though the device could not be opened. */
static void test_found_but_failed(void)
{
	struct device *d = new_device(FAKE_BDF);

	fake_fail(UAPI_VFIO_DEVICE_BIND_IOMMUFD, EINVAL, 0, 1);
	T_EQ(d->ops->open(d, iommufd, NULL), -EINVAL);
	T_STREQ(d->vfio_device, node);
	T_ASSERT(*d->sysfs_path);
	T_OK(d->ops->open(d, iommufd, NULL));
	device_free(d);
}

static void test_open_errors(void)
{
	static const struct {
		int error;
		const char *text;
	} rows[] = {
		{ ENOENT, "the device node is missing: udev has not made it, or /dev/vfio is not in this sandbox" },
		{ EACCES, "no permission: a udev rule must give it to the daemon's group: SUBSYSTEM==\"vfio-dev\", "
			  "GROUP=\"iopfd\", MODE=\"0660\"" },
		{ EPERM, "the sandbox does not allow it: the unit needs DeviceAllow=char-vfio-dev rw" },
		{ EBUSY, "another process uses it: stop that one first" },
		{ ENODEV, "the device is being removed or unbound from its driver" },
		{ EMFILE, "too many open files: raise LimitNOFILE=" },
		{ EIO, "Input/output error" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vfio v = { .device.vfio_device = (char *)"/dev/vfio/devices/vfio0" };
		struct reason why = { 0 };
		char text[300];

		fake.node = node;
		fake.open_error = rows[i].error;
		expect_open(FAKE_BDF, rows[i].error, "cannot open ");
		T_EQ(vfio_explain(&v, VFIO_OPEN, rows[i].error, &why), -rows[i].error);
		snprintf(text, sizeof(text), "cannot open /dev/vfio/devices/vfio0: %s", rows[i].text);
		T_STREQ(why.text, text);
	}
}

/* kernel: vfio_df_ioctl_bind_iommufd() and what it calls */
static void test_bind_errors(void)
{
	static const struct {
		int error;
		const char *text;
	} rows[] = {
		{ EINVAL, "it is open already: another process, such as a driver that got its fd from OpenDevice, "
			  "must close it; or another [device] section names the same device; or else the IOMMU is "
			  "not cache-coherent" },
		{ EBADF, "the iommufd is closed: this is a bug in iopfd" },
		{ EBADFD, "the iommufd is no /dev/iommu: this is a bug in iopfd" },
		{ EBUSY, "the device is in use through its legacy group (/dev/vfio/N), or its IOMMU group is "
			 "not in its default domain: stop the program that uses it" },
		{ EPERM, "a device of the same IOMMU group is used by a host driver or another program: bind the "
			 "whole group to vfio-pci; or interrupts are not isolated: enable interrupt remapping (or set "
			 "iommufd.allow_unsafe_interrupts)" },
		{ ENODEV, "the device has no IOMMU: enable it in the firmware and boot with "
			  "intel_iommu=on,sm_on; or its driver is going away" },
		{ EACCES, "the kernel wants a VF token: the device is a virtual function, or a physical one "
			  "whose virtual functions are in use" },
		{ EAGAIN, "the device could not be reset, something else holds its lock: try again" },
		{ E2BIG, "the kernel does not know all of the request: this is a bug in iopfd" },
		{ EIO, "Input/output error" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct device *d = new_device(FAKE_BDF);
		struct reason why = { 0 };

		fake_fail(UAPI_VFIO_DEVICE_BIND_IOMMUFD, rows[i].error, 0, 1000);
		T_EQ(d->ops->open(d, iommufd, &why), -rows[i].error);
		T_EQ(why.error, rows[i].error);
		T_STREQ(why.text, rows[i].text);
		device_free(d);
	}
}

static void test_bind_is_tried_again(void)
{
	struct device *d = new_device(FAKE_BDF);

	fake_fail(UAPI_VFIO_DEVICE_BIND_IOMMUFD, EAGAIN, 0, 3);
	T_OK(d->ops->open(d, iommufd, NULL));
	T_STREQ(fake_log(), "BIND=1 HW_INFO(1)");
	T_EQ(d->dev_id, 1);
	device_free(d);
}

static void test_hw_info_errors(void)
{
	fake_fail(UAPI_IOMMU_GET_HW_INFO, ENOENT, 0, 1);
	expect_open(FAKE_BDF, EOPNOTSUPP, "the device is emulated in software (mdev): it has no IO page faults");
	fake_fail(UAPI_IOMMU_GET_HW_INFO, EIO, 0, 1);
	expect_open(FAKE_BDF, EIO, "the IOMMU does not say what it can do: IOMMU_GET_HW_INFO failed: Input/output error");
}

static void test_order(void)
{
	struct ioas *a, *b;
	struct device *d;

	fake.max_pasid_log2 = 8;
	d = open_device();
	T_EQ(d->max_pasids, 256);
	d->uses_pasids = true;
	a = open_space();
	b = open_space();
	T_OK(d->ops->attach(d, PASID_NONE, a, NULL));
	T_OK(d->ops->attach(d, 5, b, NULL));
	T_OK(d->ops->attach(d, 255, a, NULL));
	T_STREQ(fake_log(), "BIND=1 HW_INFO(1) IOAS_ALLOC=2 ALLOW_IOVAS(2,1) QUEUE=3 IOAS_ALLOC=4 "
			    "ALLOW_IOVAS(4,1) QUEUE=5 HWPT_ALLOC(1,2,3,0xc)=6 ATTACH(6) "
			    "HWPT_ALLOC(1,4,5,0xc)=7 ATTACH(7,pasid 5) ATTACH(6,pasid 255)");
	T_OK(d->ops->detach(d, 255, a));
	T_OK(d->ops->detach(d, 5, b));
	T_OK(d->ops->detach(d, PASID_NONE, a));
	b->ops->ioas_close(b);
	T_STREQ(fake_log(), "DETACH(pasid 255) DETACH(pasid 5) DETACH DESTROY(7) CLOSE(queue) DESTROY(5) "
			    "UNMAP(4,all) DESTROY(4)");
	a->ops->ioas_close(a);
	device_free(d);
}

static void expect_attach(uint32_t pasid, int error, int result, const char *text)
{
	struct device *d = open_device();
	struct ioas *a = open_space();
	struct reason why = { 0 };

	if (error)
		fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, error, 0, 1);
	T_EQ(d->ops->attach(d, pasid, a, &why), -result);
	T_EQ(why.error, result);
	T_STREQ(why.text, text);
	fake_log();
	a->ops->ioas_close(a);
	T_STREQ(fake_log(), "CLOSE(queue) DESTROY(3) UNMAP(2,all) DESTROY(2)");
	device_free(d);
	fake.next_id = 1;
}

static const struct {
	int error;
	const char *text;
} attach_rows[] = {
	{ ENOENT, "the kernel does not know the page table: this is a bug in iopfd" },
	{ EINVAL, "another device of its IOMMU group is attached elsewhere, or the page table does not fit its "
		  "IOMMU" },
	{ EADDRINUSE, "a region of the space covers addresses that are reserved for this device, such as those "
		      "of interrupts" },
	{ EBUSY, "a device of its IOMMU group is being reset: try again" },
	{ EFAULT, "what is mapped in the space could not be pinned for it" },
	{ ENOMEM, "no memory: RLIMIT_MEMLOCK (LimitMEMLOCK=) or the machine's memory is used up" },
	{ EOPNOTSUPP, "the IOMMU's driver does not support it" },
	{ EIO, "Input/output error" },
};

/* kernel: vfio_df_ioctl_attach_pt() and what it calls; ENODEV is test_capabilities */
static void test_attach_errors(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach_rows); i++)
		expect_attach(PASID_NONE, attach_rows[i].error, attach_rows[i].error, attach_rows[i].text);
}

static void test_attach_pasid_errors(void)
{
	fake.max_pasid_log2 = 8;
	for (size_t i = 0; i < ARRAY_SIZE(attach_rows); i++)
		if (attach_rows[i].error != EINVAL && attach_rows[i].error != EOPNOTSUPP)
			expect_attach(5, attach_rows[i].error, attach_rows[i].error, attach_rows[i].text);
	expect_attach(5, EINVAL, EINVAL,
		      "the kernel refuses the PASID: it needs 6.15 or newer, a PASID that is below the IOMMU's "
		      "limit, and the device itself in a space made for PASIDs");
	expect_attach(5, EOPNOTSUPP, EOPNOTSUPP,
		      "PASIDs cannot be attached: neither AMD's IOMMU driver nor variant VFIO drivers support "
		      "it, only vfio-pci on Intel VT-d does");
	expect_attach(0, 0, EINVAL, "PASID 0: the device takes 1 to 255");
	expect_attach(256, 0, EINVAL, "PASID 256: the device takes 1 to 255");
	fake.max_pasid_log2 = 0;
	expect_attach(5, 0, EOPNOTSUPP,
		      "PASID 5: the device has no PASIDs, or the IOMMU does not use them (scalable mode, "
		      "intel_iommu=on,sm_on, is needed)");
}

#define NO_IOMMU_PRI                                                                    \
	"the IOMMU has no page requests: it needs intel_iommu=on,sm_on (scalable mode) and " \
	"the extended capability PRS"
#define NO_PRPR                                                                        \
	"the device has PASID, but not PRG Response PASID Required: the kernel does not use " \
	"its page requests"

static void test_capabilities(void)
{
	static const uint16_t no_pri[][2] = { { PCI_ECAP_ATS, 0 }, { 0x03, 0 } };
	static const uint16_t no_ats[][2] = { { 0x03, 0 }, { PCI_ECAP_PRI, 0x8000 } };
	static const uint16_t no_prpr[][2] = { { PCI_ECAP_ATS, 0 }, { PCI_ECAP_PRI, 0x0100 }, { PCI_ECAP_PASID, 0 } };
	char sysfs_config[4400];

	snprintf(sysfs_config, sizeof(sysfs_config), "%s/" FOLDER "/config", root);
	write_config(node, CONFIG_AT, all_caps, 2);
	expect_attach(PASID_NONE, ENODEV, ENODEV, NO_IOMMU_PRI);
	write_config(node, CONFIG_AT, no_pri, 2);
	expect_attach(PASID_NONE, ENODEV, ENODEV,
		      "no PRI capability: the device cannot ask for pages, so it cannot have IO page faults");
	write_config(node, CONFIG_AT, no_ats, 2);
	expect_attach(PASID_NONE, ENODEV, ENODEV,
		      "no ATS capability: the device cannot ask for translations, so it cannot have IO page "
		      "faults");

	/* VFIO does not show the PASID capability; the kernel tells of PASIDs, or sysfs does. */
	write_config(node, CONFIG_AT, no_prpr, 2);
	expect_attach(PASID_NONE, ENODEV, ENODEV, NO_IOMMU_PRI);
	write_config(sysfs_config, 0, no_prpr, 3);
	expect_attach(PASID_NONE, ENODEV, ENODEV, NO_PRPR);
	remove_file(FOLDER "/config");
	fake.max_pasid_log2 = 8;
	expect_attach(PASID_NONE, ENODEV, ENODEV, NO_PRPR);
	expect_attach(5, ENODEV, ENODEV, NO_PRPR);
	write_config(node, CONFIG_AT, all_caps, 2);
	expect_attach(PASID_NONE, ENODEV, ENODEV, NO_IOMMU_PRI);

	T_EQ(truncate(node, CONFIG_AT + 64), 0);
	expect_attach(PASID_NONE, ENODEV, ENODEV, "the device or its IOMMU has no page requests (ATS and PRI)");
	T_EQ(truncate(node, 0), 0);
}

static void test_virtual_function(void)
{
	char config[4400];

	make_link(FOLDER "/physfn", "../0000:3d:00.1");
	make_file("sys/devices/pci0000:3c/0000:3d:00.1/vendor", "0x1b36\n");
	expect_attach(PASID_NONE, EINVAL, EINVAL,
		      "the device is a VF of a PRI-capable PF: the kernel refuses IO page faults of virtual "
		      "functions");
	snprintf(config, sizeof(config), "%s/sys/devices/pci0000:3c/0000:3d:00.1/config", root);
	write_config(config, 0, all_caps, 1);
	expect_attach(PASID_NONE, EINVAL, EINVAL, attach_rows[1].text);
	write_config(config, 0, all_caps, 2);
	expect_attach(PASID_NONE, EINVAL, EINVAL,
		      "the device is a VF of a PRI-capable PF: the kernel refuses IO page faults of virtual "
		      "functions");
	remove_file(FOLDER "/physfn");
}

static uint16_t read_command(void)
{
	uint16_t command = 0;
	int fd = open(node, O_RDONLY | O_CLOEXEC);

	T_EQ(pread(fd, &command, sizeof(command), CONFIG_AT + 4), sizeof(command));
	close(fd);
	return le16toh(command);
}

static void test_bus_master(void)
{
	struct reason why = { 0 };
	struct device *d;
	struct ioas *a;

	write_config(node, CONFIG_AT, all_caps, 2);
	d = open_device();
	a = open_space();
	T_OK(d->ops->attach(d, PASID_NONE, a, &why));
	T_EQ(read_command(), 0);
	T_OK(d->ops->detach(d, PASID_NONE, a));
	d->bus_master = true;
	fake_fail(UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, EBUSY, 0, 1);
	T_EQ(d->ops->attach(d, PASID_NONE, a, &why), -EBUSY);
	T_EQ(read_command(), 0);
	T_OK(d->ops->attach(d, PASID_NONE, a, &why));
	T_EQ(read_command(), 6);
	T_OK(d->ops->detach(d, PASID_NONE, a));

	/* Without it the device would be useless, so it is not left attached. */
	fake_log();
	fake_fail(UAPI_VFIO_DEVICE_GET_REGION_INFO, EINVAL, 0, 1);
	T_EQ(d->ops->attach(d, PASID_NONE, a, &why), -EINVAL);
	T_STREQ(why.text, "cannot set bus mastering in the device's configuration: Invalid argument");
	T_STREQ(fake_log(), "ATTACH(4) DETACH");
	a->ops->ioas_close(a);
	device_free(d);
	T_EQ(truncate(node, 0), 0);
}

/* The RID comes last: until then, what the device asks without a PASID is refused. */
static void test_bus_master_after_pasids(void)
{
	struct device *d;
	struct ioas *a;

	fake.max_pasid_log2 = 8;
	write_config(node, CONFIG_AT, all_caps, 2);
	d = open_device();
	d->uses_pasids = d->bus_master = true;
	a = open_space();
	T_OK(d->ops->attach(d, 5, a, NULL));
	T_EQ(read_command(), 0);
	T_OK(d->ops->attach(d, PASID_NONE, a, NULL));
	T_EQ(read_command(), 6);
	a->ops->ioas_close(a);
	device_free(d);
	T_EQ(truncate(node, 0), 0);
}

static void test_lend(void)
{
	struct device *d = open_device();
	struct stat of_node, of_fd;
	int fd;

	T_OK(d->ops->lend(d, &fd));
	T_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	d->ops->close(d);
	T_EQ(fstat(fd, &of_fd), 0);
	T_EQ(stat(node, &of_node), 0);
	T_EQ(of_fd.st_ino, of_node.st_ino);
	close(fd);
	d->ops->close(d);
	device_free(d);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* The kernel asks for the device, and says that it is broken; both only of PCI devices. */
static void test_events(void)
{
	struct device *d = new_device(FAKE_BDF);

	fake.vfio_flags = UAPI_VFIO_DEVICE_FLAGS_PCI;
	fake.n_irqs = 5;
	T_OK(d->ops->open(d, iommufd, NULL));
	T_ASSERT(d->request_fd >= 0 && d->error_fd >= 0 && fake.request_fd >= 0 && fake.error_fd >= 0);
	T_ASSERT(fcntl(d->request_fd, F_GETFD) & FD_CLOEXEC && fcntl(d->error_fd, F_GETFL) & O_NONBLOCK);
	T_OK(eventfd_write(fake.request_fd, 1));
	T_ASSERT(is_readable(d->request_fd) && !is_readable(d->error_fd));
	T_OK(eventfd_write(fake.error_fd, 1));
	T_ASSERT(is_readable(d->error_fd));
	d->ops->close(d);
	T_EQ(d->request_fd, -1);
	T_EQ(d->error_fd, -1);

	/* Conventional PCI: no error event. */
	fake_fail(UAPI_VFIO_DEVICE_SET_IRQS, EINVAL, 1, 1);
	T_OK(d->ops->open(d, iommufd, NULL));
	T_ASSERT(d->request_fd >= 0);
	T_EQ(d->error_fd, -1);
	d->ops->close(d);

	/* In other devices these are interrupts. */
	fake_reset();
	fake.n_irqs = 5;
	T_OK(d->ops->open(d, iommufd, NULL));
	T_EQ(fake.request_fd, -1);
	T_EQ(fake.error_fd, -1);
	T_EQ(d->request_fd, -1);
	d->ops->close(d);
	fake.vfio_flags = UAPI_VFIO_DEVICE_FLAGS_PCI;
	fake_fail(UAPI_VFIO_DEVICE_GET_INFO, EIO, 0, 1);
	T_OK(d->ops->open(d, iommufd, NULL));
	T_EQ(d->request_fd, -1);
	device_free(d);
}

static void expect_look(const struct device *d, int error, const char *text)
{
	struct reason why = { 0 };

	T_EQ(d->ops->look(d, &why), -error);
	if (!strstr(why.text, text))
		T_STREQ(why.text, text);
}

static void test_look(void)
{
	struct device *d = new_device(FAKE_BDF);
	char *path = d->ops->watch(d), folder[4200];

	snprintf(folder, sizeof(folder), "%s/dev/vfio/devices/*", root);
	T_STREQ(path, folder);
	free(path);
	expect_look(d, 0, "");
	T_OK(d->ops->open(d, iommufd, NULL));
	expect_look(d, 0, "");

	/* The node goes first, and that is enough for an open one. */
	remove_file("dev/vfio/devices/vfio7");
	expect_look(d, ENOENT, "vfio7 has gone");
	d->ops->close(d);
	expect_look(d, ENOENT, "vfio7 cannot be opened: No such file or directory");
	remove_file(FOLDER "/vfio-dev/vfio7/device");
	remove_file(FOLDER "/vfio-dev/vfio7/dev");
	remove_file(FOLDER "/vfio-dev/vfio7");
	remove_file(FOLDER "/vfio-dev");
	expect_look(d, ENXIO, "which is no vfio driver");
	remove_file("sys/bus/pci/devices/" FAKE_BDF);
	expect_look(d, ENOENT, "there is no such device");
	device_free(d);
	make_tree();

	/* Whoever sees no node, as in a sandbox, looks into sysfs. */
	d = open_device();
	container_of(d, struct vfio, device)->saw_node = false;
	remove_file("dev/vfio/devices/vfio7");
	expect_look(d, 0, "");
	remove_file(FOLDER "/vfio-dev/vfio7/device");
	remove_file(FOLDER "/vfio-dev/vfio7/dev");
	remove_file(FOLDER "/vfio-dev/vfio7");
	remove_file(FOLDER "/vfio-dev");
	expect_look(d, ENOENT, "vfio-dev has gone");
	device_free(d);
	make_tree();
}

/* /dev/null plays the part of the device file: sysfs says that its number is vfio7's. */
static void test_given_fd(void)
{
	struct device *d = new_device("0000:00:00.0");
	struct reason why = { 0 };
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), plain = open(node, O_RDWR | O_CLOEXEC);

	T_ASSERT(fd >= 0 && plain >= 0);
	make_file("sys/dev/char/.keep", "");
	make_link("sys/dev/char/1:3", "../../devices/pci0000:3c/" FAKE_BDF "/vfio-dev/vfio7");
	fake.node = node;
	fake.open_error = EACCES;
	T_EQ(d->given_fd, -1);
	d->given_fd = fd;
	if (d->ops->open(d, iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "open: %s", why.text);
	T_STREQ(fake_log(), "BIND=1 HW_INFO(1)");
	T_EQ(d->given_fd, -1);
	T_EQ(container_of(d, struct vfio, device)->fd, fd);
	T_STREQ(d->vfio_device, node);
	T_EQ(d->vendor_id, 0x1b36);
	d->ops->close(d);
	T_EQ(fcntl(fd, F_GETFD), -1);

	/* What is refused is closed as well. */
	d->given_fd = plain;
	T_EQ(d->ops->open(d, iommufd, &why), -EINVAL);
	T_STREQ(why.text, "the file that was given is no VFIO device: expected one of /dev/vfio/devices/vfio*");
	T_EQ(d->given_fd, -1);
	T_EQ(fcntl(plain, F_GETFD), -1);
	d->given_fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	T_EQ(d->ops->open(d, iommufd, &why), -EINVAL);
	fd = d->given_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	fake_fail(UAPI_VFIO_DEVICE_BIND_IOMMUFD, EBUSY, 0, 1);
	T_EQ(d->ops->open(d, iommufd, &why), -EBUSY);
	T_EQ(fcntl(fd, F_GETFD), -1);

	/* Or never asked for. */
	fd = d->given_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	device_free(d);
	T_EQ(fcntl(fd, F_GETFD), -1);
}

#define RUN(test)         \
	do {              \
		fake_reset(); \
		t_run(test);  \
	} while (0)

int main(void)
{
	make_tree();
	fake_reset();
	iommufd = fake_iommufd();
	RUN(test_find);
	RUN(test_not_found);
	RUN(test_no_vfio_driver);
	RUN(test_found_but_failed);
	RUN(test_open_errors);
	RUN(test_bind_errors);
	RUN(test_bind_is_tried_again);
	RUN(test_hw_info_errors);
	RUN(test_order);
	RUN(test_attach_errors);
	RUN(test_attach_pasid_errors);
	RUN(test_capabilities);
	RUN(test_virtual_function);
	RUN(test_bus_master);
	RUN(test_bus_master_after_pasids);
	RUN(test_lend);
	RUN(test_events);
	RUN(test_look);
	RUN(test_given_fd);
	iommufd_close(iommufd);
	return 0;
}
