/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One space at work: its fault queue, what is mapped, what is under way. pager_on_readable()
 * reads a batch of groups, serves each (serve.h: finds the attachment and the region, fills
 * and maps what is missing) and writes all answers that are ready; a group that must wait,
 * for a store or for room in the budget, is kept and served again. Everything runs on the
 * shard that owns the space.
 *
 * Invariants: a page is mapped before its group is answered; every group read is answered
 * exactly once, SUCCESS or INVALID, whatever fails; after pager_detach() no answer for the
 * attachment is written; memory is unmapped before it is released.
 */
#pragma once

#include "base/log.h"
#include "fault/attachments.h"
#include "fault/budget.h"
#include "fault/op.h"
#include "fault/queue.h"
#include "fault/space.h"
#include "fault/stages.h"
#include "fault/swap.h"
#include "fault/waiting.h"
#include "fault/wishes.h"
#include "loop/round.h"

struct workers;
struct pager_job;
struct stop_job;
struct traces;
STAILQ_HEAD(job_list, pager_job);

#define AROUND_MAX 64u
#define IN_USE_SLOTS 1024u
#define PAGER_MAP_NS 800u /* a MAP of 4K; and 16 bytes are zeroed in a ns */

/* What a pager is given; all of it outlives the pager. */
struct pager_setup {
	const char *name;
	size_t n_regions;
	struct stats *stats;     /* what no attachment caused */
	struct stats *orphans;   /* records of unknown devices; one for all spaces of the shard */
	struct traces *traces;   /* likewise; NULL = none */
	struct budget *budget;
	int64_t limit;           /* of this space; BUDGET_NONE = none */
	uint64_t deadline_ns;    /* a group older than this is INVALID; 0 = none */
	struct workers *workers; /* for long maps */
	bool may_populate;       /* there is a CPU for it: what a stream comes to is made ready */
	/* On the shard: the daemon's budget is used up, and this space has nothing to give. */
	void (*on_starving)(void *userdata);
	void (*on_refused)(void *userdata); /* likewise: a group is INVALID; may be NULL */
	void *userdata;
};

struct pager {
	struct pager_setup setup;
	struct space space;
	struct queue queue;
	struct ioas *ioas; /* taken by pager_start(), closed by pager_stop() */
	struct attachments attachments;
	struct attachment nobody; /* whose records are of unknown devices */
	struct turns turns;       /* of attachments with groups in the batch */
	struct wishes wishes;     /* of the batch; if any region merges */
	struct budget_share share;
	struct ops ops;
	struct swap swap;
	struct loop *loop;   /* of the shard */
	struct round_end round_end;
	struct inbox *inbox; /* of the shard: where the ends of ops arrive */
	struct inbox_user ops_ended;
	struct loop_source *readable;
	struct loop_source *work; /* timer for all that is not caused by a fault */
	uint64_t now_ns;          /* when the present round began: pager_set_now() */
	uint32_t now_ms;
	uint64_t work_at_ns;      /* what the timer is set to; 0 = nothing */
	uint64_t retry_at_ns;     /* the queue failed; 0 = it works */
	uint64_t look_at_ns;      /* when to see whether the queue is empty as presumed; 0 = it was seen */
	struct log_ratelimit limit;
	struct log_ratelimit memlock_limit; /* of words about locked memory */
	bool odd_perm_told;

	/* Mapped, and not counted yet: those of one attachment are counted together. */
	struct stats *mapped_stats;
	uint64_t mapped_bytes;
	uint64_t slice_ns; /* estimate of what was done in this slice of service */
	struct stages stages;

	/* Groups that could not be answered at once. */
	struct waitings waitings;    /* where they come from */
	struct waiting_list waiting; /* oldest first */
	struct turns room;           /* of attachments with groups that wait for room */
	uint64_t room_at_ns;         /* when to try again */
	bool serving_room;
	bool evicting;               /* false: what is done now may not push anything out */
	uint16_t in_use[IN_USE_SLOTS]; /* by hash of the block: records of groups that wait for a store */

