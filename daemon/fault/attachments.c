/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/attachments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Index of the first one that is not before (dev_id, pasid). */
static size_t attachments_position(const struct attachments *s, uint32_t dev_id, uint32_t pasid)
{
	uint64_t key = (uint64_t)dev_id << 32 | pasid;
	size_t low = 0, high = s->n;

	while (low < high) {
		const struct attachment *a = s->items[(low + high) / 2];

		if (((uint64_t)a->dev_id << 32 | a->pasid) < key)
			low = (low + high) / 2 + 1;
		else
			high = (low + high) / 2;
	}
	return low;
}

static struct attachment *attachments_at(struct attachments *s, size_t i, uint32_t dev_id, uint32_t pasid)
{
	struct attachment *a = i < s->n ? s->items[i] : NULL;

	return a && a->dev_id == dev_id && a->pasid == pasid ? a : NULL;
}

struct attachment *attachments_find(struct attachments *s, uint32_t dev_id, uint32_t pasid)
{
	return attachments_at(s, attachments_position(s, dev_id, pasid), dev_id, pasid);
}

int attachments_add(struct attachments *s, struct device *device, uint32_t pasid, struct stats *stats)
{
	size_t i = attachments_position(s, device->dev_id, pasid);
	struct attachment **items, *a;

	if (attachments_at(s, i, device->dev_id, pasid))
		return -EEXIST;
	items = reallocarray(s->items, s->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	s->items = items;
	a = malloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = (struct attachment){
		.dev_id = device->dev_id,
		.pasid = pasid,
		.device = device,
		.stats = stats,
		.limit = LOG_RATELIMIT_INIT(5 * NSEC_PER_SEC, 5),
	};
	TAILQ_INIT(&a->room);
	memmove(items + i + 1, items + i, (s->n - i) * sizeof(*items));
	items[i] = a;
	s->n++;
	return 0;
}

void attachments_remove(struct attachments *s, uint32_t dev_id, uint32_t pasid)
{
	size_t i = attachments_position(s, dev_id, pasid);
	struct attachment *a = attachments_at(s, i, dev_id, pasid);

	if (!a)
		return;
	memmove(s->items + i, s->items + i + 1, (s->n - i - 1) * sizeof(*s->items));
	s->n--;
	free(a);
}

void attachments_deinit(struct attachments *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct attachments){ 0 };
}
