/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/serve.h"

#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/batch.h"
#include "fault/evict.h"
#include "fault/fill.h"
#include "fault/refusal.h"

/* One group on its way: of the batch (waiting is NULL until it must wait), or kept. */
struct story {
	const struct group *group;
	const struct uapi_fault_record *records;
	struct waiting *waiting;
};

/* READ unless it is for WRITE only: EXEC is READ, and so is a request that asks for nothing we
 * know. PRIV changes no right. The IO page tables carry neither EXEC nor PRIV. */
static uint32_t access_asked(uint32_t perm)
{
	bool only_write = (perm & (UAPI_PERM_READ | UAPI_PERM_WRITE | UAPI_PERM_EXEC)) == UAPI_PERM_WRITE;

	return (only_write ? 0 : ACCESS_READ) | (perm & UAPI_PERM_WRITE ? ACCESS_WRITE : 0);
}

/* Makes the page of one record present with the rights it asks for: 0, FILL_WAIT_*, or why the
 * group must be INVALID, REFUSED_* or a negative errno. */
static int resolve(struct pager *p, const struct attachment *a, const struct uapi_fault_record *record,
		   struct op **ret_op)
{
	struct region *region = space_find(&p->space, record->addr);
	uint32_t access = access_asked(record->perm);
	uint64_t granule;
	unsigned present;

	if (!region)
		return REFUSED_OUTSIDE;
	if (region->mode == REGION_DENY || access & ~region->access)
		return REFUSED_RIGHTS;
	granule = region_granule(region, record->addr);
	present = extents_use(p->space.extents, region->index, granule, access, p->now_ms);
	if (!(access & ~present))
		return 0;
	*ret_op = op_find(&p->ops, region, granule, 1);
	if (*ret_op)
		return FILL_WAIT_OP;
	return present ? fill_upgrade(p, region, granule, a->stats, ret_op) :
			 fill_absent(p, region, granule, access, a->stats, ret_op);
}

static uint16_t *in_use_slot(const struct pager *p, const struct region *region, uint64_t granule)
{
	uint64_t key = granule / EXTENTS_MAX * 31 + region->index;

	return (uint16_t *)&p->in_use[(key * 0x9e3779b97f4a7c15u >> 54) % IN_USE_SLOTS];
}

bool serve_is_in_use(const struct pager *p, const struct region *region, uint64_t first)
{
	return *in_use_slot(p, region, first);
}

/* By block and by hash: too much may count as used, never too little. */
static void set_uses(struct pager *p, struct waiting *w, bool uses)
{
	if (w->uses == uses)
		return;
	w->uses = uses;
	for (uint32_t i = 0; i < w->group.n_records; i++) {
		struct region *region = space_find(&p->space, w->records[i].addr);

		uint16_t *slot = region ? in_use_slot(p, region, region_granule(region, w->records[i].addr)) : NULL;

		if (slot)
			*slot = (uint16_t)(*slot + (uses ? 1 : -1));
	}
}

static struct waiting *keep(struct pager *p, struct story *s)
{
	struct waiting *w = s->waiting ?: waiting_get(&p->waitings, s->group, s->records);

	if (!w || s->waiting)
		return w;
	TAILQ_INSERT_TAIL(&p->waiting, w, link);
	*s = (struct story){ &w->group, w->records, w };
	return w;
}

static void leave_room(struct pager *p, struct waiting *w)
{
	struct attachment *a = w->group.owner;

	if (!w->in_room)
		return;
	w->in_room = false;
	TAILQ_REMOVE(&a->room, w, room_link);
	if (TAILQ_EMPTY(&a->room))
		turn_leave(&p->room, &a->room_turn);
}

static void answer(struct pager *p, struct story *s, bool success)
{
	struct waiting *w = s->waiting;

	queue_answer(&p->queue, s->group, success);
	if (!w)
		return;
	p->served_ns = p->now_ns;
	leave_room(p, w);
	set_uses(p, w, false);
	TAILQ_REMOVE(&p->waiting, w, link);
	w->answered = true;
	if (!w->n_ops)
		waiting_put(&p->waitings, w);
}

static bool wait_for(struct pager *p, struct story *s, struct op *op)
{
	struct waiting *w = keep(p, s);

	if (!w)
		return false;
	waiting_add_op(w, op);
	if (stages_is_on(&p->stages)) {
		op->sampled = true;
		sample_enter(&p->stages.now, op->mapping ? STAGE_MAP : STAGE_FILL);
	}
	return true;
}

static void refuse(struct pager *p, struct story *s, const struct uapi_fault_record *record, int outcome)
{
	refusal_log(p, s->group->owner, record, outcome);
	if (p->setup.on_refused)
		p->setup.on_refused(p->setup.userdata);
	if (outcome == REFUSED_TOO_LARGE)
		account_event(p->setup.stats, ACCOUNT_GROUP_OVER_BUDGET, 1);
	answer(p, s, false);
}

/* FILL_WAIT_ROOM, or why it cannot wait. */
static int wait_for_room(struct pager *p, struct story *s)
{
	struct attachment *a = s->group->owner;
	struct waiting *w = s->waiting;

	if (!(w && w->fits) && refusal_is_too_large(p, s->group, s->records))
		return REFUSED_TOO_LARGE;
	w = keep(p, s);
	if (!w)
		return -ENOMEM;
	w->fits = true;
	if (w->in_room)
		return FILL_WAIT_ROOM;
	w->in_room = true;
	TAILQ_INSERT_TAIL(&a->room, w, room_link);
	turn_join(&p->room, &a->room_turn);
	return FILL_WAIT_ROOM;
}

