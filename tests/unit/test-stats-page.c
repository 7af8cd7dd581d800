/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page of statistics and the records of a trace: what a reader is given, and that both are
 * laid out as iopfd-stats(7) says.
 */
#include "fault/stats-page.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "device/device.h"
#include "fault/trace.h"
#include "t.h"

struct field {
	const char *name;
	size_t offset;
	size_t bytes;
};

#define FIELD(type, name) { #name, offsetof(struct type, name), sizeof(((struct type *)NULL)->name) }

static const struct field header_fields[] = {
	FIELD(stats_page_header, magic), FIELD(stats_page_header, version), FIELD(stats_page_header, header_size),
	FIELD(stats_page_header, slot_size), FIELD(stats_page_header, n_slots),
	FIELD(stats_page_header, sequence_offset), FIELD(stats_page_header, buckets_offset),
	FIELD(stats_page_header, n_buckets), FIELD(stats_page_header, bucket_sub_bits),
	FIELD(stats_page_header, counters_offset), FIELD(stats_page_header, n_counters),
	FIELD(stats_page_header, counter_size), FIELD(stats_page_header, stages_offset),
	FIELD(stats_page_header, n_stages), FIELD(stats_page_header, n_stage_buckets), { 0 },
};
static const struct field slot_fields[] = {
	FIELD(stats_page_slot, kind), FIELD(stats_page_slot, generation), FIELD(stats_page_slot, pasid),
	FIELD(stats_page_slot, device), FIELD(stats_page_slot, space), { 0 },
};
static const struct field datagram_fields[] = {
	FIELD(trace_header, magic), FIELD(trace_header, version), FIELD(trace_header, header_size),
	FIELD(trace_header, record_size), FIELD(trace_header, n_records), FIELD(trace_header, n_dropped), { 0 },
};
static const struct field record_fields[] = {
	FIELD(trace_record, time_ns), FIELD(trace_record, latency_ns), FIELD(trace_record, iova),
	FIELD(trace_record, cookie), FIELD(trace_record, pasid), FIELD(trace_record, perm),
	FIELD(trace_record, flags), FIELD(trace_record, outcome), FIELD(trace_record, n_records),
	FIELD(trace_record, index), FIELD(trace_record, device), FIELD(trace_record, space), { 0 },
};

/* The rows of the table in a subsection of the manual are these, in this order. */
static void expect_table(const char *section, const struct field *fields)
{
	FILE *f = fopen("man/iopfd-stats.7", "r");
	char line[200], name[64], wanted[64];
	size_t offset, bytes;
	bool inside = false;

	T_ASSERT(f);
	snprintf(wanted, sizeof(wanted), ".Ss %s\n", section);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '.' && line[1] == 'S')
			inside = !strcmp(line, wanted);
		if (!inside || sscanf(line, ".It %63s Ta %zu Ta %zu", name, &offset, &bytes) != 3)
			continue;
		T_STREQ(name, fields->name ?: "the end");
		T_EQ(offset, fields->offset);
		T_EQ(bytes, fields->bytes);
		fields++;
	}
	T_ASSERT(!fields->name);
	fclose(f);
}

static void test_manual(void)
{
	expect_table("Header", header_fields);
	expect_table("Slot", slot_fields);
	expect_table("Datagram", datagram_fields);
	expect_table("Record", record_fields);
	T_EQ(offsetof(struct stats_page_counter, offset), 28);
	T_EQ(offsetof(struct stats_page_slot, kind), 0);
}

static const struct stats_page_header *map_it(struct stats_page *p, int *ret_fd, uint64_t *ret_size)
{
	const void *map;

	*ret_fd = stats_page_open(p, ret_size);
	T_OK(*ret_fd);
	map = mmap(NULL, *ret_size, PROT_READ, MAP_SHARED, *ret_fd, 0);
	T_ASSERT(map != MAP_FAILED);
	return map;
}

static const struct stats_page_slot *slot_at(const struct stats_page_header *h, uint32_t i)
{
	return (const void *)((const char *)h + h->header_size + (uint64_t)i * h->slot_size);
}

/* What the row of this name in a table says of a slot. */
static const uint64_t *row(const struct stats_page_header *h, uint32_t offset, uint32_t n,
			   const struct stats_page_slot *slot, const char *name)
{
	const char *table = (const char *)h + offset;

	for (uint32_t i = 0; i < n; i++) {
		const struct stats_page_counter *c = (const void *)(table + i * h->counter_size);

		if (!strcmp(c->name, name))
			return (const void *)((const char *)slot + c->offset);
	}
	t_fail(__FILE__, __LINE__, "no row %s", name);
}

static uint64_t counter(const struct stats_page_header *h, const struct stats_page_slot *slot, const char *name)
{
	return *row(h, h->counters_offset, h->n_counters, slot, name);
}

