/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/job.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "fault/account.h"
#include "fault/evict.h"
#include "fault/fill.h"
#include "fault/serve.h"

/* A step, between which demand is served: about 100 us of zeroing, or as many looks. */
#define STEP_BYTES (1ull << 20)
#define STEP_EXTENTS 256u

static bool concerns(const struct pager *p, const struct pager_job *job, unsigned index, uint64_t first, unsigned n,
		     unsigned access)
{
	const struct region *region = &p->space.regions[index];

	if (job->region && job->region != region)
		return false;
	if (job->kind == JOB_FLUSH)
		return region->tracks_dirty && access & ACCESS_WRITE;
	return job->kind != JOB_TRIM || (first < job->end && job->first < first + n);
}

static void free_list(struct pager_job *job)
{
	if (job->list != job->few)
		free(job->list);
	job->list = job->few;
	job->n_list = job->n_visited = 0;
	job->more = false;
}

static bool grow_list(struct pager_job *job, size_t *capacity)
{
	size_t n = *capacity > ARRAY_SIZE(job->few) ? *capacity * 2 : 64;
	struct job_extent *old = job->list == job->few ? NULL : job->list;
	struct job_extent *list = reallocarray(old, n, sizeof(*list));

	if (!list)
		return false;
	if (!old)
		memcpy(list, job->few, job->n_list * sizeof(*list));
	job->list = list;
	*capacity = n;
	return true;
}

/* In one go, because the table may be walked only while nothing comes or goes. */
static int make_list(const struct pager *p, struct pager_job *job)
{
	size_t cursor = 0, capacity = ARRAY_SIZE(job->few);
	unsigned region, n, access;
	uint64_t first;

	free_list(job);
	while (extents_next(p->space.extents, &cursor, &region, &first, &n, &access)) {
		if (!concerns(p, job, region, first, n, access))
			continue;
		if (job->n_list == capacity && !grow_list(job, &capacity)) {
			job->more = true;
			return -ENOMEM;
		}
		job->list[job->n_list++] = (struct job_extent){ first, region };
	}
	return 0;
}

static void note(struct pager_job *job, int r)
{
	if (r < 0 && !job->result)
		job->result = r;
}

static void on_job_op(void *userdata, int result)
{
	struct pager_job *job = userdata;

	job->n_ops--;
	note(job, result);
}

static void adopt(struct pager_job *job, struct op *op)
{
	op->then = on_job_op;
	op->then_userdata = job;
	job->n_ops++;
}

/* What was on its way out before the flush was asked for must be durable after it, too. */
static void adopt_releases(struct pager *p, struct pager_job *job)
{
	for (unsigned i = 0; i < OPS_BUCKETS; i++)
		for (struct op *op = p->ops.buckets[i]; op; op = op->next)
			if (op->kind == OP_RELEASE && !op->then && (!job->region || job->region == op->region))
				adopt(job, op);
}

/* Gives the bytes to the policy; what ends at once counts at once. */
static void flush_range(struct pager *p, struct pager_job *job, struct region *region, uint64_t first, unsigned n)
{
	struct op *op = op_get(&p->ops, p, OP_FLUSH, region, first, n);
	int r;

	if (!op) {
		note(job, -ENOMEM);
		return;
	}
	op->dirty = true;
	r = policy_flush(region->policy, &op->request, region_bytes(region, first), region_bytes(region, n));
	if (r == IOPFD_PENDING) {
		adopt(job, op);
		op_add(&p->ops, op);
		return;
	}
	note(job, r);
	if (r >= 0 && n)
		account_event(p->setup.stats, ACCOUNT_BYTES_WRITTEN_BACK, region_bytes(region, n));
	op_put(&p->ops, op);
}

