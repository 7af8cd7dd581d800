/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the table of checks: those of the machine once, the others for each kernel option,
 * each IOMMU and each device. Checks do not depend on each other, and all of them are run, so
 * that one look shows all that has to be done.
 */
#include "ctl/probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/probe-files.h"

struct probe_entry {
	const char *id;
	enum probe_scope scope;
	probe_check *check;
};

/* The order of the output. Ids are what scripts know: they only get more. */
static const struct probe_entry entries[] = {
	{ "kernel-version", PROBE_MACHINE, probe_kernel_version },
	{ "kernel-config", PROBE_MACHINE, probe_kernel_config },
	{ "kernel-option", PROBE_OPTION, probe_kernel_option },
	{ "command-line", PROBE_MACHINE, probe_command_line },
	{ "iommufd", PROBE_MACHINE, probe_iommufd },
	{ "iommufd-access", PROBE_MACHINE, probe_iommufd_access },
	{ "iommufd-features", PROBE_MACHINE, probe_features },
	{ "vfio-pci", PROBE_MACHINE, probe_vfio_module },
	{ "memlock-unit", PROBE_MACHINE, probe_memlock_unit },
	{ "memlock", PROBE_MACHINE, probe_memlock },
	{ "hugepages", PROBE_MACHINE, probe_hugepages },
	{ "devices", PROBE_MACHINE, probe_devices },
	{ "iommu", PROBE_MACHINE, probe_iommu },
	{ "scalable-mode", PROBE_UNIT, probe_scalable_mode },
	{ "page-requests", PROBE_UNIT, probe_page_requests },
	{ "page-drain", PROBE_UNIT, probe_page_drain },
	{ "device-tlb", PROBE_UNIT, probe_device_tlb },
	{ "unit-pasid", PROBE_UNIT, probe_unit_pasid },
	{ "request-queue", PROBE_UNIT, probe_request_queue },
	{ "interrupt-remapping", PROBE_UNIT, probe_remapping },
	{ "config-space", PROBE_DEVICE, probe_config_space },
	{ "ats", PROBE_DEVICE, probe_ats },
	{ "ats-aligned", PROBE_DEVICE, probe_ats_aligned },
	{ "pri", PROBE_DEVICE, probe_pri },
	{ "pasid", PROBE_DEVICE, probe_pasid },
	{ "prg-response", PROBE_DEVICE, probe_prg_response },
	{ "function", PROBE_DEVICE, probe_function },
	{ "device-iommu", PROBE_DEVICE, probe_device_iommu },
	{ "reserved-memory", PROBE_DEVICE, probe_reserved_memory },
	{ "group", PROBE_DEVICE, probe_group },
	{ "driver", PROBE_DEVICE, probe_driver },
	{ "cdev", PROBE_DEVICE, probe_cdev },
	{ "cdev-access", PROBE_DEVICE, probe_cdev_access },
};

void probe_says(struct probe_result *ret, enum probe_verdict verdict, const char *format, ...)
{
	va_list ap;

	ret->verdict = verdict;
	va_start(ap, format);
	vsnprintf(ret->finding, sizeof(ret->finding), format, ap);
	va_end(ap);
}

void probe_remedy(struct probe_result *ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret->remedy, sizeof(ret->remedy), format, ap);
	va_end(ap);
}

static void run_one(struct probe *p, const struct probe_entry *entry, const struct probe_target *target)
{
	struct probe_result *more, *result;

	more = reallocarray(p->results, p->n_results + 1, sizeof(*more));
	if (!more) {
		p->out_of_memory = true;
		return;
	}
	p->results = more;
	result = &more[p->n_results];
	*result = (struct probe_result){ .id = entry->id };
	snprintf(result->subject, sizeof(result->subject), "%s", target->name);
	entry->check(p, target, result);
	/* A check that has nothing to say about this target leaves the result alone. */
	if (*result->finding)
		p->n_results++;
}

static void run_scope(struct probe *p, size_t first, enum probe_scope scope, const struct probe_target *target)
{
	for (size_t i = first; i < ARRAY_SIZE(entries) && entries[i].scope == scope; i++)
		run_one(p, &entries[i], target);
}

static void run_options(struct probe *p, size_t first)
{
	const char *name;

	for (size_t i = 0; (name = probe_option_name(i)); i++)
		run_scope(p, first, PROBE_OPTION, &(struct probe_target){ .name = name });
}

