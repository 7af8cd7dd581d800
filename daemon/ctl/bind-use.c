/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that the driver has made is below the device's folder in sysfs; what is found
 * there is looked for where it can be in use: block devices among mounts, swap and holders,
 * network interfaces in their flags, routes and addresses, every node among the open files of
 * processes. To look is no lock: somebody may start to use it a moment later.
 */
#include "ctl/bind-use.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/probe-files.h"

#define IFF_UP_BIT 1
/* Deeper than any driver goes: an NVMe partition is three below the device. */
#define DEPTH_MAX 16

struct use {
	char *mounts, *swaps;
	struct files_names nodes; /* below /dev, of the device and all below it */
	char *ret;
	size_t size;
};

static void deinit(struct use *use)
{
	free(use->mounts);
	free(use->swaps);
	files_names_deinit(&use->nodes);
}

PRINTF_LIKE(2, 3) static bool is_used(struct use *use, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(use->ret, use->size, format, ap);
	va_end(ap);
	return true;
}

/* Lines of mountinfo: ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS... - TYPE SOURCE OPTIONS. Some
 * file systems have numbers of their own, then the source tells. */
static bool is_mounted(struct use *use, const char *name, const char *number)
{
	char device[32], place[256], type[64], source[256];

	for (const char *line = use->mounts; line; line = strchr(line, '\n')) {
		const char *rest;

		line += *line == '\n';
		rest = strstr(line, " - ");
		if (sscanf(line, "%*s %*s %31s %*s %255s", device, place) != 2 || !rest ||
		    sscanf(rest, " - %63s %255s", type, source) != 2)
			continue;
		if (strcmp(device, number) == 0 ||
		    (strncmp(source, "/dev/", 5) == 0 && strcmp(source + 5, name) == 0))
			return is_used(use, "/dev/%s is mounted on %s", name, place);
	}
	return false;
}

/* Whether a table of /proc has this word in a column, from 0. */
static bool in_column(const char *table, unsigned column, const char *word)
{
	size_t n = strlen(word);

	for (const char *line = table; line; line = strchr(line, '\n')) {
		const char *at = line += *line == '\n';

		for (unsigned i = 0; i < column; i++) {
			at += strcspn(at, " \t\n");
			at += strspn(at, " \t");
		}
		if (strcspn(at, " \t\n") == n && strncmp(at, word, n) == 0)
			return true;
	}
	return false;
}

/* File systems, also those that mountinfo does not show, and all else in the kernel claim a
 * device for themselves; to do the same is refused then. */
static bool is_claimed(struct use *use, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	if (!files_path(path, sizeof(path), "/dev/%s", name))
		return false;
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 && errno == EBUSY && is_used(use, "/dev/%s is used by the kernel", name);
}

static bool block_is_used(struct use *use, const char *path, const char *name)
{
	_cleanup_(files_names_deinit) struct files_names holders = { 0 };
	char number[32] = "", node[NAME_MAX + 8];

	files_read(number, sizeof(number), "%s/dev", path);
	if (is_mounted(use, name, number))
		return true;
	snprintf(node, sizeof(node), "/dev/%s", name);
	if (in_column(use->swaps, 0, node))
		return is_used(use, "%s is used as swap", node);
	files_list(&holders, "%s/holders", path);
	if (holders.n)
		return is_used(use, "%s is a part of %s", node, holders.names[0]);
	return is_claimed(use, name);
}

/* Addresses of IPv4 are in no file. */
static bool has_ipv4(const char *name)
{
	struct ifaddrs *addresses, *a;

	if (files_rooted() || getifaddrs(&addresses) < 0)
		return false;
	for (a = addresses; a; a = a->ifa_next)
		if (strcmp(a->ifa_name, name) == 0 && a->ifa_addr && a->ifa_addr->sa_family == AF_INET)
			break;
	freeifaddrs(addresses);
	return a != NULL;
}

