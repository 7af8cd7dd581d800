/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/pager.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fault/account.h"
#include "fault/prefault.h"

/* After a read or write that should not fail did: long enough not to spin, short enough for
 * a device that waits. */
#define RETRY_NS (10 * NSEC_PER_MSEC)

/* A drain ends when nothing came for this long: a device that was just answered asks again,
 * and one that is detached before that finds its request refused although it was served. */
#define QUIET_NS (50 * NSEC_PER_MSEC)

/* EXEC is READ, and so is a request that asks for nothing we know; PRIV changes no right:
 * the IO page tables carry neither bit. */
static uint32_t access_asked(uint32_t perm)
{
	uint32_t access = perm & UAPI_PERM_WRITE ? ACCESS_WRITE : 0;

	return perm & (UAPI_PERM_READ | UAPI_PERM_EXEC) || !access ? access | ACCESS_READ : access;
}

static uint32_t record_pasid(const struct uapi_fault_record *record)
{
	return record->flags & UAPI_FAULT_PASID_VALID ? record->pasid : PASID_NONE;
}

/* Maps one absent granule. -EEXIST here means that the kernel and our extents differ: it is
 * passed up like any failure, never taken for "present". */
int pager_map_granule(struct pager *p, struct region *region, uint64_t granule, uint32_t access, struct stats *stats)
{
	uint64_t offset = granule << region->granule_shift, length = region_granule(region);
	struct iopfd_memory memory;
	int r = extents_reserve(&region->extents);

	if (r < 0)
		return r;
	r = policy_fill(region->policy, offset, length, access, &memory);
	if (r < 0)
		return r;
	r = p->ioas->ops->map(p->ioas, region->iova + offset, length, memory.fd, memory.offset, region->access);
	if (r < 0)
		return r;
	space_insert(&p->space, region, granule);
	account_mapped(stats, length);
	return 0;
}

/* Outcomes of pager_resolve(), beside 0 and a negative errno. */
enum {
	REFUSED_OUTSIDE = 1, /* in no region */
	REFUSED_RIGHTS,      /* asks for more than the region gives */
};

/* Makes the page of one record present with the rights it asks for. What is not 0 is why the
 * group must be INVALID. */
static int pager_resolve(struct pager *p, struct attachment *a, const struct uapi_fault_record *record)
{
	struct region *region = space_find(&p->space, record->addr);
	uint32_t access = access_asked(record->perm);
	uint64_t granule;

	if (!region)
		return REFUSED_OUTSIDE;
	if (region->mode == REGION_DENY || access & ~region->access)
		return REFUSED_RIGHTS;
	granule = (record->addr - region->iova) >> region->granule_shift;
	if (extents_has(&region->extents, granule))
		return 0;
	return pager_map_granule(p, region, granule, access, a->stats);
}

/* A device may ask for what only a newer kernel knows: served as a read, told once. */
static void pager_note_perm(struct pager *p, const struct attachment *a, const struct uapi_fault_record *record)
{
	const uint32_t known = UAPI_PERM_READ | UAPI_PERM_WRITE | UAPI_PERM_EXEC | UAPI_PERM_PRIV;

	if (p->odd_perm_told || (record->perm && !(record->perm & ~known)))
		return;
	p->odd_perm_told = true;
	log_with(LOG_NOTICE, 0, &((struct log_fields){ .device = a->device->name, .space = p->space.name, .perm = record->perm }),
		 "page request with permissions 0x%x, which say nothing known: taken for a read", record->perm);
}

static const char *refusal(int outcome, const struct region *region)
{
	if (outcome == REFUSED_OUTSIDE)
		return "it is in no region of the space";
	if (outcome == REFUSED_RIGHTS)
		return region->mode == REGION_DENY ? "its region has on-fault = deny" :
						     "it asks for more than access = gives in its region";
	return outcome == -ENOMEM ? "no memory, or over the limit of locked memory (LimitMEMLOCK=)" : "it cannot be served";
}

