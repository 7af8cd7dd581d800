/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a device is connected: behind which IOMMU, alone in its group, bound to a driver for
 * user space, with a character device.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ctl/probe-files.h"
#include "ctl/probe.h"

void probe_device_iommu(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	const char *kind;
	char unit[64];

	(void)p;
	if (files_link(unit, sizeof(unit), "/sys/bus/pci/devices/%s/iommu", t->name) < 0) {
		probe_says(ret, PROBE_FAIL, "no IOMMU translates its requests");
		probe_remedy(ret, "switch the IOMMU on (see \"iommu\"); if it is, the firmware leaves this slot out: try "
			     "another");
		return;
	}
	kind = probe_iommu_kind(unit);
	if (kind && strcmp(kind, "intel") == 0) {
		probe_says(ret, PROBE_PASS, "behind %s", unit);
		return;
	}
	probe_says(ret, PROBE_FAIL, "behind %s, whose driver delivers no page requests of PCI devices", unit);
	probe_remedy(ret, "use a machine with Intel VT-d in scalable mode");
}

/* Regions of the type "direct" only: "direct-relaxable" ones end with the firmware's driver, and
 * the interrupt window is no memory. */
void probe_reserved_memory(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	(void)p;
	if (files_slurp(&text, "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", t->name) < 0)
		return;
	rest = text;
	while ((line = files_line(&rest))) {
		size_t n = strlen(line);

		if (n < 7 || strcmp(line + n - 7, " direct") != 0)
			continue;
		probe_says(ret, PROBE_FAIL, "the firmware has memory reserved for it (%s): the kernel does not hand it "
			   "out", line);
		probe_remedy(ret, "switch off what uses it in the firmware's setup (remote management, USB legacy, "
			     "RAID), or use another slot");
		return;
	}
	probe_says(ret, PROBE_PASS, "the firmware has no memory reserved for it");
}

/* With several devices in a group, fault records name the one that was attached first. */
void probe_group(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	_cleanup_(files_names_deinit) struct files_names names = { 0 };
	char others[128] = "", group[32] = "?";
	size_t n = 0;

	(void)p;
	if (files_list(&names, "/sys/bus/pci/devices/%s/iommu_group/devices", t->name) < 0) {
		probe_says(ret, PROBE_FAIL, "it is in no IOMMU group");
		probe_remedy(ret, "switch the IOMMU on (see \"iommu\")");
		return;
	}
	files_link(group, sizeof(group), "/sys/bus/pci/devices/%s/iommu_group", t->name);
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.names[i], t->name) != 0 && n < sizeof(others))
			n += (size_t)snprintf(others + n, sizeof(others) - n, " %s", names.names[i]);
	if (!n) {
		probe_says(ret, PROBE_PASS, "alone in group %s", group);
		return;
	}
	probe_says(ret, PROBE_FAIL, "not alone in group %s:%s", group, others);
	probe_remedy(ret, "use a slot of its own, below a port with ACS; else give all devices of the group to the "
		     "daemon, in one space");
}

void probe_driver(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	char driver[64] = "", vfio[32];
	bool bound = probe_vfio_name(t->name, vfio, sizeof(vfio));

	(void)p;
	files_link(driver, sizeof(driver), "/sys/bus/pci/devices/%s/driver", t->name);
	if (bound || strcmp(driver, "vfio-pci") == 0) {
		probe_says(ret, PROBE_PASS, "bound to %s", *driver ? driver : "a vfio driver");
		return;
	}
	if (*driver)
		probe_says(ret, PROBE_FAIL, "bound to %s, a driver of the host", driver);
	else
		probe_says(ret, PROBE_FAIL, "no driver is bound");
	probe_remedy(ret, "iopfctl bind %s", t->name);
}

/* The folder vfioN is there whenever a vfio driver is bound, its file "dev" only with character
 * devices, and the node only where devtmpfs shows. */
void probe_cdev(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	char name[32];

	if (!probe_vfio_name(t->name, name, sizeof(name))) {
		probe_says(ret, PROBE_UNKNOWN, "no vfio driver is bound, so it has no character device yet");
		probe_remedy(ret, "iopfctl bind %s, then probe again", t->name);
	} else if (!files_exist("/sys/bus/pci/devices/%s/vfio-dev/%s/dev", t->name, name)) {
		probe_says(ret, PROBE_FAIL, "%s has no character device", name);
		if (probe_option(p, "CONFIG_VFIO_DEVICE_CDEV") == PROBE_PASS)
			probe_remedy(ret, "boot with an IOMMU: in noiommu mode there are none");
		else
			probe_remedy(ret, "build a kernel with CONFIG_VFIO_DEVICE_CDEV=y");
	} else if (!files_exist("/dev/vfio/devices/%s", name)) {
		probe_says(ret, PROBE_FAIL, "there is no /dev/vfio/devices/%s", name);
		probe_remedy(ret, "mount devtmpfs on /dev, or let the container see /dev/vfio/devices");
	} else {
		probe_says(ret, PROBE_PASS, "/dev/vfio/devices/%s", name);
	}
}
