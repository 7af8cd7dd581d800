/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said about the kernel, on kernels that can do more and less.
 */
#include "device/kernel.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/util.h"
#include "device/iommufd.h"
#include "device/uapi-iommufd.h"
#include "t.h"

static struct {
	bool has_iommufd;
	int open_error;
	bool has_fault_queues;
	bool has_map_file;
	bool has_cdevs;
	unsigned n_ioctls;
} machine;

int __wrap_stat(const char *path, struct stat *st);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_stat(const char *path, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	errno = ENOENT;
	return (!strcmp(path, IOMMUFD_PATH) ? machine.has_iommufd : machine.has_cdevs) ? 0 : -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	(void)flags;
	T_STREQ(path, IOMMUFD_PATH);
	errno = machine.open_error;
	return machine.open_error ? -1 : memfd_create("iommufd", MFD_CLOEXEC);
}

/* As iommufd: first it looks for the request, then at the size. */
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;

	(void)fd;
	machine.n_ioctls++;
	va_start(ap, request);
	T_EQ(*va_arg(ap, const uint32_t *), 0);
	va_end(ap);
	errno = EINVAL;
	if ((request == UAPI_IOMMU_FAULT_QUEUE_ALLOC && !machine.has_fault_queues) ||
	    (request == UAPI_IOMMU_IOAS_MAP_FILE && !machine.has_map_file))
		errno = ENOTTY;
	return -1;
}

static void expect(const char *words)
{
	const char *names[KERNEL_FEATURES_MAX];
	char text[200] = "";
	size_t n = kernel_features(names);

	T_ASSERT(n <= KERNEL_FEATURES_MAX);
	for (size_t i = 0; i < n; i++) {
		strcat(text, names[i]);
		strcat(text, " ");
	}
	T_STREQ(text, words);
}

static void test_features(void)
{
	memset(&machine, 0, sizeof(machine));
	expect("");
	T_EQ(machine.n_ioctls, 0);
	machine.has_cdevs = true;
	expect("vfio-cdev ");
	machine.has_iommufd = true;
	machine.open_error = EACCES;
	expect("iommufd vfio-cdev ");
	T_EQ(machine.n_ioctls, 0);
	machine.open_error = 0;
	expect("iommufd vfio-cdev ");
	machine.has_fault_queues = true;
	expect("iommufd fault-queue vfio-cdev ");
	machine.has_map_file = true;
	expect("iommufd fault-queue map-file vfio-cdev ");
}

int main(void)
{
	t_run(test_features);
	return 0;
}
