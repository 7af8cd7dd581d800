/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers are read and written 32 bits at a time: a wider access would be two anyway.
 * Waiting sleeps between two looks, because a look leaves the emulated CPU and the daemon
 * may need that very CPU.
 */
#include "iopf-dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define BAR_SIZE 0x10000
#define PCI_COMMAND_OFFSET 4
#define PCI_COMMAND_MEMORY_AND_MASTER 6

enum {
	REG_MAGIC = 0x10,
	REG_FEATURES = 0x1c,
	REG_ALLOC = 0x20,
	REG_INFLIGHT = 0x24,
	REG_PEAK = 0x28,
	REG_CHANNELS = 0x100,
	REG_BUFFER = 0x1000,
	MAGIC = 0x46504f49,
};

enum {
	CH_BASE = 0x00,
	CH_NPAGES = 0x08,
	CH_STRIDE = 0x0c,
	CH_COUNT = 0x10,
	CH_OP = 0x18,
	CH_PASID = 0x1c,
	CH_GROUP = 0x20,
	CH_DEPTH = 0x24,
	CH_SEED = 0x28,
	CH_GAP = 0x30,
	CH_XFER = 0x34,
	CH_TRIES = 0x38,
	CH_CTRL = 0x3c,
	CH_STATUS = 0x40,
	CH_DONE = 0x48,
	CH_FAILED = 0x50,
	CH_PR = 0x58,
	CH_GROUPS = 0x60,
	CH_MISMATCH = 0x78,
	CH_BAD = 0x80,
	CH_SUM = 0x88,
	CH_LAT_SUM = 0x90,
	CH_T_START = 0xa8,
	CH_T_END = 0xb0,
	CTRL_START = 1,
	CTRL_ABORT = 2,
	CTRL_BUSY = 1,
};

static uint32_t get32(const struct iopf_dma *d, size_t offset)
{
	return *(volatile uint32_t *)(volatile void *)(d->bar + offset);
}

static void put32(const struct iopf_dma *d, size_t offset, uint32_t value)
{
	*(volatile uint32_t *)(volatile void *)(d->bar + offset) = value;
}

static uint64_t get64(const struct iopf_dma *d, size_t offset)
{
	uint64_t low = get32(d, offset);

	return low | (uint64_t)get32(d, offset + 4) << 32;
}

static void put64(const struct iopf_dma *d, size_t offset, uint64_t value)
{
	put32(d, offset, (uint32_t)value);
	put32(d, offset + 4, (uint32_t)(value >> 32));
}

static size_t channel_base(unsigned channel)
{
	return REG_CHANNELS * ((size_t)channel + 1);
}

static int map_bar(struct iopf_dma *d, int fd, uint64_t offset)
{
	void *bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (bar == MAP_FAILED)
		return -errno;
	d->bar = bar;
	if (get32(d, REG_MAGIC) == MAGIC)
		return 0;
	iopf_dma_close(d);
	return -ENXIO;
}

int iopf_dma_open_vfio(struct iopf_dma *d, int vfio_fd)
{
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	uint16_t command;

	if (ioctl(vfio_fd, VFIO_DEVICE_GET_REGION_INFO, &config) < 0 ||
	    ioctl(vfio_fd, VFIO_DEVICE_GET_REGION_INFO, &bar) < 0)
		return -errno;
	if (pread(vfio_fd, &command, 2, (off_t)config.offset + PCI_COMMAND_OFFSET) != 2)
		return -errno;
	command |= PCI_COMMAND_MEMORY_AND_MASTER;
	if (pwrite(vfio_fd, &command, 2, (off_t)config.offset + PCI_COMMAND_OFFSET) != 2)
		return -errno;
	return map_bar(d, vfio_fd, bar.offset);
}

int iopf_dma_open_sysfs(struct iopf_dma *d, const char *bdf)
{
	_cleanup_close_ int fd = -1;
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return map_bar(d, fd, 0);
}

