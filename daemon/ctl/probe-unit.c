/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One Intel VT-d unit. Its extended capability register says what it could do, its interrupt
 * for page requests that the kernel takes them (with scalable mode switched off, too: then
 * no device sends any).
 */
#include <stdio.h>
#include <string.h>

#include "ctl/probe-files.h"
#include "ctl/probe.h"

#define ECAP_DT (1ULL << 2)
#define ECAP_IR (1ULL << 3)
#define ECAP_PRS (1ULL << 29)
#define ECAP_PASID (1ULL << 40)
#define ECAP_PDS (1ULL << 42)
#define ECAP_SMTS (1ULL << 43)

/* True: the register has the bit. Else the result is filled. */
static bool has_bit(const struct probe_target *t, uint64_t bit, const char *what, struct probe_result *ret)
{
	if (t->ecap & bit)
		return true;
	if (t->ecap) {
		probe_says(ret, PROBE_FAIL, "%s: the unit has none (ecap %llx)", what, (unsigned long long)t->ecap);
		probe_remedy(ret, "enable it in the firmware's setup or the virtual machine's options if it is there, "
			     "else use newer hardware (Xeon since Sapphire Rapids)");
		return false;
	}
	probe_says(ret, PROBE_UNKNOWN, "%s: the capabilities of the unit do not show", what);
	probe_remedy(ret, "look for \"DMAR: dmar\" and \"ecap\" in the kernel's log: journalctl -k");
	return false;
}

/* What the last word about scalable mode on the command line says; 0: nothing. */
static int asked_for(const struct probe *p)
{
	const char *at = p->cmdline ? p->cmdline : "";
	int asked = 0;

	while ((at = strstr(at, "sm_o"))) {
		at += strlen("sm_o");
		asked = *at == 'n' ? 1 : -1;
	}
	return asked;
}

/* Nothing in sysfs says whether it is in use. */
void probe_scalable_mode(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	enum probe_verdict by_default = probe_option(p, "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON");
	int asked = asked_for(p);

	if (!has_bit(t, ECAP_SMTS, "scalable mode", ret))
		return;
	if (asked > 0 || (!asked && by_default == PROBE_PASS)) {
		probe_says(ret, PROBE_PASS, "scalable mode is there and asked for");
		return;
	}
	if (!asked && by_default == PROBE_UNKNOWN)
		probe_says(ret, PROBE_UNKNOWN, "scalable mode is there; whether this kernel uses it by default does "
			   "not show");
	else
		probe_says(ret, PROBE_FAIL, "scalable mode is there, but switched off");
	probe_remedy(ret, "boot with intel_iommu=on,sm_on on the kernel's command line");
}

void probe_page_requests(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (has_bit(t, ECAP_PRS, "page requests (PRS)", ret))
		probe_says(ret, PROBE_PASS, "page requests (PRS)");
}

void probe_page_drain(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (has_bit(t, ECAP_PDS, "draining of page requests (PDS)", ret))
		probe_says(ret, PROBE_PASS, "draining of page requests (PDS)");
}

void probe_device_tlb(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (has_bit(t, ECAP_DT, "translations for devices (DT)", ret))
		probe_says(ret, PROBE_PASS, "translations for devices (DT)");
}

void probe_unit_pasid(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)p;
	if (!t->ecap) {
		has_bit(t, ECAP_PASID, "PASIDs", ret);
	} else if (t->ecap & ECAP_PASID) {
		probe_says(ret, PROBE_PASS, "PASIDs");
	} else {
		probe_says(ret, PROBE_PASS, "no PASIDs: devices have one address space each");
		probe_remedy(ret, "attaching spaces by PASID needs a unit with PASID support");
	}
}

void probe_request_queue(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	char name[80];
	const char *at;
	size_t n = (size_t)snprintf(name, sizeof(name), "%.64s-prq", t->name);

	if (!p->interrupts) {
		probe_says(ret, PROBE_UNKNOWN, "/proc/interrupts cannot be read");
		probe_remedy(ret, "mount /proc with subset= and hidepid= off, or look there for %s", name);
		return;
	}
	for (at = p->interrupts; (at = strstr(at, name)); at += n)
		if (!strchr("0123456789", at[n]) || !at[n]) {
			probe_says(ret, PROBE_PASS, "the kernel takes page requests (interrupt %s)", name);
			return;
		}
	probe_says(ret, PROBE_FAIL, "the kernel takes no page requests (there is no interrupt %s)", name);
	probe_remedy(ret, "solve what fails above; else journalctl -k -g DMAR says why the queue was not set up");
}

/* With remapping in use, the names of interrupt controllers begin with IR-. */
void probe_remapping(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	char unsafe[8] = "";

	files_read(unsafe, sizeof(unsafe), "/sys/module/iommufd/parameters/allow_unsafe_interrupts");
	if (*unsafe == 'Y' || *unsafe == '1') {
		probe_says(ret, PROBE_PASS, "not needed: iommufd.allow_unsafe_interrupts is set");
		return;
	}
	if (!has_bit(t, ECAP_IR, "interrupt remapping (IR)", ret)) {
		probe_remedy(ret, "on a machine where devices are trusted, boot with "
			     "iommufd.allow_unsafe_interrupts=1");
		return;
	}
	if (p->interrupts && !strstr(p->interrupts, " IR-")) {
		probe_says(ret, PROBE_FAIL, "interrupt remapping is off: devices are not handed out");
		probe_remedy(ret, "boot without intremap=off and enable x2APIC in the firmware's setup");
		return;
	}
	probe_says(ret, PROBE_PASS, "interrupts are isolated");
}
