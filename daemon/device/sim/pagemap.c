/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linear probing, at most half full. Removal moves later entries of the same run back, so
 * there are no tombstones and a map that is emptied and filled for ever does not decay.
 */
#include "device/sim/pagemap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SLOTS 64

static size_t home(const struct pagemap *m, uint64_t page)
{
	return sim_mix(page) & (m->n_slots - 1);
}

/* The slot of the page, or the free one where it belongs. */
static size_t probe(const struct pagemap *m, uint64_t page)
{
	size_t i = home(m, page);

	while (m->slots[i].value && m->slots[i].page != page)
		i = (i + 1) & (m->n_slots - 1);
	return i;
}

static int grow(struct pagemap *m)
{
	struct pagemap bigger = { .n_slots = m->n_slots ? m->n_slots * 2 : MIN_SLOTS, .n_used = m->n_used };

	bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slots[i].value)
			bigger.slots[probe(&bigger, m->slots[i].page)] = m->slots[i];
	free(m->slots);
	*m = bigger;
	return 0;
}

void pagemap_deinit(struct pagemap *m)
{
	free(m->slots);
	*m = (struct pagemap){ 0 };
}

uint64_t pagemap_find(const struct pagemap *m, uint64_t page)
{
	return m->n_used ? m->slots[probe(m, page)].value : 0;
}

int pagemap_set(struct pagemap *m, uint64_t page, uint64_t value)
{
	size_t i;
	int r;

	if (m->n_used * 2 >= m->n_slots) {
		r = grow(m);
		if (r < 0)
			return r;
	}
	i = probe(m, page);
	if (!m->slots[i].value)
		m->n_used++;
	m->slots[i] = (struct pagemap_slot){ .page = page, .value = value };
	return 0;
}

void pagemap_remove(struct pagemap *m, uint64_t page)
{
	size_t mask = m->n_slots - 1, hole, i;

	if (!m->n_used)
		return;
	hole = probe(m, page);
	if (!m->slots[hole].value)
		return;
	for (i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		/* An entry may fill the hole unless its home lies behind it. */
		if (((i - home(m, m->slots[i].page)) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].value = 0;
	m->n_used--;
}

size_t pagemap_remove_range(struct pagemap *m, uint64_t page, uint64_t n_pages)
{
	size_t before = m->n_used;

	if (n_pages <= m->n_slots) {
		for (uint64_t i = 0; i < n_pages; i++)
			pagemap_remove(m, page + i);
		return before - m->n_used;
	}
	/* A removal can move a later entry here, so a slot is looked at until it stays. An
	 * entry that wraps around from the end is met again at the end. */
	for (size_t i = 0; i < m->n_slots && m->n_used;) {
		if (m->slots[i].value && m->slots[i].page - page < n_pages)
			pagemap_remove(m, m->slots[i].page);
		else
			i++;
	}
	return before - m->n_used;
}

void pagemap_clear(struct pagemap *m)
{
	if (m->n_used)
		memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
	m->n_used = 0;
}
