/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fault queue with the semantics of iommufd's fault fd (eventq.c in the kernel): whole
 * groups, first in first out; cookies are the lowest free number from 1, given at read and
 * reused at once; writes stop at the first bad answer. The eventfd is readable exactly while
 * a group is unread, and every new group makes a new event on it.
 *
 * Any thread; the lock is a leaf but for what the callbacks take.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "device/uapi.h"

/* A group was taken back because its attachment is gone; a device sees INVALID. */
#define SIM_ANSWER_ABORTED (-1)

/* One page request group; whoever raises it keeps it (and the records) until answered. */
struct sim_group {
	TAILQ_ENTRY(sim_group) link;
	const void *owner; /* the attachment, or NULL */
	struct uapi_fault_record *records;
	size_t n_records;
	/* With the queue locked. code: UAPI_ANSWER_* or SIM_ANSWER_ABORTED. From here on the
	 * queue forgets the group. */
	void (*answered)(struct sim_group *g, int code);
};

TAILQ_HEAD(sim_group_list, sim_group);

struct queue_slot {
	struct sim_group *group;
	bool answered; /* the last one that had this cookie was answered */
};

/* What the other side did wrong. */
struct queue_errors {
	uint64_t unknown_cookies;
	uint64_t double_answers;
	uint64_t success_without_mapping;
};

struct sim_queue {
	pthread_mutex_t lock;
	int event_fd;
	struct sim_group_list unread;
	struct queue_slot *slots; /* by cookie - 1 */
	uint64_t *used;           /* one bit for each slot */
	size_t n_slots;           /* a multiple of 64 */
	size_t lowest;            /* no free bit in the words before this one */
	struct queue_errors errors;
	/* Is all that the record asks for mapped? With the queue locked. */
	bool (*is_mapped)(void *userdata, const struct uapi_fault_record *record);
	void *userdata;
};

int sim_queue_init(struct sim_queue *q, bool (*is_mapped)(void *, const struct uapi_fault_record *), void *userdata);
void sim_queue_deinit(struct sim_queue *q);

void queue_raise(struct sim_queue *q, struct sim_group *g);
ssize_t queue_read(struct sim_queue *q, void *records, size_t size);
ssize_t queue_write(struct sim_queue *q, const void *answers, size_t size);

/* Takes back the owner's groups, read or not. all: whoever owns them. */
void queue_abort(struct sim_queue *q, const void *owner, bool all);
void queue_get_errors(struct sim_queue *q, struct queue_errors *ret);
