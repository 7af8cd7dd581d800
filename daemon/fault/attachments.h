/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The attachments of one space, found by (dev_id, PASID): that is how fault records are
 * told apart. Owned by the shard of the space.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "device/device.h"
#include "device/uapi.h"
#include "fault/stats.h"
#include "fault/turns.h"

struct waiting;
TAILQ_HEAD(waiting_list, waiting);

struct attachment {
	uint32_t dev_id;
	uint32_t pasid; /* PASID_NONE: the RID */
	bool paused; /* its groups are kept, not served */
	struct device *device;
	struct stats *stats; /* written by the shard, owned by the control thread */
	struct log_ratelimit limit;

	/* Its groups of the batch: a list by `next` while it has joined the turns. */
	struct turn turn;
	uint32_t first_group;
	uint32_t last_group;

	/* Its groups that wait for room, oldest first; with a turn while there are any. */
	struct turn room_turn;
	struct waiting_list room;
};

struct attachments {
	struct attachment **items; /* sorted by (dev_id, pasid) */
	size_t n;
};

static inline uint32_t record_pasid(const struct uapi_fault_record *record)
{
	return record->flags & UAPI_FAULT_PASID_VALID ? record->pasid : PASID_NONE;
}

struct attachment *attachments_find(struct attachments *s, uint32_t dev_id, uint32_t pasid);

/* -EEXIST, -ENOMEM. stats: where its faults are counted. */
int attachments_add(struct attachments *s, struct device *device, uint32_t pasid, struct stats *stats);
void attachments_remove(struct attachments *s, uint32_t dev_id, uint32_t pasid);
void attachments_deinit(struct attachments *s);
