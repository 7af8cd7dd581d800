/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iopfctl bind and unbind: a device goes to vfio-pci by driver_override and drivers_probe, and
 * back by clearing it. A device in use is refused, and there is no option against that. All
 * devices are looked at before the first is touched, so that the devices of one IOMMU group
 * can be bound together. With --root= nothing answers to what is written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/bind-use.h"
#include "ctl/ctl.h"
#include "ctl/probe-files.h"
#include "ctl/probe.h"

#define DEVICES "/sys/bus/pci/devices"
#define VFIO_PCI "vfio-pci"

typedef int step(const char *bdf, const struct files_names *all);

static int refuse(const char *bdf, const char *why)
{
	fprintf(stderr, "iopfctl: %s: %s\n", bdf, why);
	return CTL_FAILURE;
}

static int write_failed(const char *bdf, const char *what, int error)
{
	fprintf(stderr, "iopfctl: %s: cannot %s: %s\n", bdf, what,
		error == -EACCES || error == -EPERM ? "only root may" : strerror(-error));
	return error == -EACCES || error == -EPERM ? CTL_DENIED : CTL_FAILURE;
}

/* False: no driver is bound. */
static bool driver_of(const char *bdf, char *ret, size_t size)
{
	return files_link(ret, size, DEVICES "/%s/driver", bdf) == 0;
}

static bool is_vfio_bound(const char *bdf)
{
	char name[64];

	return probe_vfio_name(bdf, name, sizeof(name)) ||
	       (driver_of(bdf, name, sizeof(name)) && strcmp(name, VFIO_PCI) == 0);
}

static bool is_bridge(const char *bdf)
{
	char class[16] = "";

	files_read(class, sizeof(class), DEVICES "/%s/class", bdf);
	return strncmp(class, "0x06", 4) == 0;
}

static bool is_among(const char *bdf, const struct files_names *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->names[i], bdf) == 0)
			return true;
	return false;
}

/* The kernel does not hand out a device while a driver of the host has another one of its
 * group; one without a driver does not matter, nor do bridges. */
static int check_group(const char *bdf, const struct files_names *all)
{
	_cleanup_(files_names_deinit) struct files_names names = { 0 };
	char driver[64];

	if (files_list(&names, DEVICES "/%s/iommu_group/devices", bdf) < 0)
		return refuse(bdf, "it is in no IOMMU group; iopfctl probe says how to switch the IOMMU on");
	for (size_t i = 0; i < names.n; i++) {
		const char *other = names.names[i];

		if (is_among(other, all) || is_vfio_bound(other) || is_bridge(other) ||
		    !driver_of(other, driver, sizeof(driver)))
			continue;
		fprintf(stderr, "iopfctl: %s: %s in the same IOMMU group is bound to %s; bind both: iopfctl bind %s "
			"%s\n", bdf, other, driver, bdf, other);
		return CTL_FAILURE;
	}
	return CTL_OK;
}

static int check_use(const char *bdf)
{
	char who[512];

	if (!use_find(bdf, who, sizeof(who)))
		return CTL_OK;
	fprintf(stderr, "iopfctl: %s: it is in use: %s\n", bdf, who);
	return CTL_FAILURE;
}

static int check_bind(const char *bdf, const struct files_names *all)
{
	int r;

	if (is_vfio_bound(bdf))
		return CTL_OK;
	if (is_bridge(bdf))
		return refuse(bdf, "it is a bridge: bind the devices behind it");
	r = check_use(bdf);
	return r == CTL_OK ? check_group(bdf, all) : r;
}

static int check_unbind(const char *bdf, const struct files_names *all)
{
	(void)all;
	return is_vfio_bound(bdf) ? check_use(bdf) : CTL_OK;
}

/* Without the driver the override would leave the device without any. */
static int load_module(void)
{
	char *argv[] = { (char *)"modprobe", (char *)VFIO_PCI, NULL };
	int r;

	if (files_exist("/sys/bus/pci/drivers/" VFIO_PCI))
		return CTL_OK;
	fprintf(stderr, "iopfctl: loading the module " VFIO_PCI "\n");
	r = files_run(argv);
	if (r == 0 && files_exist("/sys/bus/pci/drivers/" VFIO_PCI))
		return CTL_OK;
	fprintf(stderr, "iopfctl: there is no driver " VFIO_PCI ": the kernel needs CONFIG_VFIO_PCI, and modprobe to "
		"be run as root\n");
	return CTL_NOT_SUPPORTED;
}

