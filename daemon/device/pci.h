/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A little of PCI: what an address looks like, and the configuration space of a device
 * behind an fd at some offset (VFIO's config region, or `config` in sysfs).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PCI_ADDRESS_MAX 24

#define PCI_ECAP_ATS 0x0f
#define PCI_ECAP_PRI 0x13
#define PCI_ECAP_PASID 0x1b

struct pci_config {
	int fd;
	off_t offset;
};

/* "0000:3d:00.0" or "3d:00.0" to the form of sysfs. -EINVAL. */
int pci_parse_address(const char *text, char ret[static PCI_ADDRESS_MAX]);

/* Offset of an extended capability; 0 = it has none such; -EPERM when extended
 * configuration space does not show (sysfs to the unprivileged). */
int pci_find_ecap(const struct pci_config *config, uint16_t id);

/* The PRI capability at this offset says that answers to requests with a PASID carry it. */
bool pci_pri_needs_pasid(const struct pci_config *config, int pri);

/* Memory decoding and bus mastering on. */
int pci_enable(const struct pci_config *config);