/* A dirty extent becomes clean and stays: unmapped, mapped read-only, written. */
static void clean_extent(struct pager *p, struct pager_job *job, struct region *region, uint64_t first, unsigned n)
{
	uint64_t offset = region_bytes(region, first), length = region_bytes(region, n);
	struct op *op = op_get(&p->ops, p, OP_FLUSH, region, first, n);
	struct iopfd_memory memory;
	int r = op ? policy_fill(region->policy, &op->request, offset, length, ACCESS_READ) : -ENOMEM;

	/* The ABI wants what is filled to be found at once. */
	if (r == IOPFD_PENDING) {
		adopt(job, op);
		op_add(&p->ops, op);
		note(job, -EBADE);
		return;
	}
	if (op) {
		memory = op->request.memory;
		op_put(&p->ops, op);
	}
	/* What cannot be mapped for reading is given back instead. */
	if (r || !(region->access & ACCESS_READ)) {
		note(job, evict_extent(p, region, first, n));
		return;
	}
	r = p->ioas->ops->unmap(p->ioas, region->iova + offset, length);
	if (r < 0) {
		note(job, r);
		return;
	}
	r = p->ioas->ops->map(p->ioas, region->iova + offset, length, memory.fd, memory.offset, ACCESS_READ);
	if (r < 0) {
		evict_forget(p, region, first, n, false);
		budget_give(&p->share, length);
		return;
	}
	extents_set_access(p->space.extents, region->index, first, ACCESS_READ);
	flush_range(p, job, region, first, n);
}

static void visit(struct pager *p, struct pager_job *job, struct region *region, uint64_t granule)
{
	unsigned n, access = extents_access(p->space.extents, region->index, granule);
	uint64_t first;
	int r;

	/* Gone, or changed, since the list was made. */
	if (!access)
		return;
	extents_range(p->space.extents, region->index, granule, &first, &n);
	if (!concerns(p, job, region->index, first, n, access))
		return;
	if (job->kind == JOB_STOP) {
		/* Its region was unmapped whole. */
		evict_forget(p, region, first, n, false);
		budget_give(&p->share, region_bytes(region, n));
		return;
	}
	if (op_find(&p->ops, region, first, n))
		return;
	if (job->kind == JOB_FLUSH) {
		clean_extent(p, job, region, first, n);
		return;
	}
	if (region->pinned || serve_is_in_use(p, region, first))
		return;
	r = evict_extent(p, region, first, n);
	note(job, r);
	if (r >= 0)
		job->bytes += region_bytes(region, n);
}

static void walk_step(struct pager *p, struct pager_job *job)
{
	for (unsigned i = 0; i < STEP_EXTENTS && job->n_ops < JOB_OPS_MAX && job->n_visited < job->n_list; i++) {
		const struct job_extent *e = &job->list[job->n_visited++];

		visit(p, job, &p->space.regions[e->region], e->granule);
	}
	if (job->n_visited < job->n_list)
		return;
	/* What was visited is gone, so this comes to an end. */
	if (job->kind == JOB_STOP && job->more)
		make_list(p, job);
	else
		job->walked = true;
}

/* Speculation takes what is free and pushes nothing out. */
static void prefault_step(struct pager *p, struct pager_job *job)
{
	uint64_t bytes = 0;

	p->evicting = false;
	while (job->first < job->end && bytes < STEP_BYTES && job->n_ops < JOB_OPS_MAX) {
		struct region *region = job->region;
		uint64_t granule = job->first++;
		struct op *op = NULL;
		int r;

		bytes += region_bytes(region, 1);
		if (extents_access(p->space.extents, region->index, granule) || op_find(&p->ops, region, granule, 1))
			continue;
		r = fill_range(p, region, granule, 1, region->tracks_dirty ? ACCESS_READ : region->access,
			       p->setup.stats, &op);
		if (r == FILL_WAIT_OP)
			adopt(job, op);
		else if (r == FILL_WAIT_ROOM)
			note(job, -EDQUOT);
		else
			note(job, r);
		if (r == FILL_WAIT_OP || r == 0)
			job->bytes += region_bytes(region, 1);
		else
			job->first = job->end;
	}
	p->evicting = true;
	job->walked = job->first >= job->end;
}

