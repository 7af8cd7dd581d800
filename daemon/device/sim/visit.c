/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cache of an attachment keeps the rights with each page, so a write to a page that is
 * mapped for reading is a miss. It is filled here and emptied by the unmap.
 */
#include "device/sim/visit.h"

#define ATC_ENTRIES 65536 /* a full cache is emptied */

static void *translate(struct dma_attachment *t, const struct visit *v)
{
	uint32_t needed = v->is_write ? ACCESS_WRITE : ACCESS_READ, access;
	uint64_t page = v->iova / SIM_PAGE_SIZE;
	uint64_t entry = pagemap_find(&t->atc, page);
	void *host;

	if (entry & needed) {
		t->dma->counters[DMA_ATC_HITS]++;
		return (void *)(uintptr_t)(entry & ~(SIM_PAGE_SIZE - 1));
	}
	host = sim_ioas_translate(t->ioas, v->iova, &access);
	if (!host || !(access & needed))
		return NULL;
	if (t->atc.n_used >= ATC_ENTRIES)
		pagemap_clear(&t->atc);
	/* Without memory for it the entry is just not cached. */
	(void)pagemap_set(&t->atc, page, (uintptr_t)host | access);
	return host;
}

static void transfer_page(struct dma_attachment *t, const struct visit *v, void *memory, bool flip)
{
	struct sim_dma *d = t->dma;
	uint64_t page = v->iova / SIM_PAGE_SIZE;

	if (v->is_write) {
		contents_write(&t->ioas->contents, page, memory, d->data_seed + d->n_transfers, flip);
		d->counters[DMA_BYTES_WRITTEN] += SIM_PAGE_SIZE;
		return;
	}
	d->counters[DMA_BYTES_READ] += SIM_PAGE_SIZE;
	switch (contents_read(&t->ioas->contents, page, memory, flip)) {
	case CONTENTS_WRONG:
		d->counters[DMA_DATA_ERRORS]++;
		break;
	case CONTENTS_RIGHT:
		d->counters[DMA_BYTES_VERIFIED] += SIM_PAGE_SIZE;
		break;
	case CONTENTS_LEARNED:
		break;
	}
}

static void transfer_word(struct dma_attachment *t, const struct visit *v, void *memory)
{
	struct sim_dma *d = t->dma;
	uint64_t page = v->iova / SIM_PAGE_SIZE;

	if (v->is_write) {
		contents_poke(&t->ioas->contents, page, memory, d->data_seed + d->n_transfers);
		d->counters[DMA_BYTES_WRITTEN] += sizeof(uint64_t);
	} else {
		contents_peek(&t->ioas->contents, page, memory);
		d->counters[DMA_BYTES_READ] += sizeof(uint64_t);
	}
}

bool visit_try(struct dma_attachment *t, const struct visit *v)
{
	struct sim_dma *d = t->dma;
	void *memory = translate(t, v);

	if (!memory)
		return false;
	d->n_transfers++;
	if (d->options.verify)
		transfer_page(t, v, memory, d->options.corrupt && d->n_transfers % d->options.corrupt == 0);
	else
		transfer_word(t, v, memory);
	d->counters[DMA_VISITS]++;
	return true;
}
