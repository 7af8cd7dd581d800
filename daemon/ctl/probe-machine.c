/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What holds for the whole machine: the version of the kernel, how it was started, which
 * IOMMU there is, the driver for user space, and whether any device can have page faults.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/probe-files.h"
#include "ctl/probe.h"

/* First kernels: fault queues on ordinary page tables and files as memory; PASIDs for VFIO. */
#define VERSION_PAGING 613
#define VERSION_QUEUE 611
#define VERSION_PASID 615

void probe_kernel_version(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)t;
	if (p->version >= VERSION_PASID) {
		probe_says(ret, PROBE_PASS, "Linux %s: page faults, files as memory, PASIDs", p->release);
		return;
	}
	if (p->version >= VERSION_PAGING) {
		probe_says(ret, PROBE_PASS, "Linux %s: page faults and files as memory, but no PASIDs", p->release);
		probe_remedy(ret, "spaces attached by PASID need Linux 6.15 or newer");
		return;
	}
	if (!p->version)
		probe_says(ret, PROBE_UNKNOWN, "the version of the kernel does not show");
	else if (p->version >= VERSION_QUEUE)
		probe_says(ret, PROBE_FAIL, "Linux %s has fault queues for nested page tables only, and no files "
			   "as memory", p->release);
	else
		probe_says(ret, PROBE_FAIL, "Linux %s has no fault queues in iommufd", p->release);
	probe_remedy(ret, "boot Linux 6.13 or newer, 6.15 for PASIDs");
}

struct harmful {
	const char *word;     /* up to the "=", or alone */
	const char *value;    /* one of several with commas between */
	const char *opposite; /* behind it, undoes it */
	const char *effect;   /* NULL: none on devices in user space */
};

static const struct harmful harmful[] = {
	{ "iommu=", "off", NULL, "switches the IOMMU off" },
	{ "intel_iommu=", "off", "on", "switches the IOMMU off" },
	{ "intel_iommu=", "sm_off", "sm_on", "switches scalable mode off, and page requests with it" },
	{ "pci=", "noats", NULL, "switches ATS off, and page requests with it" },
	{ "pci=", "nomsi", NULL, "switches off the interrupts by which page requests are announced" },
	{ "intremap=", "off", "on", "switches interrupt remapping off: devices are not handed out" },
	{ "nointremap", "", NULL, "switches interrupt remapping off: devices are not handed out" },
	{ "iommu.passthrough=", "1", "0", NULL },
	{ "iommu=", "pt", "nopt", NULL },
};

static bool is_word(const char *text, size_t n, const char *word)
{
	return n == strlen(word) && strncmp(text, word, n) == 0;
}

/* Whether the command line says this and not the opposite later. */
static bool says(const char *cmdline, const struct harmful *h)
{
	size_t prefix = strlen(h->word);
	bool found = false;

	for (const char *at = cmdline; *(at += strspn(at, " \n")); at += strcspn(at, " \n")) {
		if (strncmp(at, h->word, prefix) != 0)
			continue;
		at += prefix;
		for (size_t n;; at += n + 1) {
			n = strcspn(at, ", \n");
			if (is_word(at, n, h->value))
				found = true;
			else if (h->opposite && is_word(at, n, h->opposite))
				found = false;
			if (at[n] != ',')
				break;
		}
	}
	return found;
}

void probe_command_line(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	bool passthrough = false;

	(void)t;
	if (!p->cmdline) {
		probe_says(ret, PROBE_UNKNOWN, "/proc/cmdline cannot be read");
		probe_remedy(ret, "mount /proc");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(harmful); i++) {
		const struct harmful *h = &harmful[i];

		if (!says(p->cmdline, h))
			continue;
		if (!h->effect) {
			passthrough = true;
			continue;
		}
		probe_says(ret, PROBE_FAIL, "%s%s %s", h->word, h->value, h->effect);
		probe_remedy(ret, "remove %s%s from the kernel's command line and boot again", h->word, h->value);
		return;
	}
	probe_says(ret, PROBE_PASS, "nothing in it switches page requests off%s",
		   passthrough ? "; passthrough concerns only drivers of the host" : "");
}

