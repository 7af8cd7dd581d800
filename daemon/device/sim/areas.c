/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slot is empty, a node of the next level, or an area (told by bit 0). A node that becomes
 * empty is freed at once, so what is allocated follows what is mapped.
 */
#include "device/sim/areas.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "device/sim/pagemap.h"

#define LEVEL_BITS 9
#define N_SLOTS (1u << LEVEL_BITS)
#define TOP_LEVEL 4

struct areas_node {
	unsigned n_used;
	void *slots[N_SLOTS];
};

static unsigned slot_shift(unsigned level)
{
	return SIM_PAGE_SHIFT + level * LEVEL_BITS;
}

static unsigned slot_index(unsigned level, uint64_t iova)
{
	return (unsigned)(iova >> slot_shift(level)) & (N_SLOTS - 1);
}

static struct area *slot_area(void *slot)
{
	return (uintptr_t)slot & 1 ? (struct area *)((uintptr_t)slot - 1) : NULL;
}

int areas_init(struct areas *a)
{
	a->root = calloc(1, sizeof(*a->root));
	return a->root ? 0 : -ENOMEM;
}

void areas_deinit(struct areas *a)
{
	assert(!a->root || !a->root->n_used);
	free(a->root);
	a->root = NULL;
}

struct area *areas_find(const struct areas *a, uint64_t iova)
{
	struct areas_node *node = a->root;

	if (iova >> SIM_IOVA_BITS)
		return NULL;
	for (unsigned level = TOP_LEVEL;; level--) {
		void *slot = node->slots[slot_index(level, iova)];

		if (!slot || (uintptr_t)slot & 1)
			return slot_area(slot);
		node = slot;
	}
}

/* base: the IOVA of the node's first slot; [start, end) overlaps the node. */
static struct area *node_first(const struct areas_node *node, unsigned level, uint64_t base, uint64_t start,
			       uint64_t end)
{
	uint64_t size = 1ull << slot_shift(level);
	uint64_t at = MAX(base, align_down(start, size));

	for (unsigned i = (unsigned)((at - base) / size); i < N_SLOTS && at < end; i++, at += size) {
		void *slot = node->slots[i];
		struct area *found;

		if (!slot)
			continue;
		found = slot_area(slot);
		if (!found)
			found = node_first(slot, level - 1, at, start, end);
		if (found)
			return found;
	}
	return NULL;
}

struct area *areas_first(const struct areas *a, uint64_t start, uint64_t end)
{
	return node_first(a->root, TOP_LEVEL, 0, start, MIN(end, 1ull << SIM_IOVA_BITS));
}

static void node_clear(struct areas_node *node, unsigned level, uint64_t base, const struct area *area)
{
	uint64_t size = 1ull << slot_shift(level), end = area->iova + area->length;
	uint64_t at = MAX(base, align_down(area->iova, size));

	for (unsigned i = (unsigned)((at - base) / size); i < N_SLOTS && at < end; i++, at += size) {
		struct areas_node *child = node->slots[i];

		if (!child)
			continue; /* adding did not get this far */
		if (!slot_area(child)) {
			node_clear(child, level - 1, at, area);
			if (child->n_used)
				continue;
			free(child);
		}
		node->slots[i] = NULL;
		node->n_used--;
	}
}

static int node_fill(struct areas_node *node, unsigned level, uint64_t base, struct area *area)
{
	uint64_t size = 1ull << slot_shift(level), end = area->iova + area->length;
	uint64_t at = MAX(base, align_down(area->iova, size));
	int r;

	for (unsigned i = (unsigned)((at - base) / size); i < N_SLOTS && at < end; i++, at += size) {
		if (at >= area->iova && end - at >= size) {
			node->slots[i] = (void *)((uintptr_t)area | 1);
			node->n_used++;
			continue;
		}
		if (!node->slots[i]) {
			node->slots[i] = calloc(1, sizeof(*node));
			if (!node->slots[i])
				return -ENOMEM;
			node->n_used++;
		}
		r = node_fill(node->slots[i], level - 1, at, area);
		if (r < 0)
			return r;
	}
	return 0;
}

int areas_add(struct areas *a, struct area *area)
{
	int r;

	assert(!areas_first(a, area->iova, area->iova + area->length));
	r = node_fill(a->root, TOP_LEVEL, 0, area);
	if (r < 0)
		node_clear(a->root, TOP_LEVEL, 0, area);
	return r;
}

void areas_remove(struct areas *a, struct area *area)
{
	node_clear(a->root, TOP_LEVEL, 0, area);
}