/* Record after record as long as they are present: 0, all are, or what resolve() said of *ret_i. */
static inline int resolve_all(struct pager *p, const struct group *g, const struct uapi_fault_record *records,
			      uint32_t *ret_i, struct op **ret_op)
{
	int r = 0;

	for (uint32_t i = 0; i < g->n_records; i++) {
		r = resolve(p, g->owner, &records[i], ret_op);
		*ret_i = i;
		if (r)
			break;
	}
	return r;
}

/* Goes on where resolve() said r, which is not 0, of record i. */
__attribute__((noinline))
static void serve_from(struct pager *p, struct story *s, uint32_t i, int r, struct op *op)
{
	unsigned n_waits = 0;

	for (;;) {
		if (r == FILL_WAIT_OP) {
			r = wait_for(p, s, op) ? 0 : -ENOMEM;
			n_waits++;
		}
		if (r || i + 1 == s->group->n_records)
			break;
		r = resolve(p, s->group->owner, &s->records[++i], &op);
	}
	/* What waits for a store asks for room when that is done. */
	if (r == FILL_WAIT_ROOM && n_waits)
		r = 0;
	if (r == FILL_WAIT_ROOM)
		r = wait_for_room(p, s);
	if (r == FILL_WAIT_ROOM)
		return;
	if (r) {
		refuse(p, s, &s->records[i], r);
	} else {
		leave_room(p, s->waiting);
		set_uses(p, s->waiting, true);
	}
}

static void serve(struct pager *p, struct story *s)
{
	struct op *op;
	uint32_t i;
	int r = resolve_all(p, s->group, s->records, &i, &op);

	if (r)
		serve_from(p, s, i, r, op);
	else
		answer(p, s, true);
}

static void serve_again(struct pager *p, struct waiting *w)
{
	struct story s = { &w->group, w->records, w };

	stages_resume(&p->stages, &w->sample);
	set_uses(p, w, false);
	if (w->error)
		refuse(p, &s, w->records, w->error);
	else
		serve(p, &s);
	waiting_follow(s.waiting, &p->stages);
}

__attribute__((noinline))
static void hold(struct pager *p, struct story *s)
{
	if (keep(p, s))
		s->waiting->held = true;
	else
		refuse(p, s, s->records, -ENOMEM);
}

__attribute__((cold))
void serve_sampled(struct pager *p, const struct group *g)
{
	const struct attachment *a = g->owner;
	struct story s = { g, &p->queue.records[g->first], NULL };

	stages_begin(&p->stages, a->stats, g->read_ns);
	if (a->paused)
		hold(p, &s);
	else
		serve(p, &s);
	waiting_follow(s.waiting, &p->stages);
}

/* Nearly every group goes this way, and has nothing to tell. */
__attribute__((flatten))
void serve_plain(struct pager *p, const struct group *g)
{
	const struct uapi_fault_record *records = &p->queue.records[g->first];
	const struct attachment *a = g->owner;
	struct op *op;
	uint32_t i;
	int r;

	if (a->paused) {
		hold(p, &(struct story){ g, records, NULL });
		return;
	}
	r = resolve_all(p, g, records, &i, &op);
	if (r)
		serve_from(p, &(struct story){ g, records, NULL }, i, r, op);
	else
		queue_answer(&p->queue, g, true);
}

void serve_held(struct pager *p, struct attachment *a)
{
	struct waiting *w, *next;

	a->paused = false;
	for (w = TAILQ_FIRST(&p->waiting); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->group.owner != a || !w->held)
			continue;
		w->held = false;
		serve_again(p, w);
	}
}

void serve_room(struct pager *p)
{
	struct turn *t;

	p->room_at_ns = 0;
	p->serving_room = true;
	while ((t = turns_first(&p->room))) {
		struct attachment *a = container_of(t, struct attachment, room_turn);
		struct waiting *w = TAILQ_FIRST(&a->room);
		uint32_t n_records = w->group.n_records;

		serve_again(p, w);
		/* The first one that still finds no room is the first one next time. */
		if (TAILQ_FIRST(&a->room) == w)
			break;
		t->credit -= n_records;
	}
	p->serving_room = false;
}

static unsigned give_up(struct pager *p, const struct attachment *a, uint64_t read_before_ns)
{
	struct waiting *w, *next;
	unsigned n = 0;

	for (w = TAILQ_FIRST(&p->waiting); w; w = next) {
		struct story s = { &w->group, w->records, w };

		next = TAILQ_NEXT(w, link);
		if ((a && w->group.owner != a) || w->group.read_ns >= read_before_ns)
			continue;
		stages_resume(&p->stages, &w->sample);
		answer(p, &s, false);
		waiting_follow(s.waiting, &p->stages);
		n++;
	}
	return n;
}

void serve_abandon(struct pager *p, struct attachment *a)
{
	batch_abandon(p, a);
	give_up(p, a, UINT64_MAX);
}

unsigned serve_expire(struct pager *p, uint64_t read_before_ns)
{
	return give_up(p, NULL, read_before_ns);
}

void serve_op_ended(struct pager *p, struct op *op, int result)
{
	struct op_waiter *waiter;

	op_remove(&p->ops, op);
	while ((waiter = STAILQ_FIRST(&op->waiters))) {
		struct waiting *w = waiter->waiting;

		STAILQ_REMOVE_HEAD(&op->waiters, link);
		w->n_ops--;
		if (result < 0 && op->kind == OP_FILL)
			w->error = result;
		if (w->n_ops) {
			sample_enter(&w->sample, STAGE_FILL);
			continue;
		}
		if (w->answered)
			waiting_put(&p->waitings, w);
		else
			serve_again(p, w);
	}
	if (op->then)
		op->then(op->then_userdata, result);
	op_put(&p->ops, op);
}