static void pager_log_refused(struct pager *p, struct attachment *a, const struct uapi_fault_record *record, int outcome)
{
	struct region *region = space_find(&p->space, record->addr);
	char more[48] = "";
	unsigned n_suppressed;
	struct log_fields fields = {
		.device = a->device->name,
		.space = p->space.name,
		.region = region ? region->name : NULL,
		.iova = record->addr,
		.perm = record->perm,
		.pasid = record_pasid(record),
		.has_iova = true,
		.has_pasid = record_pasid(record) != PASID_NONE,
	};

	if (!log_ratelimit_pass(&a->limit, clock_now_ns(), &n_suppressed))
		return;
	if (n_suppressed)
		snprintf(more, sizeof(more), " (and %u more in the meantime)", n_suppressed);
	log_with(outcome < 0 ? LOG_ERR : LOG_NOTICE, MIN(outcome, 0), &fields, "fault at 0x%" PRIx64 " in space %s is INVALID: %s%s",
		 record->addr, p->space.name, refusal(outcome, region), more);
}

/* Serves one group up to its answer, which goes out with the next flush. */
static void pager_serve(struct pager *p, struct group *g)
{
	const struct uapi_fault_record *records = &p->queue.records[g->first];
	struct attachment *a = attachments_find(&p->attachments, records->dev_id, record_pasid(records));
	uint32_t n_malformed = 0;
	int r = 0;

	g->owner = a ? a->stats : p->orphans;
	for (uint32_t i = 0; i < g->n_records; i++)
		if (!a || records[i].dev_id != a->dev_id || record_pasid(&records[i]) != a->pasid)
			n_malformed++;
	account_group_read(g->owner, records, g->n_records, n_malformed);
	if (n_malformed)
		r = -EBADMSG;
	for (uint32_t i = 0; !r && i < g->n_records; i++) {
		pager_note_perm(p, a, &records[i]);
		r = pager_resolve(p, a, &records[i]);
		if (r)
			pager_log_refused(p, a, &records[i], r);
	}
	queue_answer(&p->queue, g, !r);
}

static void pager_on_written(void *userdata, struct group *g, enum queue_outcome outcome, uint64_t now_ns)
{
	(void)userdata;
	account_group_answered(g->owner, outcome, now_ns - g->read_ns);
}

/* Reads, serves and answers one batch. Returns the number of groups, or a negative errno. */
static int pager_serve_batch(struct pager *p)
{
	size_t first;
	int n, r;

	/* Answers that could not be written come first: reading on would only add to them. */
	r = queue_flush(&p->queue, pager_on_written, p);
	if (r < 0)
		return r;
	n = queue_drain(&p->queue, &first);
	for (size_t i = first; n > 0 && i < p->queue.n_groups; i++)
		pager_serve(p, &p->queue.groups[i]);
	r = queue_flush(&p->queue, pager_on_written, p);
	return r < 0 ? r : n;
}

/* One batch, and what follows from its outcome for the next one. */
static int pager_advance(struct pager *p)
{
	int n = pager_serve_batch(p);
	unsigned n_suppressed;

	if (n > 0)
		p->served_ns = clock_now_ns();
	if (n >= 0 && (!p->retry_at_ns || loop_modify(p->readable, LOOP_READ | LOOP_DRAIN) >= 0)) {
		p->retry_at_ns = 0;
		return n;
	}
	n = n < 0 ? n : -ENOMEM;
	/* The queue stays readable: watching it now would spin. */
	loop_modify(p->readable, 0);
	p->retry_at_ns = clock_now_ns() + RETRY_NS;
	loop_set_timer(p->work, p->retry_at_ns);
	if (log_ratelimit_pass(&p->limit, clock_now_ns(), &n_suppressed))
		log_with(LOG_ERR, n, &(struct log_fields){ .space = p->space.name },
			 "space %s: the fault queue failed, trying again (%u more)", p->space.name, n_suppressed);
	return n;
}

static int pager_on_readable(struct loop_source *source, uint32_t events, void *userdata)
{
	struct pager *p = userdata;

	(void)source;
	(void)events;
	return pager_advance(p) > 0 && p->queue.more ? LOOP_AGAIN : 0;
}

static void pager_drain_step(struct pager *p)
{
	void (*on_drained)(void *userdata) = p->on_drained;
	int n = pager_advance(p);
	uint64_t now_ns = clock_now_ns();

	if (now_ns < p->drain_deadline_ns && (n || now_ns < p->served_ns + QUIET_NS))
		return;
	p->drain_deadline_ns = 0;
	p->on_drained = NULL;
	on_drained(p->drain_userdata);
}

