/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device can do: its capabilities in configuration space, and what follows from being
 * a virtual function. The driver of VT-d wants all of it before it takes page requests.
 */
#include <limits.h>
#include <stdio.h>

#include "ctl/probe-files.h"
#include "ctl/probe.h"

/* Offsets in the capabilities and bits there */
#define ATS_CAPABILITY 4
#define ATS_ALIGNED 0x20
#define ATS_CONTROL 6
#define ATS_ENABLED 0x8000
#define PRI_CONTROL 4
#define PRI_ENABLED 0x0001
#define PRI_STATUS 6
#define PRI_PRG_PASID 0x8000
#define PRI_CAPACITY 8
#define PASID_CAPABILITY 4

static const char as_root[] = "run iopfctl probe as root: others see only the first 64 bytes";

/* True: the capability is there. Else the result is filled. */
static bool has_ecap(int at, const char *name, const char *remedy, struct probe_result *ret)
{
	if (at > 0)
		return true;
	if (at < 0) {
		probe_says(ret, PROBE_UNKNOWN, "%s: extended configuration space does not show", name);
		probe_remedy(ret, "%s", as_root);
		return false;
	}
	probe_says(ret, PROBE_FAIL, "the device has no capability %s", name);
	probe_remedy(ret, "%s", remedy);
	return false;
}

void probe_config_space(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	uint16_t vendor = probe_config16(t, 0), device = probe_config16(t, 2);

	(void)p;
	if (t->config_size < 64) {
		probe_says(ret, PROBE_UNKNOWN, "configuration space cannot be read");
		probe_remedy(ret, "%s", as_root);
	} else if (vendor == UINT16_MAX) {
		probe_says(ret, PROBE_FAIL, "the device does not answer (all ones): it hangs, sleeps or is gone");
		probe_remedy(ret, "wake or reset it, else remove it and scan again: echo 1 > "
			     "/sys/bus/pci/devices/%s/remove; echo 1 > /sys/bus/pci/rescan", t->name);
	} else if (!t->config_hidden && t->config_size <= 256) {
		probe_says(ret, PROBE_FAIL, "%04x:%04x has no extended configuration space", vendor, device);
		probe_remedy(ret, "put it into a PCI Express slot; behind a conventional PCI bridge, or without the "
			     "firmware's MCFG table, there are no page requests");
	} else {
		probe_says(ret, PROBE_PASS, "%04x:%04x", vendor, device);
	}
}

void probe_ats(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (!has_ecap(t->ats, "ATS", "use a device with ATS, or enable it in the device's firmware: without, it "
		      "cannot ask for translations and has no IO page faults", ret))
		return;
	probe_says(ret, PROBE_PASS, "ATS, %s",
		   probe_config16(t, t->ats + ATS_CONTROL) & ATS_ENABLED ? "enabled" : "not enabled yet");
}

/* pci_ats_page_aligned(), which the driver of VT-d wants for ATS and PRI. */
void probe_ats_aligned(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (t->ats <= 0)
		return;
	if (probe_config16(t, t->ats + ATS_CAPABILITY) & ATS_ALIGNED) {
		probe_says(ret, PROBE_PASS, "its translation requests are page aligned");
		return;
	}
	probe_says(ret, PROBE_FAIL, "its translation requests are not page aligned: the kernel leaves ATS off");
	probe_remedy(ret, "use another revision or firmware of the device, one with Page Aligned Request");
}

void probe_pri(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (!has_ecap(t->pri, "PRI", "use a device with PRI, or enable it in the device's firmware: without, it "
		      "cannot ask for pages, and iopfd cannot use it", ret))
		return;
	probe_says(ret, PROBE_PASS, "PRI, %u requests at a time, %s", probe_config32(t, t->pri + PRI_CAPACITY),
		   probe_config16(t, t->pri + PRI_CONTROL) & PRI_ENABLED ? "enabled" : "not enabled yet");
}

void probe_pasid(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (t->pasid < 0) {
		has_ecap(t->pasid, "PASID", "", ret);
	} else if (t->pasid > 0) {
		probe_says(ret, PROBE_PASS, "PASID, %u bits wide",
			   probe_config16(t, t->pasid + PASID_CAPABILITY) >> 8 & 0x1f);
	} else {
		probe_says(ret, PROBE_PASS, "no PASID: the device has one address space");
		probe_remedy(ret, "attaching spaces by PASID needs a device with that capability");
	}
}

/* The driver of VT-d answers a request with a PASID by a response with one, so it does not take
 * requests from a device that would not understand that. */
void probe_prg_response(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (t->pri <= 0)
		return;
	if (t->pasid == 0) {
		probe_says(ret, PROBE_PASS, "without PASID, answers need none");
	} else if (probe_config16(t, t->pri + PRI_STATUS) & PRI_PRG_PASID) {
		probe_says(ret, PROBE_PASS, "answers to page requests carry the PASID");
	} else {
		probe_says(ret, PROBE_FAIL, "it has PASID, but not PRG Response PASID Required: the kernel does not "
			   "use its page requests");
		probe_remedy(ret, "use another revision or firmware of the device, or switch its PASID capability "
			     "off");
	}
}

/* Virtual functions share the page request interface of their physical one; the kernel refuses
 * them then (iommufd_hwpt_compatible_device()). */
void probe_function(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	struct probe_target pf;
	char name[PROBE_BDF_MAX];

	(void)p;
	if (files_link(name, sizeof(name), "/sys/bus/pci/devices/%s/physfn", t->name) < 0) {
		probe_says(ret, PROBE_PASS, "a physical function");
		return;
	}
	probe_open_device(name, &pf);
	if (pf.pri == 0) {
		probe_says(ret, PROBE_PASS, "a virtual function of %s, which has no PRI", name);
		return;
	}
	if (pf.pri < 0)
		probe_says(ret, PROBE_UNKNOWN, "a virtual function of %s, whose capabilities do not show", name);
	else
		probe_says(ret, PROBE_FAIL, "a virtual function of %s, which has PRI: the kernel refuses page faults "
			   "of such functions", name);
	probe_remedy(ret, "use the physical function %s, without virtual ones: echo 0 > "
		     "/sys/bus/pci/devices/%s/sriov_numvfs", name, name);
}
