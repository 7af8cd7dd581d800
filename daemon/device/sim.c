/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Simulated devices for machines without an IOMMU: joins the table of device.h with the
 * model in sim/, which knows nothing of it. No fd of a device exists, so none can be lent.
 */
#include "device/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "device/sim/dma.h"
#include "device/sim/sim.h"

struct sim_device {
	struct device device;
	struct sim_options options;
	struct sim_dma *dma;                 /* while open */
	uint64_t counters[DMA_COUNTER_MAX];  /* as they were at the last close */
};

struct sim_space {
	struct ioas ioas;
	struct sim_ioas *model;
};

static struct sim_device *to_sim(struct device *d)
{
	return container_of(d, struct sim_device, device);
}

static struct sim_ioas *to_model(struct ioas *a)
{
	return container_of(a, struct sim_space, ioas)->model;
}

struct sim_dma *sim_device_dma(struct device *d)
{
	return to_sim(d)->dma;
}

struct sim_ioas *sim_space_ioas(struct ioas *a)
{
	return to_model(a);
}

static bool sim_claims(const char *address, struct reason *why)
{
	struct sim_options o;

	if (!sim_options_claims(address))
		return false;
	if (sim_options_parse(address, &o, why) == 0)
		why->error = 0;
	return true;
}

static int sim_new(const char *name, const char *address, struct device **ret, struct reason *why)
{
	_cleanup_free_ struct sim_device *d = NULL;
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return reason_set(why, ENOMEM, "out of memory");
	r = sim_options_parse(address, &d->options, why);
	if (r < 0)
		return r;
	r = device_init(&d->device, &device_sim_ops, name, address);
	if (r < 0)
		return reason_set(why, -r, "out of memory");
	*ret = &TAKE_PTR(d)->device;
	return 0;
}

static char *sim_watch(const struct device *device)
{
	const char *path = container_of(device, struct sim_device, device)->options.present;

	return *path ? strdup(path) : NULL;
}

static int sim_look(const struct device *device, struct reason *why)
{
	const char *path = container_of(device, struct sim_device, device)->options.present;

	if (*path && access(path, F_OK) < 0)
		return reason_set(why, ENOENT, "there is no %s, and so no device", path);
	return 0;
}

static int sim_open(struct device *device, struct iommufd *iommufd, struct reason *why)
{
	/* In the kernel the iommufd numbers its objects; the simulated ones have none. */
	static atomic_uint last_dev_id;
	struct sim_device *d = to_sim(device);
	int r;

	(void)iommufd;
	if (d->dma)
		return reason_set(why, EBUSY, "is open already");
	r = sim_look(device, why);
	if (r < 0)
		return r;
	device->dev_id = atomic_fetch_add(&last_dev_id, 1) + 1;
	r = sim_dma_new(&d->options, device->dev_id, device->name, &d->dma);
	if (r < 0)
		return reason_set(why, -r, "cannot start the thread of a simulated device: %s", strerror(-r));
	device->max_pasids = SIM_PASID_LIMIT;
	memset(d->counters, 0, sizeof(d->counters));
	return 0;
}

static bool went_wrong(const uint64_t *counters)
{
	return counters[DMA_DATA_ERRORS] || counters[DMA_VISITS_FAILED] || counters[DMA_UNKNOWN_COOKIES] ||
	       counters[DMA_DOUBLE_ANSWERS] || counters[DMA_SUCCESS_WITHOUT_MAPPING];
}

static void report(const struct sim_device *d)
{
	const uint64_t *c = d->counters;

	log_with(went_wrong(c) ? LOG_ERR : LOG_DEBUG, 0, &(struct log_fields){ .device = d->device.name },
		 "simulated device made %" PRIu64 " page visits, %" PRIu64 " failed, %" PRIu64 " data errors; %" PRIu64
		 " answers to unknown cookies, %" PRIu64 " double, %" PRIu64 " without a mapping",
		 c[DMA_VISITS], c[DMA_VISITS_FAILED], c[DMA_DATA_ERRORS], c[DMA_UNKNOWN_COOKIES],
		 c[DMA_DOUBLE_ANSWERS], c[DMA_SUCCESS_WITHOUT_MAPPING]);
}

