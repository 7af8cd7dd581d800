/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-iommufd.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device/iommufd.h"
#include "t.h"

struct fake fake;

static struct {
	unsigned long request;
	int error;
	unsigned skip;
	unsigned times;
} failure;

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, ...);

void fake_reset(void)
{
	if (fake.next_id && fake.request_fd >= 0)
		__real_close(fake.request_fd);
	if (fake.next_id && fake.error_fd >= 0)
		__real_close(fake.error_fd);
	fake = (struct fake){ .next_id = 1, .fault_fd = -1, .request_fd = -1, .error_fd = -1 };
	failure.times = 0;
}

void fake_fail(unsigned long request, int error, unsigned skip, unsigned times)
{
	failure.request = request;
	failure.error = error;
	failure.skip = skip;
	failure.times = times;
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	size_t used = strlen(fake.log);
	va_list ap;

	if (used)
		fake.log[used++] = ' ';
	va_start(ap, format);
	vsnprintf(fake.log + used, sizeof(fake.log) - used, format, ap);
	va_end(ap);
}

const char *fake_log(void)
{
	static char copy[sizeof(fake.log)];

	memcpy(copy, fake.log, sizeof(copy));
	fake.log[0] = 0;
	return copy;
}

struct iommufd *fake_iommufd(void)
{
	struct iommufd *i = malloc(sizeof(*i));

	T_ASSERT(i);
	i->fd = __real_open("/dev/null", O_RDWR | O_CLOEXEC);
	T_ASSERT(i->fd >= 0);
	return i;
}

int __wrap_open(const char *path, int flags, ...)
{
	if (fake.open_error && fake.node && strcmp(path, fake.node) == 0) {
		errno = fake.open_error;
		return -1;
	}
	return __real_open(path, flags, 0666);
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd == fake.fault_fd) {
		note("CLOSE(queue)");
		fake.fault_fd = -1;
	}
	return __real_close(fd);
}

static int on_iova_ranges(struct uapi_iommu_ioas_iova_ranges *c)
{
	struct uapi_iommu_iova_range *to = (void *)(uintptr_t)c->allowed_iovas;

	note("IOVA_RANGES(%u)", c->ioas_id);
	for (uint32_t i = 0; i < fake.n_ranges && i < c->num_iovas; i++)
		to[i] = fake.ranges[i];
	if (fake.n_ranges > c->num_iovas) {
		errno = EMSGSIZE;
		return -1;
	}
	c->num_iovas = (uint32_t)fake.n_ranges;
	return 0;
}

/* The layout of the mock's command, as words: size, op, id, reserved, then what the op has. */
static int on_mock(uint32_t *c)
{
	T_EQ(c[0], 72);
	switch (c[1]) {
	case 10:
		note("MOCK_REPLACE(%u,%u)", c[2], c[4]);
		return 0;
	case 12:
		fake.last_flags = c[7];
		c[4] = fake.next_id++;
		c[5] = fake.next_id++;
		c[6] = fake.next_id++;
		note("MOCK_DEVICE(%u)=%u,%u", c[2], c[4], c[6]);
		return 0;
	case 18:
		note("MOCK_PASID_ATTACH(%u,%u,%u)", c[2], c[4], c[5]);
		return 0;
	case 20:
		note("MOCK_PASID_DETACH(%u,%u)", c[2], c[4]);
		return 0;
	}
	t_fail(__FILE__, __LINE__, "unknown mock op %u", c[1]);
}

