/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/batch.h"

#include "base/clock.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/around.h"
#include "fault/serve.h"
#include "fault/trace.h"

/* Answers are written after about so long, 64 faults on 4K; and after some 27 once somebody asks
 * for more than a turn and others, of this space or of the shard's other spaces, have faults,
 * too. Two spaces that flood one shard then take 7 % more CPU, and 35 % with 9. The clock is not asked: see pager_count_mapped(). */
#define SLICE_NS (80 * NSEC_PER_USEC)
#define SLICE_SHARED_NS (30 * NSEC_PER_USEC)
#define RECORD_NS 100u

#define KNOWN_PERM (UAPI_PERM_READ | UAPI_PERM_WRITE | UAPI_PERM_EXEC | UAPI_PERM_PRIV)

/* A device may ask for what only a newer kernel knows: served as a read, told once. */
static void note_perm(struct pager *p, const struct attachment *a, uint32_t perm)
{
	struct log_fields fields = { .device = a->device->name, .space = p->space.name, .perm = perm };

	if (p->odd_perm_told)
		return;
	p->odd_perm_told = true;
	log_with(LOG_NOTICE, 0, &fields, "page request with permissions 0x%x, which say nothing known: taken for a read",
		 perm);
}

static bool is_of(const struct uapi_fault_record *record, const struct attachment *a)
{
	return record->dev_id == a->dev_id && record_pasid(record) == a->pasid;
}

/* How many of n records, from the first on, are of the attachment: counts them. */
static uint32_t count_own(struct pager *p, const struct attachment *a, const struct uapi_fault_record *records,
			  uint32_t n, struct account_read *counts)
{
	const struct uapi_fault_record *next = records, *end = records + n;

	while (next < end && is_of(next, a)) {
		const struct uapi_fault_record *first = next;

		/* Usually all ask for the same. */
		while (++next < end && next->perm == first->perm && is_of(next, a))
			;
		account_records(counts, first, (uint32_t)(next - first));
		if (!first->perm || first->perm & ~KNOWN_PERM)
			note_perm(p, a, first->perm);
	}
	return (uint32_t)(next - records);
}

/* The last n of its records are not counted yet; at least one of them is not of the attachment. */
static void refuse_malformed(struct pager *p, struct group *g, uint32_t n, struct account_read *counts)
{
	const struct uapi_fault_record *end = &p->queue.records[g->first + g->n_records];

	for (const struct uapi_fault_record *record = end - n; record < end; record++) {
		account_records(counts, record, 1);
		counts->n_malformed += g->owner == &p->nobody || !is_of(record, g->owner);
	}
	queue_answer(&p->queue, g, false);
	g->n_records = 0;
}

static void wish(struct pager *p, const struct group *g)
{
	for (uint32_t i = 0; i < g->n_records; i++) {
		const struct uapi_fault_record *record = &p->queue.records[g->first + i];
		const struct region *region = space_find(&p->space, record->addr);

		if (region && region->merge > 1)
			wishes_add(&p->wishes, region->index, region_granule(region, record->addr),
				   record->perm & UAPI_PERM_WRITE);
	}
}

/* Groups [first, end), neighbours of one attachment, come behind those that it has. */
static void enqueue(struct pager *p, struct attachment *a, uint32_t first, uint32_t end)
{
	if (a->turn.joined)
		p->queue.groups[a->last_group].next = first;
	else
		a->first_group = first;
	a->last_group = end - 1;
	turn_join(&p->turns, &a->turn);
	for (uint32_t i = first; p->wishes.table && i < end; i++)
		wish(p, &p->queue.groups[i]);
}

/* The groups from `first` on that are of the attachment. One that has records of others, too,
 * is INVALID. Returns where they end. */
static uint32_t admit_run(struct pager *p, struct attachment *a, uint32_t first)
{
	struct group *g = &p->queue.groups[first], *all_end = &p->queue.groups[p->queue.n_groups];
	struct account_read counts = { 0 };
	uint32_t begin = g->first, end = begin, next = first, last_end;

	end += count_own(p, a, &p->queue.records[begin], (uint32_t)p->queue.n_records - begin, &counts);
	for (; g < all_end && g->first < end; g++) {
		g->owner = a;
		g->read_ns = p->now_ns;
		g->next = ++next;
	}
	last_end = g[-1].first + g[-1].n_records;
	counts.n_groups = next - first;
	counts.n_records = last_end - begin;
	if (last_end > end)
		refuse_malformed(p, &g[-1], last_end - end, &counts);
	account_read(a->stats, &counts);
	return next;
}