/* What is not caused by readiness, one small step at a time so that demand comes between. */
static int pager_on_work(struct loop_source *source, uint32_t events, void *userdata)
{
	struct pager *p = userdata;

	(void)source;
	(void)events;
	if (p->drain_deadline_ns)
		pager_drain_step(p);
	else if (p->retry_at_ns)
		pager_advance(p);
	if (p->prefault_region)
		prefault_step(p);
	if (p->retry_at_ns)
		loop_set_timer(p->work, p->retry_at_ns);
	else if (p->prefault_region)
		loop_set_timer(p->work, 1);
	else if (p->drain_deadline_ns)
		loop_set_timer(p->work, clock_now_ns() + NSEC_PER_MSEC);
	return 0;
}

int pager_init(struct pager *p, const char *name, size_t n_regions, struct stats *stats, struct stats *orphans)
{
	*p = (struct pager){
		.stats = stats,
		.orphans = orphans,
		.limit = LOG_RATELIMIT_INIT(5 * NSEC_PER_SEC, 3),
	};
	return space_init(&p->space, name, n_regions);
}

void pager_deinit(struct pager *p)
{
	assert(!p->ioas);
	attachments_deinit(&p->attachments);
	space_deinit(&p->space);
}

int pager_start(struct pager *p, struct loop *l, struct ioas *ioas_consume)
{
	int r;

	p->ioas = ioas_consume;
	r = queue_init(&p->queue, p->ioas);
	if (r >= 0)
		r = loop_add_timer(l, pager_on_work, p, &p->work);
	if (r >= 0)
		r = loop_add(l, p->ioas->fault_fd, LOOP_READ | LOOP_DRAIN, pager_on_readable, p, &p->readable);
	if (r < 0)
		pager_stop(p);
	return r;
}

void pager_stop(struct pager *p)
{
	struct space *s = &p->space;

	assert(!p->attachments.n);
	/* Nobody is left to be answered: what could not be written is not wanted any more. */
	queue_abandon(&p->queue, p->orphans, pager_on_written, p);
	assert(!p->queue.n_answers);
	p->readable = loop_remove(p->readable);
	p->work = loop_remove(p->work);
	p->prefault_region = NULL;
	for (size_t i = 0; i < s->n_regions; i++)
		account_unmapped(p->stats, space_clear_region(s, &s->regions[i]));
	queue_deinit(&p->queue);
	if (p->ioas)
		p->ioas = p->ioas->ops->ioas_close(p->ioas);
}

int pager_attach(struct pager *p, struct device *device, uint32_t pasid, struct stats *stats, struct reason *why)
{
	/* First the entry: faults may be in the queue before attach() returns. */
	int r = attachments_add(&p->attachments, device, pasid, stats);

	if (r < 0)
		return reason_set(why, -r, "cannot be added to space %s", p->space.name);
	r = device->ops->attach(device, pasid, p->ioas, why);
	if (r < 0) {
		attachments_remove(&p->attachments, device->dev_id, pasid);
		return r;
	}
	if (p->attachments.n == 1 && prefault_start(p))
		loop_set_timer(p->work, 1);
	return 0;
}

int pager_detach(struct pager *p, struct device *device, uint32_t pasid)
{
	struct attachment *a = attachments_find(&p->attachments, device->dev_id, pasid);
	int r;

	assert(a);
	/* Answers that could not be written before get their last chance. After the detach the
	 * kernel has answered them itself, and a cookie may already be another fault's. */
	if (queue_flush(&p->queue, pager_on_written, p) < 0)
		queue_abandon(&p->queue, a->stats, pager_on_written, p);
	r = device->ops->detach(device, pasid, p->ioas);
	attachments_remove(&p->attachments, device->dev_id, pasid);
	if (!p->attachments.n)
		p->prefault_region = NULL;
	return r;
}

int pager_drain(struct pager *p, uint64_t deadline_ns, void (*on_drained)(void *userdata), void *userdata)
{
	if (p->on_drained)
		return -EBUSY;
	p->prefault_region = NULL;
	p->drain_deadline_ns = deadline_ns;
	p->on_drained = on_drained;
	p->drain_userdata = userdata;
	loop_set_timer(p->work, 1);
	return 0;
}
