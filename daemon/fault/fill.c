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

/* One fill: n absent granules as one extent, or one extent that is mapped read-only. Only what
 * does not end at once becomes an op. */
struct fill {
	struct region *region;
	uint64_t first;
	unsigned n;
	unsigned access;     /* what to map it with */
	uint64_t offset;     /* as first and n, in bytes */
	uint64_t bytes;
	bool upgrade;
	struct stats *stats; /* who caused it */
};

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

/* stats: op->stats, which is the shard's to change; NULL on a worker. */
static struct fill fill_of(const struct op *op, struct stats *stats)
{
	return (struct fill){ op->region, op->first, op->n, op->access, op->offset, op->bytes, op->upgrade, stats };
}

/* On the shard or on a worker: the kernel's part. An upgrade has no call of its own: the
 * range is absent for a moment, and devices that ask meanwhile fault once more. */
static inline int map_range(struct ioas *ioas, const struct fill *f, const struct iopfd_memory *memory)
{
	uint64_t iova = f->region->iova + f->offset;
	int r = f->upgrade ? ioas->ops->unmap(ioas, iova, f->bytes) : 0;

	if (r < 0)
		return r;
	r = ioas->ops->map(ioas, iova, f->bytes, memory->fd, memory->offset, f->access);
	return r < 0 && f->upgrade ? -ESTALE : r;
}

static void run_map(struct work *work)
{
	struct op *op = container_of(work, struct op, work);
	struct fill f = fill_of(op, NULL);

	op->map_result = map_range(op->pager->ioas, &f, &op->request.memory);
	inbox_post(op->pager->inbox, &op->item);
}

/* -EEXIST here means that the kernel and our extents differ: it fails like any error, and is
 * never taken for "present". */
