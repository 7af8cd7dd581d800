/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fill, a release or a flush that needs I/O, for those two files that tell its story.
 */
#pragma once

#include "policy/file.h"

struct file_request {
	struct io_op op; /* the operation under way */
	struct file *file;
	struct iopfd_request *request;
	enum file_request_kind kind;
	struct granules_range range; /* SYNC: what is tried again */
	struct granules_range run;   /* the part that the operation is about */
	struct granules_range read;  /* FILL: from the first to the last that was read for it */
	uint32_t access;
	uint32_t slot;   /* of a read; or SLOTS_NONE */
	bool size_known; /* the file was asked for it since the request began */
	bool synced;
	uint64_t cursor; /* SYNC: how far it has looked for what to try again */
	int result;
	int retry_result; /* SYNC: the first failure of what was tried again */
	STAILQ_ENTRY(file_request) link;
};

/* Locked. Prepares q->op; false: the request has ended, with q->result. What waited for it and
 * may begin now is added to `unparked`. */
bool file_next_step(struct file_request *q, struct file_request_list *unparked);

/* Locked. What of the range is still dirty is left for a later flush. */
void file_leave(struct file *f, struct granules_range range);

/* Locked. What follows from the operation that has ended. */
void file_step_done(struct file_request *q);