void iopf_dma_close(struct iopf_dma *d)
{
	if (d->bar)
		munmap((void *)d->bar, BAR_SIZE);
	d->bar = NULL;
}

uint32_t iopf_dma_features(const struct iopf_dma *d)
{
	return get32(d, REG_FEATURES);
}

uint64_t iopf_dma_counter(const struct iopf_dma *d, enum iopf_counter counter)
{
	return get64(d, counter);
}

uint32_t iopf_dma_peak(const struct iopf_dma *d)
{
	return get32(d, REG_PEAK);
}

uint32_t iopf_dma_credits(const struct iopf_dma *d)
{
	return get32(d, REG_ALLOC);
}

uint32_t iopf_dma_in_flight(const struct iopf_dma *d)
{
	return get32(d, REG_INFLIGHT);
}

void iopf_dma_start(const struct iopf_dma *d, const struct iopf_job *job)
{
	size_t base = channel_base(job->channel);

	put64(d, base + CH_BASE, job->iova);
	put32(d, base + CH_NPAGES, job->n_pages);
	put32(d, base + CH_STRIDE, 0);
	put64(d, base + CH_COUNT, job->count);
	put32(d, base + CH_OP, job->op | job->flags);
	put32(d, base + CH_PASID, job->pasid);
	put32(d, base + CH_GROUP, job->group);
	put32(d, base + CH_DEPTH, job->depth);
	put64(d, base + CH_SEED, job->seed);
	put32(d, base + CH_GAP, 0);
	put32(d, base + CH_XFER, 0);
	put32(d, base + CH_TRIES, 0);
	put32(d, base + CH_CTRL, CTRL_START);
}

void iopf_dma_abort(const struct iopf_dma *d, unsigned channel)
{
	put32(d, channel_base(channel) + CH_CTRL, CTRL_ABORT);
}

bool iopf_dma_busy(const struct iopf_dma *d, unsigned channel)
{
	return get32(d, channel_base(channel) + CH_CTRL) & CTRL_BUSY;
}

void iopf_dma_result(const struct iopf_dma *d, unsigned channel, struct iopf_result *ret)
{
	size_t base = channel_base(channel);

	*ret = (struct iopf_result){
		.status = get32(d, base + CH_STATUS),
		.done = get64(d, base + CH_DONE),
		.failed = get64(d, base + CH_FAILED),
		.page_requests = get64(d, base + CH_PR),
		.groups = get64(d, base + CH_GROUPS),
		.mismatch = get64(d, base + CH_MISMATCH),
		.bad = get64(d, base + CH_BAD),
		.sum = get64(d, base + CH_SUM),
		.latency_ns = get64(d, base + CH_LAT_SUM),
		.elapsed_ns = get64(d, base + CH_T_END) - get64(d, base + CH_T_START),
	};
}

int iopf_dma_wait(const struct iopf_dma *d, unsigned channel, uint64_t deadline_ns)
{
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC / 2 };

	while (iopf_dma_busy(d, channel)) {
		if (clock_now_ns() > deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

void iopf_dma_read_buffer(const struct iopf_dma *d, void *page)
{
	uint32_t *words = page;

	for (size_t i = 0; i < IOPF_PAGE / 4; i++)
		words[i] = get32(d, REG_BUFFER + i * 4);
}

void iopf_dma_write_buffer(const struct iopf_dma *d, const void *page)
{
	const uint32_t *words = page;

	for (size_t i = 0; i < IOPF_PAGE / 4; i++)
		put32(d, REG_BUFFER + i * 4, words[i]);
}

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint32_t iopf_random_page(uint64_t seed, uint64_t visit, uint32_t n_pages)
{
	return (uint32_t)(mix(seed + visit) % n_pages);
}

void iopf_pattern(uint64_t seed, uint64_t iova, uint64_t plus, uint64_t page[IOPF_PAGE_WORDS])
{
	uint64_t first = mix(seed ^ iova) + plus;

	for (size_t i = 0; i < IOPF_PAGE_WORDS; i++)
		page[i] = first + i * 0x0101010101010101ull;
}
