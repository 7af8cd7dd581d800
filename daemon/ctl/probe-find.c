/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what a user calls a device to its name in sysfs, and its configuration space. Without
 * CAP_SYS_ADMIN sysfs shows 64 bytes of it, of CardBus bridges 128; a file of 256 bytes is
 * all there is: no extended capabilities.
 */
#include "ctl/probe.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/probe-files.h"

#define ECAP_START 0x100
#define ECAP_ATS 0x0f
#define ECAP_PRI 0x13
#define ECAP_PASID 0x1b

static int parse_bdf(const char *text, char ret[static PROBE_BDF_MAX])
{
	unsigned domain = 0, bus, device, function;
	int n = -1;

	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &n) != 4 || text[n]) {
		domain = 0;
		n = -1;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &n) != 3 || text[n])
			return -EINVAL;
	}
	if (device > 0x1f || function > 7)
		return -EINVAL;
	snprintf(ret, PROBE_BDF_MAX, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return 0;
}

/* The folder's name is the address, also where the path leads through bridges or a class. */
static int find_by_path(const char *path, char ret[static PROBE_BDF_MAX])
{
	_cleanup_free_ char *real = realpath(path, NULL);

	if (!real)
		return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -errno;
	return parse_bdf(strrchr(real, '/') + 1, ret);
}

/* -EINVAL: none of the forms; -ENODEV: there is no such device. */
static int find_one(const char *device, char ret[static PROBE_BDF_MAX])
{
	char path[PATH_MAX];
	int r;

	if (device[0] == '/' && strncmp(device, "/sys/", 5) != 0)
		return -EINVAL;
	if (device[0] == '/' || strncmp(device, "vfio", 4) == 0) {
		if (!files_path(path, sizeof(path), "%s%s", device[0] == '/' ? "" : "/sys/class/vfio-dev/", device))
			return -ENAMETOOLONG;
		r = find_by_path(path, ret);
		/* A folder of a class, such as vfio-dev, leads on to its device. */
		if (r == -EINVAL && strlen(path) + sizeof("/device") <= sizeof(path) &&
		    access(strcat(path, "/device"), F_OK) == 0)
			r = find_by_path(path, ret);
	} else {
		r = parse_bdf(device, ret);
	}
	if (r < 0)
		return r;
	return files_exist("/sys/bus/pci/devices/%s", ret) ? 0 : -ENODEV;
}

static int complain(const char *device, int error)
{
	if (error == -ENODEV) {
		fprintf(stderr, "iopfctl: %s: no such device\n", device);
		return CTL_NO_DEVICE;
	}
	fprintf(stderr, "iopfctl: %s: expected a PCI address like 0000:3d:00.0, vfioN, or the path in /sys of a PCI "
		"device\n", device);
	return CTL_USAGE;
}

static int find_all(int n, char **devices, struct files_names *ret)
{
	ret->names = calloc((size_t)n, sizeof(*ret->names));
	for (int i = 0; ret->names && i < n; i++) {
		char bdf[PROBE_BDF_MAX];
		int r = find_one(devices[i], bdf);

		if (r < 0)
			return complain(devices[i], r);
		ret->names[ret->n] = strdup(bdf);
		if (ret->names[ret->n])
			ret->n++;
	}
	return ret->n == (size_t)n ? CTL_OK : CTL_FAILURE;
}

int probe_arguments(int argc, char **argv, struct files_names *ret)
{
	/* None has options of its own; getopt says so and knows "--". */
	if (getopt(argc, argv, "+") != -1)
		return CTL_USAGE;
	if (ctl_options.host) {
		fprintf(stderr, "iopfctl: %s looks at this machine: run it there (ssh %s iopfctl %s)\n", argv[0],
			ctl_options.host, argv[0]);
		return CTL_USAGE;
	}
	return optind < argc ? find_all(argc - optind, argv + optind, ret) : CTL_OK;
}

uint16_t probe_config16(const struct probe_target *t, int at)
{
	uint16_t value;

	if (at < 0 || (size_t)at + sizeof(value) > t->config_size)
		return 0;
	memcpy(&value, t->config + at, sizeof(value));
	return le16toh(value);
}

uint32_t probe_config32(const struct probe_target *t, int at)
{
	return probe_config16(t, at) | (uint32_t)probe_config16(t, at + 2) << 16;
}

/* 0: has none; -EPERM: cannot be seen. */
static int find_ecap(const struct probe_target *t, uint16_t id)
{
	int at = ECAP_START;

	if (t->config_hidden)
		return -EPERM;
	/* As many as fit: broken configuration space may lead around in a circle. */
	for (int i = 0; i < PROBE_CONFIG_SIZE / 4 && at >= ECAP_START; i++) {
		uint32_t header = probe_config32(t, at);

		if (header == 0 || header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = (int)(header >> 20 & 0xffc);
	}
	return 0;
}

static void read_config(const char *path, struct probe_target *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = 0;

	while (fd >= 0 && ret->config_size < sizeof(ret->config) &&
	       (n = read(fd, ret->config + ret->config_size, sizeof(ret->config) - ret->config_size)) > 0)
		ret->config_size += (size_t)n;
	ret->config_hidden = fd < 0 || fstat(fd, &st) < 0 || ret->config_size < 256 ||
			     (ret->config_size == 256 && st.st_size > 256);
}

void probe_open_device(const char *bdf, struct probe_target *ret)
{
	char path[PATH_MAX];

	*ret = (struct probe_target){ .name = bdf };
	if (files_path(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf))
		read_config(path, ret);
	ret->ats = find_ecap(ret, ECAP_ATS);
	ret->pri = find_ecap(ret, ECAP_PRI);
	ret->pasid = find_ecap(ret, ECAP_PASID);
}

bool probe_vfio_name(const char *bdf, char *ret, size_t size)
{
	_cleanup_(files_names_deinit) struct files_names names = { 0 };

	files_list(&names, "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	return names.n > 0 && snprintf(ret, size, "%s", names.names[0]) < (int)size;
}
