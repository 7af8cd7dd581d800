/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device, or one PASID of it, in a space: an entry of the directory together with what
 * makes it run. Private to the manager, as managed.h, which includes this.
 */
#pragma once

#include "base/util.h"
#include "control/directory.h"
#include "fault/shard.h"

struct managed_device;
struct managed_space;

struct managed_attachment {
	struct attachment_entry entry;
	struct managed_space *space;
	struct managed_device *device;
	bool active; /* counts in the space's n_active */
	struct shard_call call;
	struct reason why;
};

static inline struct managed_attachment *managed_attachment(struct attachment_entry *e)
{
	return container_of(e, struct managed_attachment, entry);
}

/* Attachments: part of a device's step, which goes on with `next` when all calls came back. free:
 * not attached. */
int managed_attachment_new(struct managed_device *d, uint32_t pasid, struct managed_space *space,
			   struct managed_attachment **ret);
void managed_attachment_free(struct managed_attachment *a);
void managed_attachment_idle(struct managed_attachment *a); /* neither attached nor about to be */
int managed_attachment_open(struct managed_attachment *a, struct reason *why); /* its space */
void managed_attachment_attach(struct managed_attachment *a);
void managed_attachment_detach(struct managed_attachment *a);
void managed_attachment_pause(struct managed_attachment *a, bool paused);
void managed_attachment_move(struct managed_attachment *a, struct managed_space *space);