static bool net_is_configured(struct use *use, const char *name)
{
	static const struct {
		const char *file;
		unsigned column;
		const char *what;
	} tables[] = {
		{ "/proc/net/route", 0, "a route" },
		{ "/proc/net/ipv6_route", 9, "a route" },
		{ "/proc/net/if_inet6", 5, "an address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		_cleanup_free_ char *text = NULL;

		if (files_slurp(&text, "%s", tables[i].file) == 0 && in_column(text, tables[i].column, name))
			return is_used(use, "the network interface %s has %s", name, tables[i].what);
	}
	return has_ipv4(name) && is_used(use, "the network interface %s has an address", name);
}

static bool net_is_used(struct use *use, const char *path, const char *name)
{
	_cleanup_(files_names_deinit) struct files_names entries = { 0 };
	char flags[16] = "", master[64];

	files_read(flags, sizeof(flags), "%s/flags", path);
	if (strtoul(flags, NULL, 16) & IFF_UP_BIT)
		return is_used(use, "the network interface %s is up", name);
	if (files_link(master, sizeof(master), "%s/master", path) == 0)
		return is_used(use, "the network interface %s is a part of %s", name, master);
	files_list(&entries, "%s", path);
	for (size_t i = 0; i < entries.n; i++)
		if (strncmp(entries.names[i], "upper_", 6) == 0)
			return is_used(use, "the network interface %s is below %s", name, entries.names[i] + 6);
	return net_is_configured(use, name);
}

static void add_node(struct use *use, const char *name)
{
	char **more = reallocarray(use->nodes.names, use->nodes.n + 1, sizeof(*more));

	if (!more)
		return;
	use->nodes.names = more;
	more[use->nodes.n] = strdup(name);
	if (more[use->nodes.n])
		use->nodes.n++;
}

/* The node of a folder, from its DEVNAME=. */
static void find_node(struct use *use, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (files_slurp(&text, "%s/uevent", path) < 0)
		return;
	rest = text;
	while ((line = files_line(&rest)))
		if (strncmp(line, "DEVNAME=", 8) == 0)
			add_node(use, line + 8);
}

static bool walk(struct use *use, const char *path, unsigned depth);

/* With several paths to a disk the driver has the paths below the device, and the disk in a
 * subsystem of all of them. */
static bool nvme_is_used(struct use *use, const char *controller)
{
	_cleanup_(files_names_deinit) struct files_names names = { 0 };
	char path[NAME_MAX + 32];

	files_list(&names, "/sys/class/nvme-subsystem");
	for (size_t i = 0; i < names.n; i++) {
		snprintf(path, sizeof(path), "/sys/class/nvme-subsystem/%s", names.names[i]);
		if (files_exist("%s/%s", path, controller) && walk(use, path, 0))
			return true;
	}
	return false;
}

static bool folder_is_used(struct use *use, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char subsystem[32];

	if (files_link(subsystem, sizeof(subsystem), "%s/subsystem", path) < 0)
		return false;
	find_node(use, path);
	if (strcmp(subsystem, "block") == 0)
		return block_is_used(use, path, name);
	if (strcmp(subsystem, "net") == 0)
		return net_is_used(use, path, name);
	return strcmp(subsystem, "nvme") == 0 && nvme_is_used(use, name);
}

/* All folders below, but not where links lead. */
static bool walk(struct use *use, const char *path, unsigned depth)
{
	_cleanup_(files_names_deinit) struct files_names names = { 0 };
	char below[PATH_MAX], target[PATH_MAX];

	if (depth > DEPTH_MAX || files_list(&names, "%s", path) < 0)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		if (snprintf(below, sizeof(below), "%s/%s", path, names.names[i]) >= (int)sizeof(below) ||
		    files_link(target, sizeof(target), "%s", below) == 0)
			continue;
		if (folder_is_used(use, below) || walk(use, below, depth + 1))
			return true;
	}
	return false;
}

static bool is_node(const struct use *use, const char *file)
{
	if (strncmp(file, "/dev/", 5) != 0)
		return false;
	for (size_t i = 0; i < use->nodes.n; i++)
		if (strcmp(file + 5, use->nodes.names[i]) == 0)
			return true;
	return false;
}

static bool process_uses(struct use *use, const char *pid)
{
	_cleanup_(files_names_deinit) struct files_names fds = { 0 };
	char path[PATH_MAX], file[256], name[64] = "?";

	files_list(&fds, "/proc/%s/fd", pid);
	for (size_t i = 0; i < fds.n; i++) {
		ssize_t n;

		if (!files_path(path, sizeof(path), "/proc/%s/fd/%s", pid, fds.names[i]))
			continue;
		n = readlink(path, file, sizeof(file) - 1);
		file[n < 0 ? 0 : n] = 0;
		if (!is_node(use, file))
			continue;
		files_read(name, sizeof(name), "/proc/%s/comm", pid);
		return is_used(use, "process %s (%s) has %s open", pid, name, file);
	}
	return false;
}

static bool is_open(struct use *use)
{
	_cleanup_(files_names_deinit) struct files_names pids = { 0 };

	if (!use->nodes.n)
		return false;
	files_list(&pids, "/proc");
	for (size_t i = 0; i < pids.n; i++)
		if (pids.names[i][strspn(pids.names[i], "0123456789")] == 0 && process_uses(use, pids.names[i]))
			return true;
	return false;
}

bool use_find(const char *bdf, char *ret, size_t size)
{
	_cleanup_(deinit) struct use use = { .ret = ret, .size = size };
	char path[64], group[16], node[32];

	files_slurp(&use.mounts, "/proc/self/mountinfo");
	files_slurp(&use.swaps, "/proc/swaps");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	if (walk(&use, path, 0))
		return true;
	/* The node of a group is not below any of its devices. */
	if (files_link(group, sizeof(group), "%s/iommu_group", path) == 0) {
		snprintf(node, sizeof(node), "vfio/%s", group);
		add_node(&use, node);
	}
	return is_open(&use);
}