static void run_units(struct probe *p, size_t first)
{
	_cleanup_(files_names_deinit) struct files_names units = { 0 };

	files_list(&units, "/sys/class/iommu");
	for (size_t i = 0; i < units.n; i++) {
		const char *kind = probe_iommu_kind(units.names[i]);
		struct probe_target target = { .name = units.names[i] };
		char text[32];

		if (!kind || strcmp(kind, "intel") != 0)
			continue;
		if (files_read(text, sizeof(text), "/sys/class/iommu/%s/intel-iommu/ecap", target.name) == 0)
			target.ecap = strtoull(text, NULL, 16);
		run_scope(p, first, PROBE_UNIT, &target);
	}
}

/* Bridges only pass requests on. */
static bool is_bridge(const struct probe_target *t)
{
	char class[16] = "";

	files_read(class, sizeof(class), "/sys/bus/pci/devices/%s/class", t->name);
	return strncmp(class, "0x06", 4) == 0;
}

static void count_devices(struct probe *p, const struct files_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		struct probe_target target;

		probe_open_device(names->names[i], &target);
		if (is_bridge(&target))
			continue;
		if (target.pri > 0)
			p->n_devices++;
		else if (target.pri < 0)
			p->n_hidden++;
	}
}

/* Where no device was named: what has one of the capabilities, and what is bound for the
 * daemon, which is also what shows to the unprivileged. */
static bool is_candidate(const struct probe_target *t)
{
	char vfio[32];

	return !is_bridge(t) && (t->ats > 0 || t->pri > 0 || probe_vfio_name(t->name, vfio, sizeof(vfio)));
}

static void run_devices(struct probe *p, size_t first, const struct files_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		struct probe_target target;

		probe_open_device(names->names[i], &target);
		if (!p->all || is_candidate(&target))
			run_scope(p, first, PROBE_DEVICE, &target);
	}
}

static void run_table(struct probe *p, const struct files_names *devices)
{
	const struct probe_target machine = { .name = "machine" };
	enum probe_scope before = PROBE_MACHINE;

	for (size_t i = 0; i < ARRAY_SIZE(entries); before = entries[i++].scope) {
		if (entries[i].scope == PROBE_MACHINE)
			run_one(p, &entries[i], &machine);
		else if (entries[i].scope == before)
			continue;
		else if (entries[i].scope == PROBE_OPTION)
			run_options(p, i);
		else if (entries[i].scope == PROBE_UNIT)
			run_units(p, i);
		else
			run_devices(p, i, devices);
	}
}

static void load(struct probe *p)
{
	unsigned major = 0, minor = 0;

	if (files_read(p->release, sizeof(p->release), "/proc/sys/kernel/osrelease") == 0 &&
	    sscanf(p->release, "%u.%u", &major, &minor) == 2)
		p->version = major * 100 + MIN(minor, 99u);
	if (files_gunzip(&p->config, "/proc/config.gz") < 0)
		files_slurp(&p->config, "/boot/config-%s", p->release);
	files_slurp(&p->cmdline, "/proc/cmdline");
	files_slurp(&p->interrupts, "/proc/interrupts");
	probe_user_load(&p->user);
}

static void deinit(struct probe *p)
{
	free(p->config);
	free(p->cmdline);
	free(p->interrupts);
	free(p->results);
}

int verb_probe(int argc, char **argv)
{
	_cleanup_(files_names_deinit) struct files_names devices = { 0 };
	_cleanup_(deinit) struct probe p = { 0 };
	size_t n[PROBE_VERDICTS] = { 0 };
	int r = probe_arguments(argc, argv, &devices);

	if (r != CTL_OK)
		return r;
	p.all = devices.n == 0;
	if (p.all)
		files_list(&devices, "/sys/bus/pci/devices");
	load(&p);
	count_devices(&p, &devices);
	run_table(&p, &devices);
	if (p.out_of_memory) {
		fprintf(stderr, "iopfctl: out of memory\n");
		return CTL_FAILURE;
	}
	probe_print(&p);
	for (size_t i = 0; i < p.n_results; i++)
		n[p.results[i].verdict]++;
	if (n[PROBE_FAIL])
		return CTL_FAILURE;
	return n[PROBE_UNKNOWN] ? CTL_DENIED : CTL_OK;
}
