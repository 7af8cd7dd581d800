/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"

/* No device can have as many requests outstanding; a kernel that still says "does not fit"
 * means something else. */
#define QUEUE_RECORDS_MAX (1u << 20)

static int queue_grow(struct queue *q, size_t capacity)
{
	struct uapi_fault_record *records = reallocarray(q->records, capacity, sizeof(*records));
	struct group *groups = records ? reallocarray(q->groups, capacity, sizeof(*groups)) : NULL;

	/* An array that did grow has replaced the old one, whatever became of the other. */
	q->records = records ?: q->records;
	q->groups = groups ?: q->groups;
	if (!groups)
		return -ENOMEM;
	q->capacity = capacity;
	return 0;
}

/* Before the read, so that a group that was read can always be answered. */
static int queue_reserve_answers(struct queue *q, size_t n)
{
	size_t capacity = q->answers_capacity ?: QUEUE_BATCH_RECORDS;
	struct queue_context *contexts;
	struct uapi_answer *answers;

	if (n <= q->answers_capacity)
		return 0;
	while (capacity < n)
		capacity *= 2;
	answers = reallocarray(q->answers, capacity, sizeof(*answers));
	contexts = answers ? reallocarray(q->contexts, capacity, sizeof(*contexts)) : NULL;
	q->answers = answers ?: q->answers;
	q->contexts = contexts ?: q->contexts;
	if (!contexts)
		return -ENOMEM;
	q->answers_capacity = capacity;
	return 0;
}

int queue_init(struct queue *q, struct ioas *ioas)
{
	int r;

	*q = (struct queue){ .ioas = ioas };
	r = queue_grow(q, QUEUE_RECORDS);
	if (r < 0)
		queue_deinit(q);
	return r;
}

void queue_deinit(struct queue *q)
{
	free(q->records);
	free(q->groups);
	free(q->answers);
	free(q->contexts);
	*q = (struct queue){ 0 };
}

/* Records of one group are neighbours, and two groups in one read never share a cookie: a
 * cookie is reused only after its answer. */
static void queue_form_groups(struct queue *q, size_t n, uint64_t now_ns)
{
	struct group *first = &q->groups[q->n_groups], *next = first;

	for (size_t i = q->n_records, end = i + n; i < end; i++) {
		if (next > first && next[-1].cookie == q->records[i].cookie) {
			next[-1].n_records++;
			continue;
		}
		*next++ = (struct group){
			.cookie = q->records[i].cookie,
			.first = (uint32_t)i,
			.n_records = 1,
			.read_ns = now_ns,
		};
	}
	q->n_records += n;
	q->n_groups += (size_t)(next - first);
	q->n_open += (size_t)(next - first);
}

/* A read brings all groups there are, up to one that does not fit: with room left for any
 * group there are no more, and asking again, for nothing, costs as much as a read of some.
 * But out of memory the kernel may stop early, and what it left makes no event of its own. */
static bool is_empty_after(const struct queue *q)
{
	return q->ioas->largest_group && q->capacity - q->n_records >= q->ioas->largest_group;
}

static ssize_t read_more(struct queue *q)
{
	size_t room = q->capacity - q->n_records;
	int r = queue_reserve_answers(q, q->n_open + room);

	if (r < 0)
		return r;
	return room ? q->ioas->ops->read(q->ioas, q->records + q->n_records, room * sizeof(*q->records)) : -EINVAL;
}

int queue_drain(struct queue *q, bool append)
{
	size_t n_before;

	if (!append)
		q->n_records = q->n_groups = 0;
	n_before = q->n_groups;
	q->more = true;
	while (q->more && q->n_records < QUEUE_BATCH_RECORDS) {
		ssize_t n = read_more(q);

		/* The first group in line does not fit. Serve what is here first; a group that
		 * does not even fit into an empty buffer needs a bigger one. */
		if (n == -EINVAL && q->n_groups)
			break;
		if (n == -EINVAL) {
			n = q->capacity < QUEUE_RECORDS_MAX ? queue_grow(q, q->capacity * 2) : -EMSGSIZE;
			if (n == 0)
				continue;
		}
		if (n < 0 && q->n_groups == n_before)
			return (int)n;
		if (n < 0)
			break;
		queue_form_groups(q, (size_t)n / sizeof(*q->records), clock_now_ns());
		q->presumed = n && is_empty_after(q);
		q->more = n && !q->presumed;
	}
	return (int)(q->n_groups - n_before);
}

void queue_compact(struct queue *q)
{
	size_t n_groups = q->n_groups;

	q->n_groups = q->n_records = 0;
	for (size_t i = 0; i < n_groups; i++) {
		struct group g = q->groups[i];

		if (!g.n_records)
			continue;
		memmove(&q->records[q->n_records], &q->records[g.first], g.n_records * sizeof(*q->records));
		g.first = (uint32_t)q->n_records;
		q->n_records += g.n_records;
		q->groups[q->n_groups++] = g;
	}
}

static void queue_settle(struct queue *q, size_t from, size_t n, bool stale, queue_written_fn written, void *userdata)
{
	uint64_t now_ns = clock_now_ns();

	q->n_open -= n;
	for (size_t i = from, first = from; i < from + n; i++) {
		const struct queue_context *c = &q->contexts[first];
		uint32_t code = q->answers[first].code;

		if (i + 1 < from + n && q->answers[i + 1].code == code && q->contexts[i + 1].owner == c->owner &&
		    q->contexts[i + 1].read_ns == c->read_ns)
			continue;
		written(userdata, c, i + 1 - first,
			stale ? QUEUE_STALE : code == UAPI_ANSWER_SUCCESS ? QUEUE_SUCCESS : QUEUE_INVALID, now_ns);
		first = i + 1;
	}
}

int queue_flush(struct queue *q, queue_written_fn written, void *userdata)
{
	size_t done = 0;
	int r = 0;

	while (done < q->n_answers) {
		ssize_t n = q->ioas->ops->write(q->ioas, q->answers + done, (q->n_answers - done) * sizeof(*q->answers));
		size_t n_written = n > 0 ? (size_t)n / sizeof(*q->answers) : 0;

		/* Only an unknown cookie can be wrong with what we write: its attachment has gone
		 * and the kernel has answered for us. Skip it; the next write resumes behind it. */
		bool stale = n == -EINVAL;

		if (n <= 0 && !stale) {
			r = n ? (int)n : -EIO;
			break;
		}
		queue_settle(q, done, stale ? 1 : n_written, stale, written, userdata);
		done += stale ? 1 : n_written;
	}
	if (!done)
		return r;
	q->n_answers -= done;
	memmove(q->answers, q->answers + done, q->n_answers * sizeof(*q->answers));
	memmove(q->contexts, q->contexts + done, q->n_answers * sizeof(*q->contexts));
	return r;
}

void queue_abandon(struct queue *q, const void *owner, queue_written_fn written, void *userdata)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < q->n_answers; i++) {
		if (q->contexts[i].owner == owner) {
			queue_settle(q, i, 1, true, written, userdata);
			continue;
		}
		q->answers[n_kept] = q->answers[i];
		q->contexts[n_kept++] = q->contexts[i];
	}
	q->n_answers = n_kept;
}