	/* Neighbourhoods of demand faults that are still to be mapped; or what a stream comes to,
	 * which begins at `begin`, and of which [hurry_at, hurry_end) was mapped before the rest. */
	struct {
		struct region *region;
		uint64_t begin, first, end, hurry_at, hurry_end;
		bool stream;
	} around[AROUND_MAX];
	unsigned n_around;
	bool comes_again; /* pager_on_readable() is called once more, whatever happens */

	/* A drain under way. */
	uint64_t drain_deadline_ns; /* 0 = none */
	uint64_t served_ns;         /* when a batch was last not empty */
	void (*on_drained)(void *userdata);
	void *drain_userdata;

	struct job_list jobs; /* the first one is under way */
	struct stop_job *stop_job;   /* as long as there is an ioas: that it can be closed needs no memory */
	struct pager_job *ahead;     /* for regions that are prefaulted; the next is `ahead_next` */
	struct pager_job *write_back; /* for regions that are written back at an interval */
	uint64_t write_back_at_ns;   /* 0 = no such region */
};

/* Control thread. The regions are added to pager->space next. */
int pager_init(struct pager *p, const struct pager_setup *setup);
void pager_deinit(struct pager *p); /* stopped, or never started */

/* All below: shard. Maps pinned regions, watches the queue of the ioas; owns the ioas from
 * here on, also on error. */
int pager_start(struct pager *p, struct loop *l, struct inbox *inbox, struct ioas *ioas_consume, struct reason *why);

/* After every detach: unmaps all, has everything written back and closes the ioas. Calls back
 * when that has ended; 0 or what could not be written back. */
void pager_stop(struct pager *p, void (*on_stopped)(void *userdata, int result), void *userdata);

/* To another shard, without attachments: prepare on the new one, leave on the old one, join on
 * the new one. Prepare may run while the pager is served elsewhere. leave: -EBUSY while anything
 * is under way; then nothing has changed, and what was prepared is given up where it was made. */
struct pager_place {
	struct loop *loop;
	struct loop_source *readable;
	struct loop_source *work;
};
int pager_prepare(struct pager *p, struct loop *l, struct pager_place *ret);
void pager_give_up(struct pager_place *place);
int pager_leave(struct pager *p);
void pager_join(struct pager *p, const struct pager_place *place, struct inbox *inbox, struct stats *orphans,
		struct traces *traces);

/* From here on the attachment's faults are served. */
int pager_attach(struct pager *p, struct device *device, uint32_t pasid, struct stats *stats, struct reason *why);

/* What is still open is answered INVALID; what is unread the kernel answers so. */
int pager_detach(struct pager *p, struct device *device, uint32_t pasid);

/* Paused: what the attachment asks is kept, and served when it is resumed. A drain resumes all. */
void pager_pause(struct pager *p, struct device *device, uint32_t pasid, bool paused);

/* Serves what arrives until the queue is empty and nothing waits, or the deadline passes,
 * then calls back. One at a time (-EBUSY). */
int pager_drain(struct pager *p, uint64_t deadline_ns, void (*on_drained)(void *userdata), void *userdata);

/* Evicts about this much, if it can, for other spaces. */
void pager_shrink(struct pager *p, uint64_t bytes);

/* An op ended: called for what comes out of the inbox. */
void pager_on_op(struct inbox_item *item);

/* For the files of this folder: have policies begin what is pending; see to it that all that is
 * due comes, which does this as well; count now what was written, not at the end of the round. */
void pager_submit(struct pager *p);
void pager_schedule(struct pager *p);
void pager_settle(struct pager *p);
static inline void pager_set_now(struct pager *p, uint64_t now_ns)
{
	/* The time of a round may be older than what was done in it. */
	if (now_ns < p->now_ns)
		return;
	p->now_ns = now_ns;
	p->now_ms = (uint32_t)(now_ns / 1000000);
}

/* Counts what the caller has mapped. */
void pager_flush_mapped(struct pager *p);
static inline void pager_count_mapped(struct pager *p, struct stats *stats, uint64_t bytes)
{
	if (p->mapped_stats != stats) {
		pager_flush_mapped(p);
		p->mapped_stats = stats;
	}
	p->mapped_bytes += bytes;
	p->slice_ns += PAGER_MAP_NS + bytes / 16;
}
