/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the counters live: one memory file with a slot for each thing that is counted, which
 * readers outside the daemon map read-only. The control thread takes and gives back slots;
 * the writer of a slot is the shard, with stats.h.
 *
 * The layout is an interface: iopfd-stats(7). A reader goes by the offsets and names in the
 * header, so counters and fields may be added; what changes the meaning of one that is there
 * makes another version.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "fault/stats-names.h"

#define STATS_PAGE_MAGIC 0x3174736466706f69ull /* "iopfdst1" */
#define STATS_PAGE_VERSION 1u
#define STATS_PAGE_NAME_SIZE 36

enum stats_kind {
	STATS_FREE,       /* nobody's */
	STATS_ATTACHMENT, /* device, space and PASID are set */
	STATS_SPACE,      /* space is set: what no attachment caused */
	STATS_ORPHANS,    /* of a shard: records of unknown devices */
};

struct stats_page_counter {
	char name[28];    /* as on the bus */
	uint32_t offset;  /* in a slot; 64 bits, of a stage n_stage_buckets times */
};

struct stats_page_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;     /* the first slot is there */
	uint32_t slot_size;
	uint32_t n_slots;
	uint32_t sequence_offset; /* in a slot: odd while it is written */
	uint32_t buckets_offset;  /* in a slot: of the latency histogram; 64 bits each */
	uint32_t n_buckets;
	uint32_t bucket_sub_bits; /* 2^n buckets to each power of two */
	uint32_t counters_offset; /* in the header */
	uint32_t n_counters;
	uint32_t counter_size;
	uint32_t stages_offset;   /* in the header: rows like those of counters, to histograms */
	uint32_t n_stages;
	uint32_t n_stage_buckets; /* in a histogram of a stage: one to each power of two */
	struct stats_page_counter counters[STATS_N_COUNTERS];
	struct stats_page_counter stages[STAGE_COUNT];
} __attribute__((aligned(4096)));

struct stats_page_slot {
	atomic_uint kind;    /* enum stats_kind */
	uint32_t generation; /* one more each time it is taken */
	uint32_t pasid;
	char device[STATS_PAGE_NAME_SIZE];
	char space[STATS_PAGE_NAME_SIZE];
	struct stats stats __attribute__((aligned(64)));
};

struct stats_page;

/* At most capacity slots; pages are touched only when a slot is used. */
int stats_page_new(uint32_t capacity, struct stats_page **ret);
struct stats_page *stats_page_free(struct stats_page *p);
DEFINE_CLEANUP(struct stats_page, stats_page_free)

/* A zeroed block, or NULL when all are taken. Names are copied; NULL = none. */
struct stats *stats_page_take(struct stats_page *p, enum stats_kind kind, const char *device, const char *space,
			      uint32_t pasid);

/* Nobody writes it any more. Takes NULL, returns NULL. */
struct stats *stats_page_give(struct stats *s);

/* A new read-only descriptor of the sealed file, the caller's; *ret_size: bytes to map.
 * -EOPNOTSUPP: the limit of file sizes forbade the file, the counters are in memory. */
int stats_page_open(struct stats_page *p, uint64_t *ret_size);