static int release(const char *bdf)
{
	char driver[64];

	if (!driver_of(bdf, driver, sizeof(driver)))
		return 0;
	return files_write(bdf, DEVICES "/%s/driver/unbind", bdf);
}

static int set_override(const char *bdf, const char *driver)
{
	return files_write(driver, DEVICES "/%s/driver_override", bdf);
}

static int probe_drivers(const char *bdf)
{
	return files_write(bdf, "/sys/bus/pci/drivers_probe");
}

/* As it was, as far as the kernel lets us. */
static int give_back(const char *bdf, int status)
{
	set_override(bdf, "\n");
	probe_drivers(bdf);
	return status;
}

static int do_bind(const char *bdf, const struct files_names *all)
{
	char driver[64] = "";
	int r;

	(void)all;
	if (is_vfio_bound(bdf)) {
		printf("%s: is bound to " VFIO_PCI " already\n", bdf);
		return CTL_OK;
	}
	/* First the override, so that no other driver takes it in between. */
	r = set_override(bdf, VFIO_PCI "\n");
	if (r < 0)
		return write_failed(bdf, "set driver_override", r);
	r = release(bdf);
	if (r < 0)
		return give_back(bdf, write_failed(bdf, "unbind its driver", r));
	r = probe_drivers(bdf);
	if (r < 0)
		return give_back(bdf, write_failed(bdf, "bind " VFIO_PCI, r));
	driver_of(bdf, driver, sizeof(driver));
	if (!files_rooted() && strcmp(driver, VFIO_PCI) != 0)
		return give_back(bdf, refuse(bdf, "vfio-pci did not take it; the kernel's log says why: journalctl -k"));
	printf("%s: bound to " VFIO_PCI "\n", bdf);
	return CTL_OK;
}

static int do_unbind(const char *bdf, const struct files_names *all)
{
	char driver[64];
	int r;

	(void)all;
	if (!is_vfio_bound(bdf) && driver_of(bdf, driver, sizeof(driver))) {
		printf("%s: is bound to %s, no vfio driver\n", bdf, driver);
		return CTL_OK;
	}
	r = set_override(bdf, "\n");
	if (r < 0)
		return write_failed(bdf, "clear driver_override", r);
	r = release(bdf);
	if (r < 0)
		return write_failed(bdf, "unbind its driver", r);
	r = probe_drivers(bdf);
	if (r < 0)
		return write_failed(bdf, "look for its driver", r);
	if (files_rooted())
		printf("%s: unbound\n", bdf);
	else if (is_vfio_bound(bdf))
		return refuse(bdf, "a vfio driver took it again, for it knows the device's id: vfio-pci.ids= on the "
				   "kernel's command line or in /etc/modprobe.d, or new_id");
	else if (driver_of(bdf, driver, sizeof(driver)))
		printf("%s: bound to %s\n", bdf, driver);
	else
		printf("%s: unbound; no other driver took it\n", bdf);
	if (files_exist("/etc/driverctl.d/%s", bdf))
		printf("%s: driverctl will bind it as it was at the next boot: driverctl unset-override %s\n", bdf, bdf);
	return CTL_OK;
}

static int for_all(const struct files_names *devices, step *one)
{
	for (size_t i = 0; i < devices->n; i++) {
		int r = one(devices->names[i], devices);

		if (r != CTL_OK)
			return r;
	}
	return CTL_OK;
}

static int parse(int argc, char **argv, struct files_names *ret)
{
	int r = probe_arguments(argc, argv, ret);

	if (r != CTL_OK || ret->n)
		return r;
	fprintf(stderr, "usage: iopfctl %s DEVICE...\n", argv[0]);
	return CTL_USAGE;
}

int verb_bind(int argc, char **argv)
{
	_cleanup_(files_names_deinit) struct files_names devices = { 0 };
	int r = parse(argc, argv, &devices);

	if (r == CTL_OK)
		r = for_all(&devices, check_bind);
	if (r == CTL_OK)
		r = load_module();
	return r == CTL_OK ? for_all(&devices, do_bind) : r;
}

int verb_unbind(int argc, char **argv)
{
	_cleanup_(files_names_deinit) struct files_names devices = { 0 };
	int r = parse(argc, argv, &devices);

	if (r == CTL_OK)
		r = for_all(&devices, check_unbind);
	return r == CTL_OK ? for_all(&devices, do_unbind) : r;
}
