/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/fill.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/messages.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/around.h"
#include "fault/evict.h"
#include "fault/serve.h"

/* What is populated already is mapped in 8 us (2M as one huge page) to 90 us. */
#define LONG_MAP_POPULATED_BYTES (2ull << 20)

/* The run of absent granules around this one that the batch asks for with the same rights,
 * in its aligned block of `merge`. */
static unsigned merge_run(struct pager *p, struct region *region, uint64_t granule, unsigned access,
			  uint64_t *ret_first)
{
	uint64_t asked = wishes_of_block(&p->wishes, region->index, granule / WISHES_BLOCK, access & ACCESS_WRITE);
	uint64_t block = align_down(granule, region->merge);
	uint64_t first = granule, end = granule + 1, limit = MIN(block + region->merge, region_granules(region));

	while (first > block && asked & 1ull << (first - 1) % WISHES_BLOCK && fill_is_free(p, region, first - 1))
		first--;
	while (end < limit && asked & 1ull << end % WISHES_BLOCK && fill_is_free(p, region, end))
		end++;
	*ret_first = first;
	return (unsigned)(end - first);
}

/* On the shard or on a worker: the kernel's part. An upgrade has no call of its own: the
 * range is absent for a moment, and devices that ask meanwhile fault once more. */
static int map_range(struct op *op)
{
	struct ioas *ioas = op->pager->ioas;
	uint64_t iova = op->region->iova + op->offset, length = op->bytes;
	int r = op->upgrade ? ioas->ops->unmap(ioas, iova, length) : 0;

	if (r < 0)
		return r;
	r = ioas->ops->map(ioas, iova, length, op->request.memory.fd, op->request.memory.offset, op->access);
	return r < 0 && op->upgrade ? -ESTALE : r;
}

static void run_map(struct work *work)
{
	struct op *op = container_of(work, struct op, work);

	op->map_result = map_range(op);
	inbox_post(op->pager->inbox, &op->item);
}

/* -EEXIST here means that the kernel and our extents differ: it fails like any error, and is
 * never taken for "present". */
static int map_failed(struct pager *p, struct op *op, int r)
{
	bool lost = r == -ESTALE;

	/* The second half of an upgrade failed: it is not mapped any more. */
	if (lost)
		evict_forget(p, op->region, op->first, op->n, false);
	if (lost || !op->upgrade)
		budget_give(&p->share, op->bytes);
	return lost ? -ENOMEM : r;
}

/* The kernel does not say whether it is the limit or the machine that has no more; where there
 * is a limit, that is the likely one, and the one to do something about. */
__attribute__((cold, noinline))
static void tell_memlock(struct pager *p)
{
	struct log_fields fields = { .message_id = MESSAGE_MEMLOCK, .space = p->space.name };
	uint64_t mapped = atomic_load_explicit(&p->space.mapped_bytes, memory_order_relaxed);
	unsigned n_suppressed;
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
	    !log_ratelimit_pass(&p->memlock_limit, clock_now_ns(), &n_suppressed))
		return;
	log_with(LOG_ERR, 0, &fields, "no memory to map in space %s, of which %" PRIu64 "K are mapped: the daemon's user may "
		 "have %" PRIu64 "K locked (LimitMEMLOCK= of the unit, or ulimit -l) (%u more)", p->space.name, mapped >> 10,
		 (uint64_t)limit.rlim_cur >> 10, n_suppressed);
}

/* Room in the table was reserved by fill_run(), or by fill_on_op() again. */
static int fill_mapped(struct pager *p, struct op *op, int r)
{
	struct extents *e = p->space.extents;
	unsigned n_back;

	if (r == -ENOMEM)
		tell_memlock(p);
	if (r < 0)
		return map_failed(p, op, r);
	if (op->upgrade) {
		extents_set_access(e, op->region->index, op->first, op->access);
		/* Its answer is not out yet: it is no victim for another group of the batch. */
		extents_touch(e, op->region->index, op->first, p->now_ms);
		return 0;
	}
	n_back = extents_add(e, op->region->index, op->first, op->n, op->access, p->now_ms);
	if (n_back)
		account_event(p->setup.stats, ACCOUNT_REFAULT, n_back);
	space_count_mapped(&p->space, op->region, op->n);
	pager_count_mapped(p, op->stats, op->bytes);
	return 0;
}

static int fill_failed(struct pager *p, struct op *op, int r)
{
	if (!op->upgrade)
		budget_give(&p->share, op->bytes);
	account_event(p->setup.stats, ACCOUNT_FILL_ERROR, 1);
	return r == IOPFD_NOSPACE ? -ENOSPC : r;
}

/* The memory is known: will the MAP zero much, or read from swap? */
static bool is_long(struct pager *p, const struct op *op)
{
	bool populated = op->request.memory.flags & IOPFD_MEMORY_POPULATED;

	if (op->bytes > (populated ? LONG_MAP_POPULATED_BYTES : FILL_LONG_BYTES))
		return true;
	return op->region->kept && !op->upgrade &&
	       swap_holds(&p->swap, p->now_ns, op->request.memory.fd, op->request.memory.offset, op->bytes);
}

static int map_on_worker(struct pager *p, struct op *op)
{
	op->mapping = true;
	op->work.run = run_map;
	workers_submit(p->setup.workers, &op->work);
	return FILL_WAIT_OP;
}

static int ask_policy(struct op *op)
{
	return policy_fill(op->region->policy, &op->request, op->offset, op->bytes, op->access);
}

static int fill_waits(struct op *op)
{
	op->region->waits = true;
	return FILL_WAIT_OP;
}

