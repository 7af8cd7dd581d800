/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "caches.h"

#include <stdio.h>
#include <stdlib.h>

#include "device/device.h"
#include "fault/extents.h"
#include "t.h"

static void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	T_ASSERT(p);
	return p;
}

/* Pages in `capacity` places; a miss takes the place that choose() names when all are full. */
static size_t placed_hits(const struct trace *t, uint32_t (*choose)(uint64_t *state, uint32_t capacity))
{
	uint32_t *page_at = must_alloc(t->capacity, sizeof(*page_at)), used = 0;
	bool *present = must_alloc(t->n_pages, sizeof(*present));
	uint64_t state = 0;
	size_t n_hits = 0;

	for (size_t i = 0; i < t->n_visits; i++) {
		uint32_t page = t->visits[i], place;

		n_hits += present[page];
		if (present[page])
			continue;
		if (used < t->capacity) {
			place = used++;
		} else {
			place = choose(&state, t->capacity);
			present[page_at[place]] = false;
		}
		page_at[place] = page;
		present[page] = true;
	}
	free(page_at);
	free(present);
	return n_hits;
}

static uint32_t choose_next(uint64_t *state, uint32_t capacity)
{
	return (uint32_t)((*state)++ % capacity);
}

static uint32_t choose_any(uint64_t *state, uint32_t capacity)
{
	return (uint32_t)((next_random(state) >> 32) * capacity >> 32);
}

size_t fifo_hits(const struct trace *t)
{
	return placed_hits(t, choose_next);
}

size_t random_hits(const struct trace *t)
{
	return placed_hits(t, choose_any);
}

/* A ring through all pages present, by number; the one before the anchor n_pages is the
 * oldest. */
struct lru_link {
	uint32_t newer, older;
};

static void unlink_page(struct lru_link *links, uint32_t page)
{
	links[links[page].newer].older = links[page].older;
	links[links[page].older].newer = links[page].newer;
}

static void link_newest(struct lru_link *links, uint32_t anchor, uint32_t page)
{
	links[page] = (struct lru_link){ .newer = anchor, .older = links[anchor].older };
	links[links[page].older].newer = page;
	links[anchor].older = page;
}

size_t lru_hits(const struct trace *t)
{
	struct lru_link *links = must_alloc(t->n_pages + 1, sizeof(*links));
	bool *present = must_alloc(t->n_pages, sizeof(*present));
	uint32_t anchor = t->n_pages, used = 0;
	size_t n_hits = 0;

	links[anchor] = (struct lru_link){ anchor, anchor };
	for (size_t i = 0; i < t->n_visits; i++) {
		uint32_t page = t->visits[i];

		n_hits += present[page];
		if (present[page]) {
			unlink_page(links, page);
		} else if (used < t->capacity) {
			used++;
		} else {
			uint32_t oldest = links[anchor].newer;

			unlink_page(links, oldest);
			present[oldest] = false;
		}
		link_newest(links, anchor, page);
		present[page] = true;
	}
	free(links);
	free(present);
	return n_hits;
}

/* A heap of the pages present with the most distant next visit on top. A page that is visited
 * gets a further entry, on top of its old one, so that old ones need not be found: they come
 * up when the visit they name is over. */
struct entry {
	size_t next;
	uint32_t page;
};

static void heap_push(struct entry *heap, size_t *n, struct entry e)
{
	size_t i = (*n)++;

	for (; i > 0 && heap[(i - 1) / 2].next < e.next; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = e;
}

static struct entry heap_pop(struct entry *heap, size_t *n)
{
	struct entry top = heap[0], e = heap[--*n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < *n) {
		if (child + 1 < *n && heap[child + 1].next > heap[child].next)
			child++;
		if (heap[child].next <= e.next)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = e;
	return top;
}

/* For each visit, when its page is visited next; distinct numbers behind the end = never. */
static size_t *find_next_visits(const struct trace *t)
{
	size_t *next = must_alloc(t->n_visits, sizeof(*next)), *last = must_alloc(t->n_pages, sizeof(*last));

	for (uint32_t p = 0; p < t->n_pages; p++)
		last[p] = t->n_visits + p;
	for (size_t i = t->n_visits; i-- > 0;) {
		next[i] = last[t->visits[i]];
		last[t->visits[i]] = i;
	}
	free(last);
	return next;
}

size_t optimum_hits(const struct trace *t)
{
	size_t *next = find_next_visits(t), n_heap = 0, n_hits = 0;
	struct entry *heap = must_alloc(t->n_visits, sizeof(*heap));
	size_t *next_of = must_alloc(t->n_pages, sizeof(*next_of)); /* 0 = absent */
	uint32_t used = 0;

	for (size_t i = 0; i < t->n_visits; i++) {
		uint32_t page = t->visits[i];

		n_hits += next_of[page] != 0;
		if (!next_of[page] && used++ == t->capacity) {
			struct entry e;

			do
				e = heap_pop(heap, &n_heap);
			while (next_of[e.page] != e.next);
			next_of[e.page] = 0;
			used--;
		}
		next_of[page] = next[i];
		heap_push(heap, &n_heap, (struct entry){ next[i], page });
	}
	free(next);
	free(heap);
	free(next_of);
	return n_hits;
}

static unsigned evict_run(struct extents *e, unsigned max_n)
{
	struct extents_victim v;
	uint32_t wait_ms;

	T_ASSERT(extents_pick(e, 0, max_n, NULL, NULL, &v, &wait_ms));
	for (unsigned i = 0; i < v.n; i++)
		extents_remove(e, v.region, v.first + i, true);
	return v.n;
}

size_t extents_hits(const struct trace *t, unsigned stride, unsigned max_n)
{
	size_t n_hits = 0, n_mapped = 0;
	struct extents *e;

	T_OK(extents_new(&e, 0));
	for (size_t i = 0; i < t->n_visits; i++) {
		uint64_t granule = (uint64_t)t->visits[i] * stride;

		if (extents_access(e, 0, granule)) {
			n_hits++;
			continue;
		}
		if (n_mapped == t->capacity)
			n_mapped -= evict_run(e, max_n);
		T_OK(extents_reserve(e));
		extents_add(e, 0, granule, 1, ACCESS_READ | ACCESS_WRITE, 0);
		n_mapped++;
	}
	extents_free(e);
	return n_hits;
}

/* Where all are equally good, chance decides about so much. */
#define FIFO_SLACK 0.1

void caches_compare(const struct trace *t, size_t n_hits)
{
	double percent = 100. / (double)t->n_visits, ours = percent * (double)n_hits;
	double fifo = percent * (double)fifo_hits(t), lru = percent * (double)lru_hits(t);

	printf("%-27s   ours %.2f  FIFO %.2f  random %.2f  LRU %.2f  optimum %.2f   ours/LRU %.3f%s%s\n", t->name, ours, fifo,
	       percent * (double)random_hits(t), lru, percent * (double)optimum_hits(t), ours / lru,
	       ours < fifo - FIFO_SLACK ? "  MISSED: below FIFO" : "", ours < 0.9 * lru ? "  MISSED: below 0.9 of LRU" : "");
}