static void refuse_unknown(struct pager *p, struct group *g)
{
	struct account_read counts = { .n_groups = 1, .n_records = g->n_records };

	g->owner = &p->nobody;
	g->read_ns = p->now_ns;
	refuse_malformed(p, g, g->n_records, &counts);
	account_read(p->nobody.stats, &counts);
}

/* Groups from `first` on were just read. */
static void admit(struct pager *p, uint32_t first)
{
	while (first < p->queue.n_groups) {
		const struct uapi_fault_record *record = &p->queue.records[p->queue.groups[first].first];
		struct attachment *a = attachments_find(&p->attachments, record->dev_id, record_pasid(record));
		uint32_t end = a ? admit_run(p, a, first) : first + 1;

		if (a)
			enqueue(p, a, first, end);
		else
			refuse_unknown(p, &p->queue.groups[first]);
		first = end;
	}
}

static void forget_all(struct pager *p)
{
	struct turn *t;

	while ((t = TAILQ_FIRST(&p->turns)))
		turn_leave(&p->turns, t);
	if (p->wishes.table)
		wishes_forget(&p->wishes);
}

/* While others wait the buffer is not begun anew but filled up; then what is not served yet
 * moves to its front. */
static void make_space(struct pager *p)
{
	if (p->queue.n_records < QUEUE_BATCH_RECORDS)
		return;
	forget_all(p);
	queue_compact(&p->queue);
	for (uint32_t i = 0; i < p->queue.n_groups; i++)
		enqueue(p, p->queue.groups[i].owner, i, i + 1);
}

int batch_read(struct pager *p)
{
	bool empty = batch_is_empty(p);
	int n;

	if (empty)
		forget_all(p);
	else
		make_space(p);
	if (traces_is_on(p->setup.traces))
		pager_settle(p); /* a cookie that comes again is another fault */
	n = queue_drain(&p->queue, !empty);
	if (n <= 0)
		return n;
	pager_set_now(p, round_now_ns(p->loop));
	if (traces_is_on(p->setup.traces))
		traces_keep(p->setup.traces, &p->queue, p->queue.n_groups - (size_t)n, &p->attachments, p->space.name);
	admit(p, (uint32_t)(p->queue.n_groups - (size_t)n));
	return n;
}

/* The groups of one attachment, as long as the slice lasts and, if others have faults, its
 * credit. Returns how many. */
static unsigned serve_turn(struct pager *p, struct turn *t, bool shared, uint64_t slice_ns)
{
	struct attachment *a = container_of(t, struct attachment, turn);
	bool last;
	int64_t credit = shared ? t->credit : INT64_MAX;
	unsigned n = 0;

	do {
		struct group *g = &p->queue.groups[a->first_group];
		uint32_t n_records = g->n_records;

		last = a->first_group == a->last_group;
		a->first_group = g->next;
		if (!n_records)
			continue;
		credit -= n_records;
		p->slice_ns += n_records * RECORD_NS;
		serve_group(p, g);
		g->n_records = 0;
		n++;
	} while (!last && credit > 0 && p->slice_ns < slice_ns);
	t->credit = shared ? credit : TURNS_QUANTUM;
	if (last)
		turn_leave(&p->turns, t);
	return n;
}

/* The only one who asks has overtaken what is mapped ahead of a stream. */
static bool is_overtaken(struct pager *p)
{
	const struct turn *t = TAILQ_FIRST(&p->turns);
	const struct attachment *a;

	if (!around_is_stream(p) || !t || turns_are_shared(&p->turns))
		return false;
	a = container_of(t, const struct attachment, turn);
	return around_overtaken(p, p->queue.records[p->queue.groups[a->last_group].first].addr);
}

unsigned batch_serve(struct pager *p)
{
	bool shared = round_is_shared(p->loop);
	uint64_t slice_ns = SLICE_NS;
	unsigned n = 0;
	struct turn *t;

	p->slice_ns = 0;
	/* Others have their turn between the steps, and end this. */
	if (!shared && is_overtaken(p) && around_hurry(p))
		return 0;
	while ((t = turns_first(&p->turns)) && p->slice_ns < slice_ns) {
		n += serve_turn(p, t, shared || turns_are_shared(&p->turns), slice_ns);
		if (t->joined && t->credit <= 0)
			slice_ns = SLICE_SHARED_NS;
	}
	return n;
}

void batch_abandon(struct pager *p, struct attachment *a)
{
	bool last = !a->turn.joined;

	while (!last) {
		struct group *g = &p->queue.groups[a->first_group];

		last = a->first_group == a->last_group;
		a->first_group = g->next;
		if (g->n_records)
			queue_answer(&p->queue, g, false);
		g->n_records = 0;
	}
	turn_leave(&p->turns, &a->turn);
}
