/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The story of a fault, for one space: pager_on_readable() reads a batch of groups, serves
 * each (finds the attachment and the region, maps what is missing) and writes all answers.
 * Everything runs on the shard that owns the space, between two rounds of its loop, so a
 * group is never half served when anything else happens.
 *
 * Invariants: a page is mapped before its group is answered; every group read is answered
 * exactly once, SUCCESS or INVALID, whatever fails; after pager_detach() no answer for the
 * attachment is written.
 */
#pragma once

#include "base/log.h"
#include "fault/attachments.h"
#include "fault/queue.h"
#include "fault/space.h"
#include "loop/loop.h"

struct pager {
	struct space space;
	struct queue queue;
	struct ioas *ioas; /* taken by pager_start(), closed by pager_stop() */
	struct attachments attachments;
	struct stats *stats;   /* what no attachment caused (prefault); the control thread's */
	struct stats *orphans; /* records of unknown devices; one for all spaces of the shard */
	struct loop_source *readable;
	struct loop_source *work; /* timer: retry after a failure, drain, prefault */
	uint64_t retry_at_ns;     /* 0 = nothing failed */
	struct log_ratelimit limit;
	bool odd_perm_told;

	/* A drain under way. */
	uint64_t drain_deadline_ns; /* 0 = none */
	uint64_t served_ns;         /* when a batch was last not empty */
	void (*on_drained)(void *userdata);
	void *drain_userdata;

	/* Prefault under way: the next granule. */
	struct region *prefault_region; /* NULL = none */
	uint64_t prefault_granule;
};

/* Control thread. The regions are added to pager->space next. */
int pager_init(struct pager *p, const char *name, size_t n_regions, struct stats *stats, struct stats *orphans);
void pager_deinit(struct pager *p); /* stopped, or never started */

/* All below: shard. Watches the queue of the ioas; owns the ioas from here on, also on error. */
int pager_start(struct pager *p, struct loop *l, struct ioas *ioas_consume);
void pager_stop(struct pager *p); /* after every detach: unmaps all, closes the ioas */

/* From here on the attachment's faults are served. */
int pager_attach(struct pager *p, struct device *device, uint32_t pasid, struct stats *stats, struct reason *why);

/* Every group read is answered already; what is unread the kernel answers INVALID. */
int pager_detach(struct pager *p, struct device *device, uint32_t pasid);

/* Serves what arrives until the queue is empty or the deadline passes, then calls back. One
 * at a time (-EBUSY). */
int pager_drain(struct pager *p, uint64_t deadline_ns, void (*on_drained)(void *userdata), void *userdata);

/* For what maps ahead of faults. Maps one absent granule, numbered within the region, and
 * counts it in stats. Returns 0 or a negative errno: nothing was mapped. */
int pager_map_granule(struct pager *p, struct region *region, uint64_t granule, uint32_t access, struct stats *stats);