const char *probe_iommu_kind(const char *name)
{
	static const char *const kinds[][2] = {
		{ "dmar", "intel" }, { "ivhd", "amd" }, { "smmu3.", "smmuv3" }, { "iommufd_selftest", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(name, kinds[i][0], strlen(kinds[i][0])) == 0)
			return kinds[i][1];
	return "other";
}

/* The firmware's table is there also when the kernel ignores it. */
static void no_iommu(const struct probe *p, struct probe_result *ret)
{
	if (files_exist("/sys/firmware/acpi/tables/DMAR")) {
		probe_says(ret, PROBE_FAIL, "the machine has Intel VT-d, but the kernel does not use it");
		if (probe_option(p, "CONFIG_INTEL_IOMMU") == PROBE_FAIL)
			probe_remedy(ret, "build a kernel with CONFIG_INTEL_IOMMU=y");
		else
			probe_remedy(ret, "boot with intel_iommu=on,sm_on on the kernel's command line");
		return;
	}
	probe_says(ret, PROBE_FAIL, "the firmware reports no Intel VT-d, and the kernel has no IOMMU");
	probe_remedy(ret, "enable VT-d (\"virtualization for directed I/O\") in the firmware's setup; only Intel VT-d "
		     "in scalable mode delivers page requests");
}

void probe_iommu(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	_cleanup_(files_names_deinit) struct files_names units = { 0 };
	const char *other = NULL;
	size_t n = 0;

	(void)t;
	files_list(&units, "/sys/class/iommu");
	for (size_t i = 0; i < units.n; i++) {
		const char *kind = probe_iommu_kind(units.names[i]);

		if (kind && strcmp(kind, "intel") == 0)
			n++;
		else if (kind)
			other = kind;
	}
	if (n) {
		probe_says(ret, PROBE_PASS, "Intel VT-d is on, %zu unit%s", n, n > 1 ? "s" : "");
	} else if (!other) {
		no_iommu(p, ret);
	} else if (strcmp(other, "amd") == 0) {
		probe_says(ret, PROBE_FAIL, "AMD IOMMU: its driver delivers no page requests to iommufd");
		probe_remedy(ret, "use a machine with Intel VT-d in scalable mode; on AMD only prefaulted regions work");
	} else if (strcmp(other, "smmuv3") == 0) {
		probe_says(ret, PROBE_FAIL, "Arm SMMUv3: its driver denies page requests of PCI devices");
		probe_remedy(ret, "use a machine with Intel VT-d in scalable mode; on Arm only platform devices that "
			     "stall have page faults");
	} else {
		probe_says(ret, PROBE_FAIL, "this IOMMU (%s) delivers no page requests to iommufd", units.names[0]);
		probe_remedy(ret, "use a machine with Intel VT-d in scalable mode");
	}
}

void probe_vfio_module(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)t;
	if (files_exist("/sys/bus/pci/drivers/vfio-pci")) {
		probe_says(ret, PROBE_PASS, "the driver vfio-pci is there");
		return;
	}
	probe_says(ret, PROBE_FAIL, "the driver vfio-pci is not loaded");
	if (probe_option(p, "CONFIG_VFIO_PCI") == PROBE_FAIL)
		probe_remedy(ret, "build a kernel with CONFIG_VFIO_PCI=m");
	else
		probe_remedy(ret, "modprobe vfio-pci; iopfctl bind does it too");
}

void probe_devices(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)t;
	if (!p->all)
		return;
	if (p->n_devices) {
		probe_says(ret, PROBE_PASS, "%zu PCI device%s can ask for pages", p->n_devices,
			   p->n_devices > 1 ? "s" : "");
	} else if (p->n_hidden) {
		probe_says(ret, PROBE_UNKNOWN, "capabilities of %zu PCI devices do not show", p->n_hidden);
		probe_remedy(ret, "run iopfctl probe as root");
	} else {
		probe_says(ret, PROBE_FAIL, "no PCI device has the capability PRI: none can have IO page faults");
		probe_remedy(ret, "add a device with ATS and PRI; some have it switched off in their firmware");
	}
}
