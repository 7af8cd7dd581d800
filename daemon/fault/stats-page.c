/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A header, then slots of one size. A slot's kind is set last when it is taken and first when
 * it is given back, so that a reader who finds the same kind and generation before and after
 * it copied the block knows whose it was.
 */
#include "fault/stats-page.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"

/* As in stats.c: gcc's thread sanitizer knows no fences, and needs none here. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

static_assert(sizeof(struct stats_page_header) == 4096, "the slots begin on a page");
static_assert(sizeof(struct stats_page_slot) % 64 == 0, "slots are apart");
static_assert(sizeof(((struct stats_values *)NULL)->stages) <= 2048, "what all attachments pay for the stages");

struct stats_page {
	struct stats_page_header *header;
	struct stats_page_slot *slots;
	uint64_t size;
	int fd;
};

/* A mapping that stays writable, of a file that nobody can map so any more. */
static int map_sealed(struct stats_page *p, void **ret)
{
	int seals = F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	_cleanup_close_ int fd = memfd_create("iopfd-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *map;

	if (fd < 0 || ftruncate(fd, (off_t)p->size) < 0)
		return -errno;
	map = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, seals) < 0) {
		munmap(map, p->size);
		return -errno;
	}
	p->fd = TAKE_FD(fd);
	*ret = map;
	return 0;
}

/* The limit of file sizes may forbid the file; nobody else can read it then. */
static int map_page(struct stats_page *p, void **ret)
{
	int r = map_sealed(p, ret);

	if (r != -EFBIG)
		return r;
	*ret = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return *ret == MAP_FAILED ? -errno : 0;
}

static void fill_header(struct stats_page_header *h, uint32_t capacity)
{
#define ROW(counter, field) { counter, offsetof(struct stats_page_slot, stats.values.field) },
#define STAGE_ROW(name, stage) ROW(name, stages[stage])
	static const struct stats_page_counter counters[] = { STATS_COUNTERS(ROW) };
	static const struct stats_page_counter stages[] = { STATS_STAGES(STAGE_ROW) };

	*h = (struct stats_page_header){
		.magic = STATS_PAGE_MAGIC,
		.version = STATS_PAGE_VERSION,
		.header_size = sizeof(struct stats_page_header),
		.slot_size = sizeof(struct stats_page_slot),
		.n_slots = capacity,
		.sequence_offset = offsetof(struct stats_page_slot, stats.sequence),
		.buckets_offset = offsetof(struct stats_page_slot, stats.values.latency.buckets),
		.n_buckets = HISTOGRAM_BUCKETS,
		.bucket_sub_bits = HISTOGRAM_SUB_BITS,
		.counters_offset = offsetof(struct stats_page_header, counters),
		.n_counters = STATS_N_COUNTERS,
		.counter_size = sizeof(struct stats_page_counter),
		.stages_offset = offsetof(struct stats_page_header, stages),
		.n_stages = STAGE_COUNT,
		.n_stage_buckets = HISTOGRAM_COARSE_BUCKETS,
	};
	memcpy(h->counters, counters, sizeof(counters));
	memcpy(h->stages, stages, sizeof(stages));
}

int stats_page_new(uint32_t capacity, struct stats_page **ret)
{
	_cleanup_(stats_page_freep) struct stats_page *p = calloc(1, sizeof(*p));
	void *map;
	int r;

	if (!p)
		return -ENOMEM;
	p->size = sizeof(struct stats_page_header) + (uint64_t)capacity * sizeof(struct stats_page_slot);
	p->fd = -1;
	r = map_page(p, &map);
	if (r < 0)
		return r;
	p->header = map;
	p->slots = (struct stats_page_slot *)(p->header + 1);
	fill_header(p->header, capacity);
	*ret = TAKE_PTR(p);
	return 0;
}

struct stats_page *stats_page_free(struct stats_page *p)
{
	if (!p)
		return NULL;
	if (p->header)
		munmap(p->header, p->size);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
	return NULL;
}

static void copy_name(char *to, const char *name)
{
	memset(to, 0, STATS_PAGE_NAME_SIZE);
	if (name)
		snprintf(to, STATS_PAGE_NAME_SIZE, "%s", name);
}

struct stats *stats_page_take(struct stats_page *p, enum stats_kind kind, const char *device, const char *space,
			      uint32_t pasid)
{
	for (uint32_t i = 0; i < p->header->n_slots; i++) {
		struct stats_page_slot *s = &p->slots[i];

		if (atomic_load_explicit(&s->kind, memory_order_relaxed) != STATS_FREE)
			continue;
		s->generation++;
		/* Whoever sees anything of what follows sees the new generation as well. */
		atomic_thread_fence(memory_order_release);
		s->pasid = pasid;
		copy_name(s->device, device);
		copy_name(s->space, space);
		memset(&s->stats, 0, sizeof(s->stats));
		atomic_store_explicit(&s->kind, kind, memory_order_release);
		return &s->stats;
	}
	return NULL;
}

struct stats *stats_page_give(struct stats *stats)
{
	struct stats_page_slot *s = stats ? container_of(stats, struct stats_page_slot, stats) : NULL;

	if (s)
		atomic_store_explicit(&s->kind, STATS_FREE, memory_order_release);
	return NULL;
}

int stats_page_open(struct stats_page *p, uint64_t *ret_size)
{
	char path[48];
	int fd;

	if (p->fd < 0)
		return -EOPNOTSUPP;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_size = p->size;
	return fd;
}
