/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Order of an unmap, which is what makes it safe to reuse the memory afterwards: out of the
 * table, so that no new translation is given; out of every device's cache, which waits for
 * the visit in progress; then the reference to the file goes.
 */
#include "device/sim/iommu.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"

struct sim_injection {
	struct sim_group group;
	SLIST_ENTRY(sim_injection) link;
	int result; /* under the queue's lock */
	struct uapi_fault_record records[];
};

static bool is_mapped(void *userdata, const struct uapi_fault_record *record)
{
	uint32_t access = 0, asked = 0;

	if (record->perm & UAPI_PERM_WRITE)
		asked |= ACCESS_WRITE;
	if (record->perm & (UAPI_PERM_READ | UAPI_PERM_EXEC) || !asked)
		asked |= ACCESS_READ;
	return sim_ioas_translate(userdata, record->addr, &access) && !(asked & ~access);
}

static int copy_ranges(struct sim_ioas *s, const struct iova_range *ranges, size_t n_ranges, struct reason *why)
{
	const uint64_t limit = 1ull << SIM_IOVA_BITS;

	s->ranges = calloc(n_ranges + 1, sizeof(*s->ranges));
	if (!s->ranges)
		return reason_set(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < n_ranges; i++) {
		uint64_t start = ranges[i].start, length = ranges[i].length;

		if (start > limit || length > limit - start)
			return reason_set(why, EINVAL,
					  "IOVA range 0x%" PRIx64 " + 0x%" PRIx64
					  " is beyond the %d bits of a simulated device",
					  start, length, SIM_IOVA_BITS);
		s->ranges[i].start = align_down(start + SIM_PAGE_SIZE - 1, SIM_PAGE_SIZE);
		length = align_down(start + length, SIM_PAGE_SIZE);
		s->ranges[i].length = length > s->ranges[i].start ? length - s->ranges[i].start : 0;
		s->n_pages += s->ranges[i].length / SIM_PAGE_SIZE;
	}
	s->n_ranges = n_ranges;
	return 0;
}

