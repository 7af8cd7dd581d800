/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rig's DMA device (tests/rig/iopf-dma.md) seen by a program: its registers, its jobs
 * and the pattern it writes. Reached through a VFIO fd that somebody lends, as a driver in
 * user space would, or through sysfs, which leaves no trace in the owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IOPF_PAGE 4096u
#define IOPF_PAGE_WORDS (IOPF_PAGE / 8)
#define IOPF_CHANNELS 9u

enum iopf_op {
	IOPF_FROM_BUFFER,
	IOPF_TO_BUFFER,
	IOPF_FILL,
	IOPF_CHECK,
	IOPF_SUM,
	IOPF_TOUCH_READ,
	IOPF_TOUCH_WRITE,
	IOPF_ADD_ONE,
};

#define IOPF_RANDOM (1u << 4)
#define IOPF_USE_PASID (1u << 8)
#define IOPF_NO_LAST (1u << 16)

enum iopf_status {
	IOPF_OK = 0,
	IOPF_INVALID = 1,
	IOPF_ABORTED = 8,
};

/* Counters of the device since the last reset, by register offset. */
enum iopf_counter {
	IOPF_PAGE_REQUESTS = 0x60,
	IOPF_GROUPS = 0x68,
	IOPF_SUCCESSES = 0x70,
	IOPF_INVALIDS = 0x78,
	IOPF_FAILURES = 0x80,
	IOPF_STRAYS = 0x88,
	IOPF_QUEUE_FULL = 0x90,
};

struct iopf_dma {
	volatile uint8_t *bar; /* NULL: not open */
};

/* What a channel is told; zeroes are the device's defaults. */
struct iopf_job {
	unsigned channel;
	enum iopf_op op;
	uint32_t flags;   /* IOPF_RANDOM … */
	uint64_t iova;
	uint32_t n_pages;
	uint64_t count;   /* visits; 0 = n_pages */
	uint32_t group;
	uint32_t depth;
	uint32_t pasid;   /* with IOPF_USE_PASID */
	uint64_t seed;
};

struct iopf_result {
	uint32_t status;
	uint64_t done;
	uint64_t failed;
	uint64_t page_requests;
	uint64_t groups;
	uint64_t mismatch;
	uint64_t bad;     /* IOVA of the first failed or mismatching page */
	uint64_t sum;
	uint64_t latency_ns; /* from a group to its answer, all groups together */
	uint64_t elapsed_ns; /* of the job, once it has ended */
};

/* Both switch memory decoding on; only the first sets bus mastering too. -ENXIO: not such a
 * device. The fd stays the caller's. */
int iopf_dma_open_vfio(struct iopf_dma *d, int vfio_fd);
int iopf_dma_open_sysfs(struct iopf_dma *d, const char *bdf);
void iopf_dma_close(struct iopf_dma *d);

/* Bus mastering, ATS, PRI and PASID: 0xf when a driver and an IOMMU are ready for us. */
uint32_t iopf_dma_features(const struct iopf_dma *d);
uint64_t iopf_dma_counter(const struct iopf_dma *d, enum iopf_counter counter);
uint32_t iopf_dma_peak(const struct iopf_dma *d);
uint32_t iopf_dma_credits(const struct iopf_dma *d);
uint32_t iopf_dma_in_flight(const struct iopf_dma *d);

void iopf_dma_start(const struct iopf_dma *d, const struct iopf_job *job);
void iopf_dma_abort(const struct iopf_dma *d, unsigned channel);
bool iopf_dma_busy(const struct iopf_dma *d, unsigned channel);
void iopf_dma_result(const struct iopf_dma *d, unsigned channel, struct iopf_result *ret);

/* Until the channel is idle. -ETIMEDOUT: it is still busy at that time (CLOCK_MONOTONIC). */
int iopf_dma_wait(const struct iopf_dma *d, unsigned channel, uint64_t deadline_ns);

/* The one page of memory in the device that all channels share. */
void iopf_dma_read_buffer(const struct iopf_dma *d, void *page);
void iopf_dma_write_buffer(const struct iopf_dma *d, const void *page);

/* The page that visit number `visit` of a job with IOPF_RANDOM goes to. */
uint32_t iopf_random_page(uint64_t seed, uint64_t visit, uint32_t n_pages);

/* What IOPF_FILL leaves in the page at an IOVA, each word `plus` higher. */
void iopf_pattern(uint64_t seed, uint64_t iova, uint64_t plus, uint64_t page[IOPF_PAGE_WORDS]);
