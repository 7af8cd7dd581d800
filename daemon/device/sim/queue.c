/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cookies come from a bitmap with a hint to the lowest word that may have a free bit: taking
 * and giving back are cheap with any number outstanding, as long as the lowest is free.
 */
#include "device/sim/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MIN_SLOTS 64

int sim_queue_init(struct sim_queue *q, bool (*is_mapped)(void *, const struct uapi_fault_record *), void *userdata)
{
	*q = (struct sim_queue){ .is_mapped = is_mapped, .userdata = userdata };
	TAILQ_INIT(&q->unread);
	pthread_mutex_init(&q->lock, NULL);
	q->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return q->event_fd < 0 ? -errno : 0;
}

void sim_queue_deinit(struct sim_queue *q)
{
	free(q->slots);
	free(q->used);
	close_fd(&q->event_fd);
	pthread_mutex_destroy(&q->lock);
}

void queue_raise(struct sim_queue *q, struct sim_group *g)
{
	uint64_t one = 1;

	pthread_mutex_lock(&q->lock);
	TAILQ_INSERT_TAIL(&q->unread, g, link);
	/* For each group, also with others unread: who watches edges must see it. */
	if (write(q->event_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN); /* saturated: readable all the same */
	pthread_mutex_unlock(&q->lock);
}

static void forget_event(struct sim_queue *q)
{
	uint64_t n;

	if (TAILQ_EMPTY(&q->unread) && read(q->event_fd, &n, sizeof(n)) < 0)
		assert(errno == EAGAIN);
}

static int grow(struct sim_queue *q)
{
	size_t n = q->n_slots ? q->n_slots * 2 : MIN_SLOTS;
	struct queue_slot *slots;
	uint64_t *used;

	slots = realloc(q->slots, n * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	q->slots = slots;
	used = realloc(q->used, n / 8);
	if (!used)
		return -ENOMEM;
	q->used = used;
	memset(slots + q->n_slots, 0, (n - q->n_slots) * sizeof(*slots));
	memset(used + q->n_slots / 64, 0, (n - q->n_slots) / 8);
	q->n_slots = n;
	return 0;
}

static int take_cookie(struct sim_queue *q, struct sim_group *g, uint32_t *ret)
{
	size_t slot;
	int r;

	while (q->lowest < q->n_slots / 64 && q->used[q->lowest] == UINT64_MAX)
		q->lowest++;
	if (q->lowest == q->n_slots / 64) {
		r = grow(q);
		if (r < 0)
			return r;
	}
	slot = q->lowest * 64 + (size_t)__builtin_ctzll(~q->used[q->lowest]);
	q->used[slot / 64] |= 1ull << slot % 64;
	q->slots[slot].group = g;
	*ret = (uint32_t)slot + 1;
	return 0;
}

static struct sim_group *find_cookie(const struct sim_queue *q, uint32_t cookie)
{
	return cookie && cookie <= q->n_slots ? q->slots[cookie - 1].group : NULL;
}

static void finish(struct sim_queue *q, size_t slot, int code)
{
	struct sim_group *g = q->slots[slot].group;

	q->slots[slot] = (struct queue_slot){ .answered = code != SIM_ANSWER_ABORTED };
	q->used[slot / 64] &= ~(1ull << slot % 64);
	if (slot / 64 < q->lowest)
		q->lowest = slot / 64;
	g->answered(g, code);
}

ssize_t queue_read(struct sim_queue *q, void *records, size_t size)
{
	size_t done = 0;
	int r = 0;

	if (size % sizeof(struct uapi_fault_record))
		return -ESPIPE;
	pthread_mutex_lock(&q->lock);
	for (struct sim_group *g; (g = TAILQ_FIRST(&q->unread));) {
		size_t bytes = g->n_records * sizeof(*g->records);
		uint32_t cookie;

		r = bytes > size - done ? -EINVAL : take_cookie(q, g, &cookie);
		if (r < 0)
			break;
		for (size_t i = 0; i < g->n_records; i++)
			g->records[i].cookie = cookie;
		memcpy((char *)records + done, g->records, bytes);
		done += bytes;
		TAILQ_REMOVE(&q->unread, g, link);
	}
	if (done)
		forget_event(q);
	pthread_mutex_unlock(&q->lock);
	return done ? (ssize_t)done : r;
}

static void count_bad_cookie(struct sim_queue *q, uint32_t cookie)
{
	if (cookie && cookie <= q->n_slots && q->slots[cookie - 1].answered)
		q->errors.double_answers++;
	else
		q->errors.unknown_cookies++;
}

static int answer(struct sim_queue *q, const struct uapi_answer *a)
{
	struct sim_group *g;

	if (a->code != UAPI_ANSWER_SUCCESS && a->code != UAPI_ANSWER_INVALID)
		return -EINVAL;
	g = find_cookie(q, a->cookie);
	if (!g) {
		count_bad_cookie(q, a->cookie);
		return -EINVAL;
	}
	for (size_t i = 0; a->code == UAPI_ANSWER_SUCCESS && i < g->n_records; i++) {
		if (!q->is_mapped(q->userdata, &g->records[i])) {
			q->errors.success_without_mapping++;
			break;
		}
	}
	finish(q, a->cookie - 1, (int)a->code);
	return 0;
}

ssize_t queue_write(struct sim_queue *q, const void *answers, size_t size)
{
	size_t done = 0;
	int r = 0;

	if (size % sizeof(struct uapi_answer))
		return -ESPIPE;
	pthread_mutex_lock(&q->lock);
	while (done < size) {
		struct uapi_answer a;

		memcpy(&a, (const char *)answers + done, sizeof(a));
		/* The caller meets the error again when it writes the rest: counted then. */
		if (done && a.code <= UAPI_ANSWER_INVALID && !find_cookie(q, a.cookie))
			break;
		r = answer(q, &a);
		if (r < 0)
			break;
		done += sizeof(a);
	}
	pthread_mutex_unlock(&q->lock);
	return done ? (ssize_t)done : r;
}

void queue_abort(struct sim_queue *q, const void *owner, bool all)
{
	struct sim_group *g, *next;
	bool any = false;

	pthread_mutex_lock(&q->lock);
	for (g = TAILQ_FIRST(&q->unread); g; g = next) {
		next = TAILQ_NEXT(g, link);
		if (!all && g->owner != owner)
			continue;
		TAILQ_REMOVE(&q->unread, g, link);
		g->answered(g, SIM_ANSWER_ABORTED);
		any = true;
	}
	if (any)
		forget_event(q);
	for (size_t i = 0; i < q->n_slots; i++)
		if (q->slots[i].group && (all || q->slots[i].group->owner == owner))
			finish(q, i, SIM_ANSWER_ABORTED);
	pthread_mutex_unlock(&q->lock);
}

void queue_get_errors(struct sim_queue *q, struct queue_errors *ret)
{
	pthread_mutex_lock(&q->lock);
	*ret = q->errors;
	pthread_mutex_unlock(&q->lock);
}