static int map_failed(struct pager *p, const struct fill *f, int r)
{
	bool lost = r == -ESTALE;

	/* The second half of an upgrade failed: it is not mapped any more. */
	if (lost)
		evict_forget(p, f->region, f->first, f->n, false);
	if (lost || !f->upgrade)
		budget_give(&p->share, f->bytes);
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
static inline int fill_mapped(struct pager *p, const struct fill *f, int r)
{
	struct extents *e = p->space.extents;
	unsigned n_back;

	if (r == -ENOMEM)
		tell_memlock(p);
	if (r < 0)
		return map_failed(p, f, r);
	if (f->upgrade) {
		extents_set_access(e, f->region->index, f->first, f->access);
		/* Its answer is not out yet: it is no victim for another group of the batch. */
		extents_touch(e, f->region->index, f->first, p->now_ms);
		return 0;
	}
	n_back = extents_add(e, f->region->index, f->first, f->n, f->access, p->now_ms);
	if (n_back)
		account_event(p->setup.stats, ACCOUNT_REFAULT, n_back);
	space_count_mapped(&p->space, f->bytes);
	pager_count_mapped(p, f->stats, f->bytes);
	return 0;
}

static int fill_failed(struct pager *p, const struct fill *f, int r)
{
	if (!f->upgrade)
		budget_give(&p->share, f->bytes);
	account_event(p->setup.stats, ACCOUNT_FILL_ERROR, 1);
	return r == IOPFD_NOSPACE ? -ENOSPC : r;
}

/* The memory is known: will the MAP zero much, or read from swap? */
static inline bool is_long(struct pager *p, const struct fill *f, const struct iopfd_memory *memory)
{
	if (f->bytes > FILL_LONG_BYTES && (f->bytes > LONG_MAP_POPULATED_BYTES || !(memory->flags & IOPFD_MEMORY_POPULATED)))
		return true;
	return f->region->kept && !f->upgrade && swap_holds(&p->swap, p->now_ns, memory->fd, memory->offset, f->bytes);
}

static int map_on_worker(struct pager *p, struct op *op)
{
	op->mapping = true;
	op->work.run = run_map;
	workers_submit(p->setup.workers, &op->work);
	return FILL_WAIT_OP;
}

static inline int ask_policy(struct op *op, const struct fill *f)
{
	return policy_fill(f->region->policy, &op->request, f->offset, f->bytes, f->access);
}

/* It was asked for with the request of the spare op. */
static int fill_waits(struct pager *p, const struct fill *f, bool pending, struct op **ret_op)
{
	struct op *op = op_get(&p->ops, p, OP_FILL, f->region, f->first, f->n);

	op->access = f->access;
	op->upgrade = f->upgrade;
	op->stats = f->stats;
	op_add(&p->ops, op);
	*ret_op = op;
	if (!pending)
		return map_on_worker(p, op);
	f->region->waits = true;
	return FILL_WAIT_OP;
}

static int make_room(struct pager *p, uint64_t bytes)
{
	sample_enter(&p->stages.now, STAGE_ROOM);
	return evict_make_room(p, bytes);
}

/* There is room for it. */
static inline int fill_and_map(struct pager *p, const struct fill *f, struct op **ret_op, bool sampled)
{
	struct op *op = op_spare(&p->ops, p);
	int r;

	if (!op || extents_reserve(p->space.extents) < 0)
		return map_failed(p, f, -ENOMEM);
	if (sampled)
		sample_enter(&p->stages.now, STAGE_FILL);
	r = ask_policy(op, f);
	/* Something else of this space may free what the store needs, and take the op. Once. */
	if (r == IOPFD_NOSPACE && evict_one(p) == 0) {
		op = op_spare(&p->ops, p);
		r = op ? ask_policy(op, f) : -ENOMEM;
	}
	if (sampled && r == 0)
		sample_enter(&p->stages.now, STAGE_MAP);
	if (r == 0 && !is_long(p, f, &op->request.memory))
		return fill_mapped(p, f, map_range(p->ioas, f, &op->request.memory));
	return r == 0 || r == IOPFD_PENDING ? fill_waits(p, f, r == IOPFD_PENDING, ret_op) : fill_failed(p, f, r);
}

/* A copy of its own, so that the others pay one branch for both stages. */
__attribute__((cold, noinline))
static int fill_sampled(struct pager *p, const struct fill *f, struct op **ret_op)
{
	int r = fill_and_map(p, f, ret_op, true);

	if (r != FILL_WAIT_OP)
		sample_enter(&p->stages.now, STAGE_ANSWER);
	return r;
}

/* The whole of it. */
static inline int fill_run(struct pager *p, const struct fill *f, struct op **ret_op)
{
	int r = f->upgrade || budget_take(&p->share, f->bytes) ? 0 : make_room(p, f->bytes);

	if (r)
		return r;
	if (stages_is_on(&p->stages)) {
		struct fill copy = *f; /* f itself is in registers */

		return fill_sampled(p, &copy, ret_op);
	}
	return fill_and_map(p, f, ret_op, false);
}

/* What is mapped writable counts as written where that is watched. */
static inline struct fill fill_new(struct region *region, uint64_t first, unsigned n, unsigned access,
				   struct stats *stats)
{
	unsigned most = region->tracks_dirty && !(access & ACCESS_WRITE) ? ACCESS_READ : UINT32_MAX;

	return (struct fill){
		.region = region,
		.first = first,
		.n = n,
		.access = region->access & most,
		.offset = region_bytes(region, first),
		.bytes = region_bytes(region, n),
		.stats = stats,
	};
}

__attribute__((noinline))
int fill_range(struct pager *p, struct region *region, uint64_t first, unsigned n, unsigned access,
	       struct stats *stats, struct op **ret_op)
{
	struct fill f = fill_new(region, first, n, access, stats);

	return fill_run(p, &f, ret_op);
}

int fill_upgrade(struct pager *p, struct region *region, uint64_t granule, struct stats *stats, struct op **ret_op)
{
	struct fill f;
	uint64_t first;
	unsigned n;

	extents_range(p->space.extents, region->index, granule, &first, &n);
	*ret_op = op_find(&p->ops, region, first, n);
	if (*ret_op)
		return FILL_WAIT_OP;
	f = fill_new(region, first, n, ACCESS_WRITE, stats);
	f.upgrade = true;
	return fill_run(p, &f, ret_op);
}

/* Nearly every fault goes this way: one function, as far as it is of this file. */
__attribute__((flatten))
int fill_absent(struct pager *p, struct region *region, uint64_t granule, unsigned access, struct stats *stats,
		struct op **ret_op)
{
	uint64_t first_asked = granule, first;
	unsigned n_asked = region->merge > 1 ? merge_run(p, region, granule, access, &first_asked) : 1, n = n_asked;
	struct ahead_stream *stream = NULL;
	struct fill f;
	int r;

	first = first_asked;
	if (region->watched)
		stream = ahead_step(&region->ahead, first, first + n, region->around);
	if (stream && (region->widens || stream->next >= stream->due))
		n = around_stream(p, region, stream, &first, n, access);
	f = fill_new(region, first, n, access, stats);
	r = fill_run(p, &f, ret_op);
	/* What others might ask for is no reason to refuse what this one does. */
	if (n > n_asked && r && r != FILL_WAIT_OP)
		r = fill_range(p, region, first = first_asked, n = n_asked, access, stats, ret_op);
	if (r == FILL_WAIT_ROOM && n > 1)
		r = fill_range(p, region, first = granule, n = 1, access, stats, ret_op);
	if (r == 0 && region->around > 1 && !(stream && around_extend(p, region, stream, first + n, access)))
		around_note(p, region, first, first + n);
	return r;
}

/* Room in the table may have been used by others since it was reserved. */
static int mapped_by_worker(struct pager *p, struct op *op)
{
	struct fill f = fill_of(op, op->stats);
	int r = op->map_result;

	if (r == 0 && !op->upgrade && extents_reserve(p->space.extents) < 0) {
		p->ioas->ops->unmap(p->ioas, op->region->iova + op->offset, op->bytes);
		r = -ENOMEM;
	}
	return fill_mapped(p, &f, r);
}

void fill_on_op(struct pager *p, struct op *op)
{
	const struct iopfd_memory *memory = &op->request.memory;
	struct fill f = fill_of(op, op->stats);
	int r;

	if (op->mapping) {
		serve_op_ended(p, op, mapped_by_worker(p, op));
		return;
	}
	r = policy_fill_result(op->region->policy, &op->request, op->bytes);
	if (op->sampled && r == 0)
		waiting_enter(op, STAGE_MAP);
	if (r)
		r = fill_failed(p, &f, r);
	else if (is_long(p, &f, memory))
		r = map_on_worker(p, op);
	else if (extents_reserve(p->space.extents) < 0)
		r = map_failed(p, &f, -ENOMEM);
	else
		r = fill_mapped(p, &f, map_range(p->ioas, &f, memory));
	if (r != FILL_WAIT_OP)
		serve_op_ended(p, op, r);
}
