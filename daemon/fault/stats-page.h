/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the counters live: one memory file with a slot for each thing that is counted, which
 * readers outside the daemon map read-only (iopfd-stats(7) is its layout). The control
 * thread takes and gives back slots; the writer of a slot is the shard, with stats.h.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "fault/stats.h"

#define STATS_PAGE_VERSION 1u

struct stats_page;

enum stats_kind {
	STATS_FREE,       /* nobody's */
	STATS_ATTACHMENT, /* device, space and PASID are set */
	STATS_SPACE,      /* space is set: what no attachment caused */
	STATS_ORPHANS,    /* of a shard: records of unknown devices */
};

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
