/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ioctl of iommufd that the kernel does not know fails with ENOTTY; one that it knows
 * refuses a struct of size 0 with EINVAL before it does anything.
 */
#include "device/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "device/iommufd.h"
#include "device/uapi-iommufd.h"

static bool knows(int fd, unsigned long request)
{
	uint64_t nothing[16] = { 0 };

	return ioctl(fd, request, nothing) < 0 && errno == EINVAL;
}

size_t kernel_features(const char *ret[KERNEL_FEATURES_MAX])
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t n = 0;

	if (stat(IOMMUFD_PATH, &st) == 0) {
		ret[n++] = "iommufd";
		fd = open(IOMMUFD_PATH, O_RDWR | O_CLOEXEC);
	}
	if (fd >= 0 && knows(fd, UAPI_IOMMU_FAULT_QUEUE_ALLOC))
		ret[n++] = "fault-queue";
	if (fd >= 0 && knows(fd, UAPI_IOMMU_IOAS_MAP_FILE))
		ret[n++] = "map-file";
	if (stat("/sys/class/vfio-dev", &st) == 0)
		ret[n++] = "vfio-cdev";
	return n;
}
