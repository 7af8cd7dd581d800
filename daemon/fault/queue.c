/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
static void queue_form_groups(struct queue *q, size_t n)
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
		queue_form_groups(q, (size_t)n / sizeof(*q->records));
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

int queue_flush(struct queue *q)
{
	while (q->n_written < q->n_answers) {
		ssize_t n = q->ioas->ops->write(q->ioas, q->answers + q->n_written,
						(q->n_answers - q->n_written) * sizeof(*q->answers));

		/* Only an unknown cookie can be wrong with what we write: its attachment has gone
		 * and the kernel has answered for us. Skip it; the next write resumes behind it. */
		if (n == -EINVAL)
			q->contexts[q->n_written++].stale = true;
		else if (n <= 0)
			return n ? (int)n : -EIO;
		else
			q->n_written += (size_t)n / sizeof(*q->answers);
	}
	return 0;
}

static enum queue_outcome outcome_of(const struct queue_context *c, const struct uapi_answer *a)
{
	if (c->stale)
		return QUEUE_STALE;
	return a->code == UAPI_ANSWER_SUCCESS ? QUEUE_SUCCESS : QUEUE_INVALID;
}

/* How many of the next n answers are like the first of them. */
static size_t count_alike(const struct queue_context *c, const struct uapi_answer *a, size_t n)
{
	struct queue_context first = *c;
	uint32_t code = a->code;
	size_t i = 1;

	while (i < n && a[i].code == code && c[i].owner == first.owner && c[i].read_ns == first.read_ns &&
	       c[i].stale == first.stale)
		i++;
	return i;
}

void queue_settle(struct queue *q, uint64_t now_ns, queue_written_fn written, void *userdata)
{
	size_t n = q->n_written, n_alike;

	for (size_t i = 0; i < n; i += n_alike) {
		const struct queue_context *c = &q->contexts[i];
		const struct uapi_answer *a = &q->answers[i];

		n_alike = count_alike(c, a, n - i);
		written(userdata, c, n_alike, outcome_of(c, a), now_ns);
	}
	q->n_open -= n;
	q->n_answers -= n;
	q->n_written = 0;
	memmove(q->answers, q->answers + n, q->n_answers * sizeof(*q->answers));
	memmove(q->contexts, q->contexts + n, q->n_answers * sizeof(*q->contexts));
}

void queue_abandon(struct queue *q, const void *owner)
{
	for (size_t i = q->n_written; i < q->n_answers; i++) {
		struct queue_context context = q->contexts[i];
		struct uapi_answer answer = q->answers[i];

		if (context.owner != owner)
			continue;
		q->contexts[i] = q->contexts[q->n_written];
		q->answers[i] = q->answers[q->n_written];
		context.stale = true;
		q->contexts[q->n_written] = context;
		q->answers[q->n_written++] = answer;
	}
}