/* After the last write: durable. True when nothing is left to do. */
static bool sync_step(struct pager *p, struct pager_job *job)
{
	if (job->kind != JOB_FLUSH && job->kind != JOB_STOP)
		return true;
	while (job->n_synced < p->space.n_regions) {
		struct region *region = &p->space.regions[job->n_synced++];

		if (region->policy && region->tracks_dirty && (!job->region || job->region == region))
			flush_range(p, job, region, 0, 0);
	}
	return !job->n_ops;
}

static void unmap_all(struct pager *p, struct pager_job *job)
{
	for (size_t i = 0; i < p->space.n_regions; i++) {
		const struct region *region = &p->space.regions[i];
		int r = p->ioas->ops->unmap(p->ioas, region->iova, region->length);

		if (r != -ENOENT)
			note(job, r);
	}
}

static void begin(struct pager *p, struct pager_job *job)
{
	int r;

	job->begun = true;
	if (job->kind == JOB_FLUSH)
		adopt_releases(p, job);
	if (job->kind == JOB_STOP)
		unmap_all(p, job);
	if (job->kind == JOB_PREFAULT)
		return;
	r = make_list(p, job);
	if (job->kind != JOB_STOP)
		note(job, r);
}

void job_submit(struct pager *p, struct pager_job *job)
{
	job->pager = p;
	job->list = job->few;
	job->n_list = job->n_visited = job->n_synced = 0;
	job->more = false;
	job->n_ops = 0;
	job->begun = job->walked = false;
	job->bytes = 0;
	job->result = 0;
	STAILQ_INSERT_TAIL(&p->jobs, job, link);
}

void job_step(struct pager *p)
{
	struct pager_job *job = STAILQ_FIRST(&p->jobs);

	/* The end waits for fills under way, which would map something behind its back. */
	if (!job || (job->kind == JOB_STOP && !job->begun && p->ops.n_busy))
		return;
	if (!job->begun)
		begin(p, job);
	if (!job->walked && job->kind == JOB_PREFAULT)
		prefault_step(p, job);
	else if (!job->walked)
		walk_step(p, job);
	if (!job->walked || job->n_ops || !sync_step(p, job))
		return;
	if (job->kind == JOB_STOP && p->ops.n_busy)
		return;
	STAILQ_REMOVE_HEAD(&p->jobs, link);
	free_list(job);
	job->done(job);
}

bool job_can_step(const struct pager *p, const struct pager_job *job)
{
	if (job->kind == JOB_STOP && (!job->begun || job->walked) && p->ops.n_busy)
		return false;
	return job->walked ? !job->n_ops : job->n_ops < JOB_OPS_MAX;
}

/* At the start of a space nobody waits for it yet, so the shard may. */
static void wait_for_ops(struct pager *p)
{
	struct pollfd wake = { .fd = p->inbox->wake_fd, .events = POLLIN };

	while (p->ops.n_busy) {
		pager_submit(p);
		poll(&wake, 1, -1);
		inbox_deliver(p->inbox);
	}
}

int job_pin(struct pager *p, struct region *region, struct reason *why)
{
	uint64_t n_granules = region_granules(region);
	int r = 0;

	p->evicting = false;
	for (uint64_t first = 0; first < n_granules && !r; first += EXTENTS_CHUNK) {
		struct op *op;

		r = fill_range(p, region, first, (unsigned)MIN(EXTENTS_CHUNK, n_granules - first), region->access,
			       p->setup.stats, &op);
		if (r != FILL_WAIT_OP)
			continue;
		wait_for_ops(p);
		r = extents_access(p->space.extents, region->index, first) ? 0 : -EIO;
	}
	p->evicting = true;
	if (r == FILL_WAIT_ROOM)
		return reason_set(why, EDQUOT, "region %s/%s is pinned, but the budget has no room for it: raise memory-budget "
					       "or the space's budget", p->space.name, region->name);
	if (r < 0)
		return reason_set(why, -r, "region %s/%s cannot be pinned: %s", p->space.name, region->name,
				  r == -EIO ? "its policy has no memory for it" : strerror(-r));
	return 0;
}