static int make_room(struct pager *p, const struct op *op)
{
	sample_enter(&p->stages.now, STAGE_ROOM);
	return evict_make_room(p, op->bytes);
}

/* There is room for it. */
static inline int fill_and_map(struct pager *p, struct op *op, bool sampled)
{
	int r;

	if (sampled)
		sample_enter(&p->stages.now, STAGE_FILL);
	r = ask_policy(op);
	/* Something else of this space may free what the store needs. Once. */
	if (r == IOPFD_NOSPACE && evict_one(p) == 0)
		r = ask_policy(op);
	if (sampled && r == 0)
		sample_enter(&p->stages.now, STAGE_MAP);
	if (r == 0 && !is_long(p, op))
		return fill_mapped(p, op, map_range(op));
	if (r == 0)
		return map_on_worker(p, op);
	if (r == IOPFD_PENDING)
		return fill_waits(op);
	return fill_failed(p, op, r);
}

/* A copy of its own, so that the others pay one branch for both stages. */
__attribute__((cold, noinline))
static int fill_sampled(struct pager *p, struct op *op)
{
	int r = fill_and_map(p, op, true);

	if (r != FILL_WAIT_OP)
		sample_enter(&p->stages.now, STAGE_ANSWER);
	return r;
}

/* The whole of it, for what is not mapped or (op->upgrade) mapped read-only. */
static int fill_run(struct pager *p, struct op *op, struct op **ret_op)
{
	int r = op->upgrade || budget_take(&p->share, op->bytes) ? 0 : make_room(p, op);

	if (r == 0 && extents_reserve(p->space.extents) < 0)
		r = map_failed(p, op, -ENOMEM);
	else if (r == 0)
		r = stages_is_on(&p->stages) ? fill_sampled(p, op) : fill_and_map(p, op, false);
	if (r != FILL_WAIT_OP) {
		op_put(&p->ops, op);
		return r;
	}
	op_add(&p->ops, op);
	*ret_op = op;
	return r;
}

int fill_range(struct pager *p, struct region *region, uint64_t first, unsigned n, unsigned access,
	       struct stats *stats, struct op **ret_op)
{
	struct op *op = op_get(&p->ops, p, OP_FILL, region, first, n);

	if (!op)
		return -ENOMEM;
	op->access = region->access;
	if (region->tracks_dirty && !(access & ACCESS_WRITE))
		op->access &= ACCESS_READ;
	op->stats = stats;
	return fill_run(p, op, ret_op);
}

int fill_upgrade(struct pager *p, struct region *region, uint64_t granule, struct stats *stats, struct op **ret_op)
{
	uint64_t first;
	unsigned n;
	struct op *op;

	extents_range(p->space.extents, region->index, granule, &first, &n);
	*ret_op = op_find(&p->ops, region, first, n);
	if (*ret_op)
		return FILL_WAIT_OP;
	op = op_get(&p->ops, p, OP_FILL, region, first, n);
	if (!op)
		return -ENOMEM;
	op->access = region->access;
	op->upgrade = true;
	op->stats = stats;
	return fill_run(p, op, ret_op);
}

/* Nearly every fault goes this way: one function, as far as it is of this file. */
__attribute__((flatten))
int fill_absent(struct pager *p, struct region *region, uint64_t granule, unsigned access, struct stats *stats,
		struct op **ret_op)
{
	uint64_t first_asked = granule, first;
	unsigned n_asked = region->merge > 1 ? merge_run(p, region, granule, access, &first_asked) : 1, n = n_asked;
	struct ahead_stream *stream = NULL;
	int r;

	first = first_asked;
	if (region->watched)
		stream = ahead_step(&region->ahead, first, first + n, region->around);
	if (stream && (region->widens || stream->next >= stream->due))
		n = around_stream(p, region, stream, &first, n, access);
	r = fill_range(p, region, first, n, access, stats, ret_op);
	/* What others might ask for is no reason to refuse what this one does. */
	if (n > n_asked && r && r != FILL_WAIT_OP)
		r = fill_range(p, region, first = first_asked, n = n_asked, access, stats, ret_op);
	if (r == FILL_WAIT_ROOM && n > 1)
		r = fill_range(p, region, first = granule, n = 1, access, stats, ret_op);
	if (r == 0 && region->around > 1)
		around_note(p, region, first, first + n);
	return r;
}

/* Room in the table may have been used by others since it was reserved. */
static int mapped_by_worker(struct pager *p, struct op *op)
{
	int r = op->map_result;

	if (r == 0 && !op->upgrade && extents_reserve(p->space.extents) < 0) {
		p->ioas->ops->unmap(p->ioas, op->region->iova + op->offset, op->bytes);
		r = -ENOMEM;
	}
	return fill_mapped(p, op, r);
}

void fill_on_op(struct pager *p, struct op *op)
{
	int r;

	if (op->mapping) {
		serve_op_ended(p, op, mapped_by_worker(p, op));
		return;
	}
	r = policy_fill_result(op->region->policy, &op->request, op->bytes);
	if (op->sampled && r == 0)
		waiting_enter(op, STAGE_MAP);
	if (r)
		r = fill_failed(p, op, r);
	else if (is_long(p, op))
		r = map_on_worker(p, op);
	else if (extents_reserve(p->space.extents) < 0)
		r = map_failed(p, op, -ENOMEM);
	else
		r = fill_mapped(p, op, map_range(op));
	if (r != FILL_WAIT_OP)
		serve_op_ended(p, op, r);
}
