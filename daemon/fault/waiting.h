/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A group that could not be answered at once, with a copy of its records. They come from a
 * pool that grows with the most that ever waited at one time and is kept: to wait allocates
 * nothing.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "device/uapi.h"
#include "fault/attachments.h"
#include "fault/op.h"
#include "fault/queue.h"
#include "fault/stages.h"

struct waiting {
	TAILQ_ENTRY(waiting) link; /* of those that wait, or of the pool */
	TAILQ_ENTRY(waiting) room_link;
	struct group group; /* owner: the attachment */
	unsigned size;      /* which list of the pool it belongs to */
	unsigned n_ops;     /* it waits for; it is not given back before they have ended */
	bool in_room;
	bool answered;
	bool held;          /* for a paused attachment */
	bool uses;          /* its records count in pager.in_use */
	bool fits;          /* the budget is not too small for it */
	int error;          /* of an op it waited for */
	struct sample sample; /* while it waits and is not served, if it has one */
	struct op_waiter *waiters; /* as many as records, the first n_ops are in use */
	struct uapi_fault_record records[];
};

#define WAITING_SIZES 21u /* lists of 1, 2, 4, ... records */

struct waitings {
	struct waiting_list free[WAITING_SIZES];
};

void waitings_init(struct waitings *pool);
void waitings_deinit(struct waitings *pool); /* of those given back */

/* A copy of the group; NULL: no memory. */
struct waiting *waiting_get(struct waitings *pool, const struct group *g, const struct uapi_fault_record *records);
void waiting_put(struct waitings *pool, struct waiting *w);

/* It waits for the op, at most once for each of its records. */
void waiting_add_op(struct waiting *w, struct op *op);

/* What groups wait for is now at this stage. */
void waiting_enter(const struct op *op, enum stage stage);

/* A group was served: if it has a sample, that goes where the group goes. w may be NULL: it
 * never had to wait. */
void waiting_follow(struct waiting *w, struct stages *stages);
