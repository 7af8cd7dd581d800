/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One fault queue on the wire: reads records, forms groups by cookie, collects answers and
 * writes them. Groups and records of a batch are good until the next drain; who answers a
 * group later keeps a copy. Every group that was read is answered exactly once: it leaves
 * through queue_flush(), and queue_settle() tells of it.
 *
 * The kernel's side (iommufd, eventq.c): read returns whole groups, 0 when empty and EINVAL when the
 * first group does not fit; write may take a part, and refuses an unknown cookie with
 * EINVAL when it comes first.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "device/uapi.h"

/* Nothing is read any more into a batch of so many: the hardware's own queue holds as many. */
#define QUEUE_BATCH_RECORDS 2048u

/* The buffer at first: after a batch that is not full the largest group of hardware would fit. */
#define QUEUE_RECORDS (2 * QUEUE_BATCH_RECORDS)

struct group {
	uint32_t cookie;
	uint32_t first; /* its records: queue.records[first], n_records of them */
	uint32_t n_records;
	uint32_t next;    /* the reader's own */
	uint64_t read_ns; /* the reader's own: since when it waits for an answer */
	void *owner;      /* the reader's own */
};

enum queue_outcome {
	QUEUE_SUCCESS,
	QUEUE_INVALID,
	QUEUE_STALE, /* the kernel no longer knew the cookie */
};

/* Of an answer that was not told of yet. */
struct queue_context {
	uint64_t read_ns;
	void *owner;
	bool stale;
};

struct queue {
	struct ioas *ioas;
	struct uapi_fault_record *records;
	struct group *groups;
	size_t n_records;
	size_t n_groups;
	size_t capacity; /* of records and groups */
	struct uapi_answer *answers; /* collected; the first n_written have left */
	struct queue_context *contexts; /* of each */
	size_t n_answers;
	size_t n_written;
	size_t answers_capacity; /* never less than n_open: to answer needs no memory */
	size_t n_open; /* groups read, and not told of as written */
	bool more;     /* the last drain ended for lack of room, not of records */
	bool presumed; /* it took the queue for empty without having seen it: look again some time */
};

/* Told of n answers that left by now_ns, which are alike: one owner, read at one time. */
typedef void (*queue_written_fn)(void *userdata, const struct queue_context *c, size_t n, enum queue_outcome outcome,
				 uint64_t now_ns);

int queue_init(struct queue *q, struct ioas *ioas);
void queue_deinit(struct queue *q);

/* Reads until the queue is empty or the batch is full; over what was read before, or with
 * `append` behind it. What comes after the last read is the next event's of the fault fd. Returns the number of groups read, or a negative errno when nothing
 * could be read (what came before the failure is returned first; the next call fails). */
int queue_drain(struct queue *q, bool append);

/* Groups whose n_records was set to 0 leave the batch, the others move up. */
void queue_compact(struct queue *q);

/* Once for each group, at any time after its drain. */
static inline void queue_answer(struct queue *q, const struct group *g, bool success)
{
	assert(q->n_answers < q->n_open);
	q->contexts[q->n_answers] = (struct queue_context){ .read_ns = g->read_ns, .owner = g->owner };
	q->answers[q->n_answers++] = (struct uapi_answer){
		.cookie = g->cookie,
		.code = success ? UAPI_ANSWER_SUCCESS : UAPI_ANSWER_INVALID,
	};
}

/* Writes all collected answers. A negative errno: the kernel took none of the rest, which
 * stays collected for the next call. */
int queue_flush(struct queue *q);

/* Gives up the collected answers of one owner's groups, as QUEUE_STALE. */
void queue_abandon(struct queue *q, const void *owner);

/* Tells of those that have left since the last call. */
void queue_settle(struct queue *q, uint64_t now_ns, queue_written_fn written, void *userdata);
