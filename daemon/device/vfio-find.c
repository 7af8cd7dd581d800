/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From an address to the device's folder in sysfs and to its character device. The folder
 * vfio-dev/vfioN exists once a vfio driver is bound; the file `dev` in it only when the
 * kernel has character devices for VFIO.
 */
#include "device/vfio.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_vfio_name(const char *name)
{
	size_t n = strspn(name + (strncmp(name, "vfio", 4) == 0 ? 4 : 0), "0123456789");

	return strncmp(name, "vfio", 4) == 0 && n > 0 && n <= 9 && name[4 + n] == 0;
}

int vfio_find_check(const char *address, struct reason *why)
{
	char bdf[PCI_ADDRESS_MAX];

	if (address[0] == '/') {
		if (strncmp(address, "/sys/", 5) == 0 && address[5])
			return 0;
		return reason_set(why, EINVAL, "\"%.64s\" is not below /sys: expected the sysfs path of a "
					       "device", address);
	}
	if (address[0] == 'v') {
		if (is_vfio_name(address))
			return 0;
		return reason_set(why, EINVAL, "\"%.64s\" is no VFIO device: expected vfio and a number, like "
					       "vfio0", address);
	}
	if (pci_parse_address(address, bdf) == 0)
		return 0;
	return reason_set(why, EINVAL, "\"%.64s\" is no PCI address: expected [DOMAIN:]BUS:DEVICE.FUNCTION in "
				       "hexadecimal, like 0000:3d:00.0", address);
}

void vfio_location_deinit(struct vfio_location *l)
{
	free(l->sysfs_path);
	free(l->node);
	l->sysfs_path = l->node = NULL;
}

static int find_folder(const struct vfio_paths *paths, const char *address, char **ret, struct reason *why)
{
	char path[PATH_MAX], inner[PATH_MAX + 16], bdf[PCI_ADDRESS_MAX];

	if (address[0] == '/')
		snprintf(path, sizeof(path), "%s%s", paths->sysfs, address + strlen("/sys"));
	else if (is_vfio_name(address))
		snprintf(path, sizeof(path), "%s/class/vfio-dev/%s", paths->sysfs, address);
	else if (pci_parse_address(address, bdf) == 0)
		snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", paths->sysfs, bdf);
	else
		return vfio_find_check(address, why);

	/* A class folder (class/vfio-dev/vfio0) leads on to its device. */
	snprintf(inner, sizeof(inner), "%s/device/vfio-dev", path);
	if (access(inner, F_OK) == 0)
		*strrchr(inner, '/') = 0;
	else
		snprintf(inner, sizeof(inner), "%s", path);
	*ret = realpath(inner, NULL);
	if (*ret)
		return 0;
	if (errno == ENOENT)
		return reason_set(why, ENOENT, "there is no such device (%s)", path);
	return reason_set(why, errno, "cannot look at %s: %s", path, strerror(errno));
}

/* A number in a file of the device's folder; 0 where there is none, as in platform devices. */
static uint16_t read_id(const char *folder, const char *name)
{
	char path[PATH_MAX];
	unsigned value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%x", &value) != 1)
		value = 0;
	fclose(f);
	return (uint16_t)value;
}

static int no_vfio_driver(const char *folder, struct reason *why)
{
	const char *bdf = strrchr(folder, '/') + 1;
	char path[PATH_MAX], driver[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", folder);
	n = readlink(path, driver, sizeof(driver) - 1);
	driver[n < 0 ? 0 : n] = 0;
	if (!*driver)
		return reason_set(why, ENXIO, "no driver is bound to it; bind it: iopfctl bind %s", bdf);
	return reason_set(why, ENXIO, "the driver %s is bound to it, which is no vfio driver; bind it: "
			  "iopfctl bind %s", basename(driver), bdf);
}

static int find_node(const struct vfio_paths *paths, const char *folder, char **ret, struct reason *why)
{
	char path[PATH_MAX], name[NAME_MAX + 1] = "";
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/vfio-dev", folder);
	dir = opendir(path);
	while (dir && !*name && (entry = readdir(dir)))
		if (is_vfio_name(entry->d_name))
			snprintf(name, sizeof(name), "%s", entry->d_name);
	if (dir)
		closedir(dir);
	if (!*name)
		return no_vfio_driver(folder, why);

	if (snprintf(path, sizeof(path), "%s/vfio-dev/%s/dev", folder, name) >= (int)sizeof(path))
		return reason_set(why, ENAMETOOLONG, "its path in sysfs is too long");
	if (access(path, F_OK) < 0)
		return reason_set(why, EOPNOTSUPP, "it has no character device: this kernel is built without "
				  "CONFIG_VFIO_DEVICE_CDEV, or the device has no IOMMU (noiommu mode)");
	if (asprintf(ret, "%s/vfio/devices/%s", paths->dev, name) < 0) {
		*ret = NULL;
		return reason_set(why, ENOMEM, "out of memory");
	}
	return 0;
}

int vfio_find(const struct vfio_paths *paths, const char *address, struct vfio_location *ret, struct reason *why)
{
	int r;

	*ret = (struct vfio_location){ 0 };
	r = find_folder(paths, address, &ret->sysfs_path, why);
	if (r < 0)
		return r;
	ret->vendor_id = read_id(ret->sysfs_path, "vendor");
	ret->device_id = read_id(ret->sysfs_path, "device");
	return find_node(paths, ret->sysfs_path, &ret->node, why);
}

int vfio_find_fd(const struct vfio_paths *paths, int fd, struct vfio_location *ret, struct reason *why)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n = -1;

	*ret = (struct vfio_location){ 0 };
	if (fstat(fd, &st) < 0)
		return reason_set(why, errno, "cannot look at the file that was given: %s", strerror(errno));
	if (S_ISCHR(st.st_mode)) {
		snprintf(path, sizeof(path), "%s/dev/char/%u:%u", paths->sysfs, major(st.st_rdev), minor(st.st_rdev));
		n = readlink(path, target, sizeof(target) - 1);
	}
	target[n < 0 ? 0 : n] = 0;
	if (!is_vfio_name(basename(target)))
		return reason_set(why, EINVAL, "the file that was given is no VFIO device: expected one of "
				  "/dev/vfio/devices/vfio*");
	return vfio_find(paths, basename(target), ret, why);
}
