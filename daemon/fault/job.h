/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work on many granules of a space, in steps between which demand is served: flush, trim,
 * prefault, and the end of everything. One job at a time, in the order of asking.
 */
#pragma once

#include "fault/pager.h"

enum job_kind {
	JOB_FLUSH,    /* write back what is dirty, and have it durable; it stays mapped */
	JOB_TRIM,     /* unmap and release */
	JOB_PREFAULT, /* map what is absent, as long as there is room */
	JOB_STOP,     /* unmap and release everything, have it durable */
};

struct job_extent {
	uint64_t granule;
	unsigned region;
};

struct pager_job {
	STAILQ_ENTRY(pager_job) link;
	enum job_kind kind;
	struct region *region; /* NULL: all */
	uint64_t first;        /* granules of the region; for all but JOB_FLUSH and JOB_STOP */
	uint64_t end;
	void (*done)(struct pager_job *job); /* shard */
	void *userdata;
	uint64_t bytes; /* unmapped or mapped, so far */
	int result;     /* 0, or the first error */

	/* Private. */
	struct pager *pager;
	struct job_extent *list; /* what was there when the job began; `few` when there is no memory */
	struct job_extent few[8];
	size_t n_list;
	size_t n_visited;
	bool more; /* than the list has room for */
	bool begun;
	unsigned n_ops;   /* under way */
	size_t n_synced;  /* regions whose last flush has begun */
	bool walked;
};

#define JOB_OPS_MAX 64u

void job_submit(struct pager *p, struct pager_job *job);

/* A step of the first job, if there is one. */
void job_step(struct pager *p);

/* False: it waits for ops, and goes on when one has ended. */
bool job_can_step(const struct pager *p, const struct pager_job *job);

/* The region is mapped whole, here and now; for regions that are pinned. */
int job_pin(struct pager *p, struct region *region, struct reason *why);