int sim_ioas_new(const struct iova_range *ranges, size_t n_ranges, struct sim_ioas **ret, struct reason *why)
{
	_cleanup_(sim_ioas_freep) struct sim_ioas *s = NULL;
	int r;

	s = aligned_alloc(_Alignof(struct sim_ioas), sizeof(*s));
	if (!s)
		return reason_set(why, ENOMEM, "out of memory");
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->attachments);
	pthread_mutex_init(&s->map_lock, NULL);
	pthread_mutex_init(&s->users_lock, NULL);
	backings_init(&s->backings);
	contents_init(&s->contents);
	r = sim_queue_init(&s->queue, is_mapped, s);
	if (r < 0)
		return reason_set(why, -r, "cannot make an eventfd: %s", strerror(-r));
	r = areas_init(&s->areas);
	if (r < 0)
		return reason_set(why, -r, "out of memory");
	r = copy_ranges(s, ranges, n_ranges, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct sim_ioas *sim_ioas_free(struct sim_ioas *s)
{
	if (!s)
		return NULL;
	assert(TAILQ_EMPTY(&s->attachments));
	if (s->areas.root)
		sim_ioas_unmap(s, 0, UINT64_MAX);
	queue_abort(&s->queue, NULL, true);
	for (struct sim_injection *i; (i = SLIST_FIRST(&s->injections));) {
		SLIST_REMOVE_HEAD(&s->injections, link);
		free(i);
	}
	areas_deinit(&s->areas);
	sim_queue_deinit(&s->queue);
	contents_deinit(&s->contents);
	backings_deinit(&s->backings);
	pthread_mutex_destroy(&s->users_lock);
	pthread_mutex_destroy(&s->map_lock);
	free(s->ranges);
	free(s);
	return NULL;
}

static struct sim_attachment *find_attachment(struct sim_ioas *s, uint32_t dev_id, uint32_t pasid)
{
	struct sim_attachment *t;

	TAILQ_FOREACH(t, &s->attachments, link)
		if (t->dev_id == dev_id && t->pasid == pasid)
			return t;
	return NULL;
}

int sim_ioas_attach(struct sim_ioas *s, struct sim_attachment *t)
{
	int r = -EEXIST;

	pthread_mutex_lock(&s->map_lock);
	if (!find_attachment(s, t->dev_id, t->pasid)) {
		TAILQ_INSERT_TAIL(&s->attachments, t, link);
		r = 0;
	}
	pthread_mutex_unlock(&s->map_lock);
	return r;
}

void sim_ioas_detach(struct sim_ioas *s, struct sim_attachment *t)
{
	pthread_mutex_lock(&s->map_lock);
	TAILQ_REMOVE(&s->attachments, t, link);
	pthread_mutex_unlock(&s->map_lock);
	queue_abort(&s->queue, t, false);
}

static bool is_allowed(const struct sim_ioas *s, uint64_t iova, uint64_t length)
{
	for (size_t i = 0; i < s->n_ranges; i++)
		if (iova >= s->ranges[i].start && iova - s->ranges[i].start < s->ranges[i].length &&
		    length <= s->ranges[i].length - (iova - s->ranges[i].start))
			return true;
	return false;
}

static bool is_taken(struct sim_ioas *s, uint64_t iova, uint64_t length)
{
	bool taken;

	pthread_mutex_lock(&s->map_lock);
	taken = areas_first(&s->areas, iova, iova + length);
	pthread_mutex_unlock(&s->map_lock);
	return taken;
}

int sim_ioas_map(struct sim_ioas *s, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access)
{
	_cleanup_free_ struct area *area = NULL;
	int r;

	if (!access || access & ~(ACCESS_READ | ACCESS_WRITE) || !length)
		return -EINVAL;
	if (iova + length < iova)
		return -EOVERFLOW;
	if ((iova | length | offset) & (SIM_PAGE_SIZE - 1) || !is_allowed(s, iova, length))
		return -EINVAL;
	if (is_taken(s, iova, length))
		return -EEXIST;
	area = malloc(sizeof(*area));
	if (!area)
		return -ENOMEM;
	*area = (struct area){ .iova = iova, .length = length, .access = access };
	/* May have to allocate much, so devices are not locked out of the table meanwhile. */
	r = backing_get(&s->backings, fd, offset, length, access, &area->backing);
	if (r < 0)
		return r;
	area->host = area->backing->base + offset;
	pthread_mutex_lock(&s->map_lock);
	r = areas_first(&s->areas, iova, iova + length) ? -EEXIST : areas_add(&s->areas, area);
	pthread_mutex_unlock(&s->map_lock);
	if (r < 0) {
		backing_unref(area->backing);
		return r;
	}
	TAKE_PTR(area);
	return 0;
}

/* Takes whole areas out of the table, lowest first, until one sticks out of the range. */
static int remove_areas(struct sim_ioas *s, uint64_t iova, uint64_t end, struct area **ret)
{
	struct area *area, **tail = ret;
	int r = 0;

	pthread_mutex_lock(&s->map_lock);
	while ((area = areas_first(&s->areas, iova, end))) {
		if (area->iova < iova || area->length > end - area->iova) {
			r = -ENOENT;
			break;
		}
		areas_remove(&s->areas, area);
		area->next = NULL;
		*tail = area;
		tail = &area->next;
	}
	pthread_mutex_unlock(&s->map_lock);
	return r;
}

int sim_ioas_unmap(struct sim_ioas *s, uint64_t iova, uint64_t length)
{
	bool everything = !iova && length == UINT64_MAX;
	struct sim_attachment *t;
	struct area *gone = NULL;
	int r;

	if (!length)
		return -EINVAL;
	if (iova + length < iova)
		return -EOVERFLOW;
	r = remove_areas(s, iova, iova + length, &gone);
	if (!gone)
		return r < 0 || !everything ? -ENOENT : 0;
	pthread_mutex_lock(&s->users_lock);
	TAILQ_FOREACH(t, &s->attachments, link)
		t->invalidate(t, iova, length);
	pthread_mutex_unlock(&s->users_lock);
	for (struct area *area; (area = gone);) {
		gone = area->next;
		backing_unref(area->backing);
		free(area);
	}
	return r;
}

void *sim_ioas_translate(struct sim_ioas *s, uint64_t iova, uint32_t *ret_access)
{
	const struct area *area;
	void *host = NULL;

	pthread_mutex_lock(&s->map_lock);
	area = areas_find(&s->areas, iova);
	if (area) {
		host = area->host + (iova - area->iova);
		*ret_access = area->access;
	}
	pthread_mutex_unlock(&s->map_lock);
	return host;
}

uint64_t sim_ioas_page(const struct sim_ioas *s, uint64_t n)
{
	const struct iova_range *range = s->ranges;

	while (n >= range->length / SIM_PAGE_SIZE) {
		n -= range->length / SIM_PAGE_SIZE;
		range++;
	}
	return range->start + n * SIM_PAGE_SIZE;
}

static void on_injection_answered(struct sim_group *g, int code)
{
	struct sim_injection *i = container_of(g, struct sim_injection, group);

	i->result = code == SIM_ANSWER_ABORTED ? -ECANCELED : code;
}

int sim_ioas_inject(struct sim_ioas *s, const struct uapi_fault_record *records, size_t n_records,
		    struct sim_injection **ret)
{
	struct sim_injection *i;

	i = calloc(1, sizeof(*i) + n_records * sizeof(*records));
	if (!i)
		return -ENOMEM;
	memcpy(i->records, records, n_records * sizeof(*records));
	i->group.records = i->records;
	i->group.n_records = n_records;
	i->group.answered = on_injection_answered;
	i->result = -EAGAIN;
	pthread_mutex_lock(&s->map_lock);
	i->group.owner = find_attachment(s, records[0].dev_id,
					 records[0].flags & UAPI_FAULT_PASID_VALID ? records[0].pasid : PASID_NONE);
	SLIST_INSERT_HEAD(&s->injections, i, link);
	pthread_mutex_unlock(&s->map_lock);
	if (ret)
		*ret = i;
	queue_raise(&s->queue, &i->group);
	return 0;
}

int sim_injection_answer(struct sim_ioas *s, struct sim_injection *i)
{
	int r;

	pthread_mutex_lock(&s->queue.lock);
	r = i->result;
	pthread_mutex_unlock(&s->queue.lock);
	return r;
}