static uint64_t stage(const struct stats_page_header *h, const struct stats_page_slot *slot, const char *name, unsigned i)
{
	T_ASSERT(i < h->n_stage_buckets);
	return row(h, h->stages_offset, h->n_stages, slot, name)[i];
}

static void test_reader(void)
{
	const struct stats_page_header *h;
	struct stats *first, *second;
	struct stats_page *p;
	uint64_t size;
	int fd;

	T_OK(stats_page_new(3, &p));
	h = map_it(p, &fd, &size);
	T_EQ(h->magic, STATS_PAGE_MAGIC);
	T_EQ(h->version, 1);
	T_EQ(size, h->header_size + 3ull * h->slot_size);
	T_EQ(slot_at(h, 0)->kind, STATS_FREE);
	first = stats_page_take(p, STATS_ATTACHMENT, "nvme0", "dma0", 5);
	second = stats_page_take(p, STATS_SPACE, NULL, "dma0", PASID_NONE);
	T_ASSERT(first && second && stats_page_take(p, STATS_ORPHANS, NULL, NULL, PASID_NONE));
	T_ASSERT(!stats_page_take(p, STATS_SPACE, NULL, "dma1", PASID_NONE));
	T_EQ(slot_at(h, 0)->kind, STATS_ATTACHMENT);
	T_EQ(slot_at(h, 0)->pasid, 5);
	T_STREQ(slot_at(h, 0)->device, "nvme0");
	T_STREQ(slot_at(h, 0)->space, "dma0");
	T_STREQ(slot_at(h, 1)->device, "");

	stats_begin(first);
	first->values.faults_total = 77;
	first->values.prefetched = 78;
	first->values.latency.buckets[3] = 79;
	first->values.stages[STAGE_QUEUE].buckets[0] = 80;
	first->values.stages[STAGE_ANSWER].buckets[HISTOGRAM_COARSE_BUCKETS - 1] = 81;
	stats_end(first);
	T_EQ(counter(h, slot_at(h, 0), "FaultsTotal"), 77);
	T_EQ(counter(h, slot_at(h, 0), "ExtentsAround"), 78);
	T_EQ(counter(h, slot_at(h, 1), "FaultsTotal"), 0);
	T_EQ(*(const uint64_t *)(const void *)((const char *)slot_at(h, 0) + h->buckets_offset + 3 * 8), 79);
	T_EQ(h->n_buckets, HISTOGRAM_BUCKETS);
	T_EQ(h->n_stages, STAGE_COUNT);
	T_EQ(stage(h, slot_at(h, 0), "queue", 0), 80);
	T_EQ(stage(h, slot_at(h, 0), "answer", h->n_stage_buckets - 1), 81);
	T_EQ(stage(h, slot_at(h, 0), "fill", 0), 0);

	/* Another one in its place is known by the generation, and begins with nothing. */
	T_EQ(slot_at(h, 0)->generation, 1);
	stats_page_give(first);
	T_EQ(slot_at(h, 0)->kind, STATS_FREE);
	T_ASSERT(stats_page_take(p, STATS_ATTACHMENT, "nvme1", "dma1", PASID_NONE) == first);
	T_EQ(slot_at(h, 0)->generation, 2);
	T_STREQ(slot_at(h, 0)->device, "nvme1");
	T_EQ(counter(h, slot_at(h, 0), "FaultsTotal"), 0);
	munmap((void *)h, size);
	close(fd);
	stats_page_free(p);
}

/* The receiver of the descriptor is nobody special. */
static void test_sealed(void)
{
	struct stats_page *p;
	uint64_t size;
	char path[48];
	int fd, writable;

	T_OK(stats_page_new(1, &p));
	munmap((void *)map_it(p, &fd, &size), size);
	T_ASSERT(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	T_ASSERT(write(fd, "x", 1) < 0);
	T_ASSERT(ftruncate(fd, 0) < 0);
	/* Nor with a descriptor that may be written to. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	writable = open(path, O_RDWR | O_CLOEXEC);
	T_OK(writable);
	T_ASSERT(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0) == MAP_FAILED);
	T_EQ(errno, EPERM);
	T_ASSERT(write(writable, "x", 1) < 0);
	T_EQ(errno, EPERM);
	T_ASSERT(ftruncate(writable, 0) < 0 && ftruncate(writable, (off_t)size + 4096) < 0);
	T_ASSERT(fcntl(writable, F_ADD_SEALS, F_SEAL_WRITE) < 0);
	close(writable);
	close(fd);
	stats_page_free(p);
}

int main(void)
{
	t_run(test_manual);
	t_run(test_reader);
	t_run(test_sealed);
	return 0;
}
