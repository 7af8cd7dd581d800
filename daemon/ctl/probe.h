/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * iopfctl probe: one table of checks, each a function that looks at one thing and fills one
 * result. A check that does not pass says in one sentence what to do. What they look at are
 * files (probe-files.h), but for the features of the running kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/util.h"
#include "ctl/probe-files.h"

#define PROBE_BDF_MAX 24
#define PROBE_CONFIG_SIZE 4096

enum probe_verdict {
	PROBE_PASS,
	PROBE_FAIL,
	PROBE_UNKNOWN,
	PROBE_VERDICTS,
};

struct probe_result {
	const char *id;
	char subject[64];
	enum probe_verdict verdict;
	char finding[320];
	char remedy[320]; /* empty: nothing to do. A line that passes may have one, as a hint */
};

/* Whose access to nodes is judged: the daemon's user, else ourselves. */
struct probe_user {
	char name[32];
	uid_t uid;
	gid_t groups[64];
	size_t n_groups;
};

/* What several checks look at. A text is NULL when its file cannot be read. */
struct probe {
	char release[64];
	unsigned version; /* 6.13 = 613 */
	char *config;     /* of the kernel */
	char *cmdline;
	char *interrupts;
	struct probe_user user;
	struct probe_result *results;
	size_t n_results;
	size_t n_devices, n_hidden; /* with page requests; whose capabilities do not show */
	bool all; /* devices: none was named */
	bool out_of_memory;
};

/* What a check is about: nothing special, a kernel option, an IOMMU, a PCI device. */
enum probe_scope {
	PROBE_MACHINE,
	PROBE_OPTION,
	PROBE_UNIT,
	PROBE_DEVICE,
};

struct probe_target {
	const char *name; /* machine, CONFIG_IOMMUFD, dmar0, 0000:3d:00.0 */
	uint64_t ecap;    /* of a unit; 0: does not show */
	/* of a device */
	uint8_t config[PROBE_CONFIG_SIZE];
	size_t config_size; /* as much as shows */
	bool config_hidden; /* there may be more */
	int ats, pri, pasid; /* offsets of capabilities; 0: has none; negative: unknown */
};

typedef void probe_check(const struct probe *p, const struct probe_target *t, struct probe_result *ret);

/* In probe-machine.c, probe-unit.c, probe-options.c, probe-limits.c, probe-access.c */
probe_check probe_kernel_version, probe_command_line, probe_iommu, probe_vfio_module, probe_devices;
probe_check probe_scalable_mode, probe_page_requests, probe_page_drain, probe_device_tlb, probe_unit_pasid,
	probe_request_queue, probe_remapping;
probe_check probe_kernel_config, probe_kernel_option;
probe_check probe_memlock_unit, probe_memlock, probe_hugepages;
probe_check probe_iommufd, probe_iommufd_access, probe_cdev_access, probe_features;
/* In probe-device.c, probe-binding.c */
probe_check probe_config_space, probe_ats, probe_ats_aligned, probe_pri, probe_pasid, probe_prg_response,
	probe_function;
probe_check probe_device_iommu, probe_reserved_memory, probe_group, probe_driver, probe_cdev;

/* The finding and the remedy of a result. */
void probe_says(struct probe_result *ret, enum probe_verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);
void probe_remedy(struct probe_result *ret, const char *format, ...) PRINTF_LIKE(2, 3);

/* The options that a kernel needs, in the order of the fragment; NULL ends them. */
const char *probe_option_name(size_t i);
/* Whether the kernel has it, as a module or built in; unknown without its configuration. */
enum probe_verdict probe_option(const struct probe *p, const char *name);

/* What is behind the verb: BDFs, vfioN or paths in sysfs, to names below
 * /sys/bus/pci/devices. Says what is wrong; returns one of enum ctl_exit. */
int probe_arguments(int argc, char **argv, struct files_names *ret);

/* Everything there is about a device. */
void probe_open_device(const char *bdf, struct probe_target *ret);
uint16_t probe_config16(const struct probe_target *t, int at);
uint32_t probe_config32(const struct probe_target *t, int at);

/* The device's vfioN; false: no vfio driver is bound. */
bool probe_vfio_name(const char *bdf, char *ret, size_t size);

/* "intel", "amd", "smmuv3", "other" by the name of an IOMMU in /sys/class/iommu; NULL: it is
 * none for devices. */
const char *probe_iommu_kind(const char *name);

void probe_user_load(struct probe_user *ret);

/* All results and what follows from them. */
void probe_print(const struct probe *p);
