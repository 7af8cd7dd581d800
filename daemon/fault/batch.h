/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was read from the queue and is not served yet. Attachments take turns (turns.h), so
 * that a device that floods the queue does not keep the others waiting, and answers are
 * written after each slice of service; what came meanwhile is read before the next.
 */
#pragma once

#include "fault/pager.h"

/* A negative errno: nothing could be read. What is there is served in any case. */
int batch_read(struct pager *p);

/* One slice. Returns how many groups it was: none as long as a stream that was overtaken waits
 * for more. */
unsigned batch_serve(struct pager *p);

/* Answers INVALID what is there of the attachment. */
void batch_abandon(struct pager *p, struct attachment *a);

static inline bool batch_is_empty(const struct pager *p)
{
	return TAILQ_EMPTY(&p->turns);
}