static int on_iommufd(unsigned long request, void *p)
{
	switch (request) {
	case UAPI_IOMMU_DESTROY:
		note("DESTROY(%u)", ((struct uapi_iommu_destroy *)p)->id);
		return 0;
	case UAPI_IOMMU_IOAS_ALLOC: {
		struct uapi_iommu_ioas_alloc *c = p;

		c->out_ioas_id = fake.next_id++;
		note("IOAS_ALLOC=%u", c->out_ioas_id);
		return 0;
	}
	case UAPI_IOMMU_IOAS_ALLOW_IOVAS: {
		struct uapi_iommu_ioas_allow_iovas *c = p;

		note("ALLOW_IOVAS(%u,%u)", c->ioas_id, c->num_iovas);
		return 0;
	}
	case UAPI_IOMMU_IOAS_IOVA_RANGES:
		return on_iova_ranges(p);
	case UAPI_IOMMU_IOAS_UNMAP: {
		struct uapi_iommu_ioas_unmap *c = p;

		if (c->length == UINT64_MAX)
			note("UNMAP(%u,all)", c->ioas_id);
		else
			note("UNMAP(%u,0x%llx+0x%llx)", c->ioas_id, (unsigned long long)c->iova,
			     (unsigned long long)c->length);
		return 0;
	}
	case UAPI_IOMMU_HWPT_ALLOC: {
		struct uapi_iommu_hwpt_alloc *c = p;

		c->out_hwpt_id = fake.next_id++;
		fake.last_flags = c->flags;
		note("HWPT_ALLOC(%u,%u,%u,0x%x)=%u", c->dev_id, c->pt_id, c->fault_id, c->flags, c->out_hwpt_id);
		return 0;
	}
	case UAPI_IOMMU_GET_HW_INFO: {
		struct uapi_iommu_hw_info *c = p;

		c->out_max_pasid_log2 = fake.max_pasid_log2;
		note("HW_INFO(%u)", c->dev_id);
		return 0;
	}
	case UAPI_IOMMU_FAULT_QUEUE_ALLOC: {
		struct uapi_iommu_fault_alloc *c = p;

		c->out_fault_id = fake.next_id++;
		fake.fault_fd = eventfd(0, EFD_CLOEXEC);
		c->out_fault_fd = (uint32_t)fake.fault_fd;
		note("QUEUE=%u", c->out_fault_id);
		return 0;
	}
	case UAPI_IOMMU_IOAS_MAP_FILE:
		fake.map = *(struct uapi_iommu_ioas_map_file *)p;
		if (fake.map.flags)
			note("MAP_FILE(%u,0x%x)", fake.map.ioas_id, fake.map.flags);
		return 0;
	}
	t_fail(__FILE__, __LINE__, "unknown ioctl %lx", request);
}

static int on_set_irqs(const struct uapi_vfio_irq_set *c)
{
	T_EQ(c->argsz, sizeof(*c));
	T_EQ(c->flags, UAPI_VFIO_IRQ_SET_DATA_EVENTFD | UAPI_VFIO_IRQ_SET_ACTION_TRIGGER);
	T_EQ(c->start, 0);
	T_EQ(c->count, 1);
	if (c->index == UAPI_VFIO_PCI_REQ_IRQ_INDEX)
		fake.request_fd = dup(c->fd);
	else if (c->index == UAPI_VFIO_PCI_ERR_IRQ_INDEX)
		fake.error_fd = dup(c->fd);
	else
		t_fail(__FILE__, __LINE__, "unknown interrupt %u", c->index);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *p;

	(void)fd;
	va_start(ap, request);
	p = va_arg(ap, void *);
	va_end(ap);

	if (failure.times && failure.request == request) {
		if (failure.skip) {
			failure.skip--;
		} else {
			failure.times--;
			errno = failure.error;
			return -1;
		}
	}
	switch (request) {
	case UAPI_VFIO_DEVICE_GET_INFO: {
		struct uapi_vfio_device_info *c = p;

		T_EQ(c->argsz, sizeof(*c));
		c->flags = fake.vfio_flags;
		c->num_irqs = fake.n_irqs;
		return 0;
	}
	case UAPI_VFIO_DEVICE_SET_IRQS:
		return on_set_irqs(p);
	case UAPI_VFIO_DEVICE_BIND_IOMMUFD: {
		struct uapi_vfio_bind_iommufd *c = p;

		c->out_devid = fake.next_id++;
		note("BIND=%u", c->out_devid);
		return 0;
	}
	case UAPI_VFIO_DEVICE_ATTACH_IOMMUFD_PT: {
		struct uapi_vfio_attach_iommufd_pt *c = p;

		if (c->flags)
			note("ATTACH(%u,pasid %u)", c->pt_id, c->pasid);
		else
			note("ATTACH(%u)", c->pt_id);
		return 0;
	}
	case UAPI_VFIO_DEVICE_DETACH_IOMMUFD_PT: {
		struct uapi_vfio_detach_iommufd_pt *c = p;

		if (c->flags)
			note("DETACH(pasid %u)", c->pasid);
		else
			note("DETACH");
		return 0;
	}
	case UAPI_VFIO_DEVICE_GET_REGION_INFO: {
		struct uapi_vfio_region_info *c = p;

		T_EQ(c->index, UAPI_VFIO_PCI_CONFIG_REGION_INDEX);
		c->offset = 0x100000;
		return 0;
	}
	case FAKE_MOCK_IOCTL:
		return on_mock(p);
	}
	return on_iommufd(request, p);
}
