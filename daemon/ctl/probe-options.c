/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel was built with. Stock Debian kernels have no iommufd at all, so the names
 * here are also the fragment that a kernel of one's own needs; what other options select is
 * in it too, for old kernels select less.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/probe.h"

struct option {
	const char *name;
	const char *purpose;
};

static const struct option options[] = {
	{ "CONFIG_PCI_ATS", "translations that devices ask for" },
	{ "CONFIG_PCI_PRI", "page requests of PCI devices" },
	{ "CONFIG_PCI_PASID", "several address spaces in one device" },
	{ "CONFIG_INTEL_IOMMU", "the driver of Intel VT-d" },
	{ "CONFIG_INTEL_IOMMU_SVM", "page requests of Intel VT-d" },
	{ "CONFIG_IRQ_REMAP", "isolated interrupts, without which devices are not handed out" },
	{ "CONFIG_IOMMU_IOPF", "IO page faults; other options select it" },
	{ "CONFIG_IOMMUFD", "/dev/iommu" },
	{ "CONFIG_VFIO", "devices in user space" },
	{ "CONFIG_VFIO_DEVICE_CDEV", "/dev/vfio/devices" },
	{ "CONFIG_VFIO_PCI", "the driver vfio-pci" },
};

const char *probe_option_name(size_t i)
{
	return i < ARRAY_SIZE(options) ? options[i].name : NULL;
}

static const char *purpose_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].purpose;
	return "";
}

/* 'y', 'm', or 'n' for everything else. */
static char value_of(const char *config, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = config; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == '=')
			return line[n + 1] == 'y' || line[n + 1] == 'm' ? line[n + 1] : 'n';
	}
	return 'n';
}

enum probe_verdict probe_option(const struct probe *p, const char *name)
{
	if (!p->config)
		return PROBE_UNKNOWN;
	return value_of(p->config, name) == 'n' ? PROBE_FAIL : PROBE_PASS;
}

void probe_kernel_config(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)t;
	if (p->config) {
		probe_says(ret, PROBE_PASS, "the configuration of the kernel can be read");
		return;
	}
	probe_says(ret, PROBE_UNKNOWN, "there is no /proc/config.gz and no /boot/config-%s", p->release);
	probe_remedy(ret, "try \"modprobe configs\", or copy the configuration that this kernel was built with to "
		     "/boot/config-%s", p->release);
}

void probe_kernel_option(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	const char *purpose = purpose_of(t->name);

	/* One line about the missing configuration is enough. */
	if (!p->config)
		return;
	if (probe_option(p, t->name) == PROBE_PASS) {
		probe_says(ret, PROBE_PASS, "=%c: %s", value_of(p->config, t->name), purpose);
		return;
	}
	probe_says(ret, PROBE_FAIL, "not set: %s", purpose);
	probe_remedy(ret, "build a kernel with %s=y; all that it needs is in the fragment below", t->name);
}