static void sim_close(struct device *device)
{
	struct sim_device *d = to_sim(device);

	if (!d->dma)
		return;
	sim_dma_counters(d->dma, d->counters);
	d->dma = sim_dma_free(d->dma);
	report(d);
}

static void sim_free(struct device *device)
{
	device_deinit(device);
	free(to_sim(device));
}

static int sim_lend(struct device *device, int *ret_fd)
{
	(void)device;
	(void)ret_fd;
	return -EOPNOTSUPP;
}

static size_t sim_counters(struct device *device, struct device_counter *ret, size_t size)
{
	struct sim_device *d = to_sim(device);
	size_t n = MIN(size, (size_t)DMA_COUNTER_MAX);
	uint64_t values[DMA_COUNTER_MAX];

	if (d->dma)
		sim_dma_counters(d->dma, values);
	else
		memcpy(values, d->counters, sizeof(values));
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct device_counter){ .name = dma_counter_names[i], .value = values[i] };
	return n;
}

static int sim_ioas_open(struct iommufd *iommufd, const struct iova_range *ranges, size_t n_ranges,
			 struct ioas **ret, struct reason *why)
{
	_cleanup_free_ struct sim_space *s = NULL;
	int r;

	(void)iommufd;
	s = calloc(1, sizeof(*s));
	if (!s)
		return reason_set(why, ENOMEM, "out of memory");
	r = sim_ioas_new(ranges, n_ranges, &s->model, why);
	if (r < 0)
		return r;
	s->ioas.ops = &device_sim_ops;
	s->ioas.fault_fd = s->model->queue.event_fd;
	*ret = &TAKE_PTR(s)->ioas;
	return 0;
}

static struct ioas *sim_ioas_close(struct ioas *a)
{
	if (!a)
		return NULL;
	sim_ioas_free(to_model(a));
	free(container_of(a, struct sim_space, ioas));
	return NULL;
}

static int sim_attach(struct device *device, uint32_t pasid, struct ioas *a, struct reason *why)
{
	struct sim_device *d = to_sim(device);
	int r;

	if (!d->dma)
		return reason_set(why, ENODEV, "is not open");
	if (pasid != PASID_NONE && (pasid >= SIM_PASID_LIMIT || !device->uses_pasids))
		return reason_set(why, EINVAL, "PASID %" PRIu32 " cannot be attached: %s", pasid,
				  device->uses_pasids ? "it is beyond 20 bits" : "the device was not set up for PASIDs");
	r = sim_dma_attach(d->dma, pasid, to_model(a));
	if (r < 0)
		return reason_set(why, -r, "cannot be attached: %s",
				  r == -EBUSY ? "it is attached already" : strerror(-r));
	a->largest_group = MAX(a->largest_group, d->options.credits);
	return 0;
}

static int sim_detach(struct device *device, uint32_t pasid, struct ioas *a)
{
	struct sim_device *d = to_sim(device);

	return d->dma ? sim_dma_detach(d->dma, pasid, to_model(a)) : -ENODEV;
}

static int sim_map(struct ioas *a, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access)
{
	return sim_ioas_map(to_model(a), iova, length, fd, offset, access);
}

static int sim_unmap(struct ioas *a, uint64_t iova, uint64_t length)
{
	return sim_ioas_unmap(to_model(a), iova, length);
}

static ssize_t sim_read(struct ioas *a, void *records, size_t size)
{
	return queue_read(&to_model(a)->queue, records, size);
}

static ssize_t sim_write(struct ioas *a, const void *answers, size_t size)
{
	return queue_write(&to_model(a)->queue, answers, size);
}

const struct device_ops device_sim_ops = {
	.name = "sim",
	.claims = sim_claims,
	.new = sim_new,
	.open = sim_open,
	.close = sim_close,
	.free = sim_free,
	.watch = sim_watch,
	.look = sim_look,
	.lend = sim_lend,
	.counters = sim_counters,
	.ioas_open = sim_ioas_open,
	.ioas_close = sim_ioas_close,
	.attach = sim_attach,
	.detach = sim_detach,
	.map = sim_map,
	.unmap = sim_unmap,
	.read = sim_read,
	.write = sim_write,
};
