/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration space is little endian and read in the sizes of its registers, as VFIO
 * wants it.
 */
#include "device/pci.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND 0x04
#define COMMAND_MEMORY 0x0002
#define COMMAND_MASTER 0x0004
#define ECAP_START 0x100
#define ECAP_MAX 1024 /* as many as fit into 4 KiB; ends a loop in broken configuration space */
#define PRI_STATUS 0x06
#define PRI_STATUS_PASID 0x8000

/* Exactly the digits up to the separator, as a number; moves on behind it. */
static int parse_hex(const char **text, size_t min, size_t max, char end, unsigned limit, unsigned *ret)
{
	size_t n = 0;
	char *rest;

	while (isxdigit((unsigned char)(*text)[n]))
		n++;
	if (n < min || n > max || (*text)[n] != end)
		return -EINVAL;
	*ret = (unsigned)strtoul(*text, &rest, 16);
	if (*ret > limit)
		return -EINVAL;
	*text = end ? rest + 1 : rest;
	return 0;
}

int pci_parse_address(const char *text, char ret[static PCI_ADDRESS_MAX])
{
	unsigned domain = 0, bus, device, function;
	const char *colon = strchr(text, ':');

	if (colon && strchr(colon + 1, ':') && parse_hex(&text, 4, 8, ':', UINT32_MAX, &domain) < 0)
		return -EINVAL;
	if (parse_hex(&text, 2, 2, ':', 0xff, &bus) < 0 || parse_hex(&text, 2, 2, '.', 0x1f, &device) < 0 ||
	    parse_hex(&text, 1, 1, 0, 7, &function) < 0)
		return -EINVAL;
	snprintf(ret, PCI_ADDRESS_MAX, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return 0;
}

static int read_config(const struct pci_config *config, int at, void *value, size_t size)
{
	ssize_t n = pread(config->fd, value, size, config->offset + at);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EPERM;
}

int pci_find_ecap(const struct pci_config *config, uint16_t id)
{
	int at = ECAP_START;

	for (int i = 0; i < ECAP_MAX && at >= ECAP_START; i++) {
		uint32_t header;
		int r = read_config(config, at, &header, sizeof(header));

		if (r < 0)
			return r;
		header = le32toh(header);
		if (header == 0 || header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = (int)(header >> 20 & 0xffc);
	}
	return 0;
}

bool pci_pri_needs_pasid(const struct pci_config *config, int pri)
{
	uint16_t status;
	int r = read_config(config, pri + PRI_STATUS, &status, sizeof(status));

	return r == 0 && le16toh(status) & PRI_STATUS_PASID;
}

int pci_enable(const struct pci_config *config)
{
	uint16_t command;
	int r = read_config(config, COMMAND, &command, sizeof(command));
	ssize_t n;

	if (r < 0)
		return r;
	command = htole16(le16toh(command) | COMMAND_MEMORY | COMMAND_MASTER);
	n = pwrite(config->fd, &command, sizeof(command), config->offset + COMMAND);
	if (n < 0)
		return -errno;
	return n == sizeof(command) ? 0 : -EIO;
}
