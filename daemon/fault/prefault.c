/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/prefault.h"

#include <inttypes.h>

#include "fault/pager.h"

/* Memory that is mapped for the first time is zeroed, at some 10 GB/s: about 100 us. */
#define STEP_BYTES (1ull << 20)

static void prefault_seek(struct pager *p, struct region *from)
{
	struct region *end = p->space.regions + p->space.n_regions;

	while (from < end && from->mode != REGION_PREFAULT)
		from++;
	p->prefault_region = from < end ? from : NULL;
	p->prefault_granule = 0;
}

bool prefault_start(struct pager *p)
{
	prefault_seek(p, p->space.regions);
	return p->prefault_region;
}

void prefault_step(struct pager *p)
{
	struct region *region = p->prefault_region;
	struct log_fields fields = { .space = p->space.name, .region = region->name };
	uint64_t n_granules = region->length >> region->granule_shift;
	int r = 0;

	for (uint64_t bytes = 0; bytes < STEP_BYTES && p->prefault_granule < n_granules && !r; p->prefault_granule++) {
		bytes += region_granule(region);
		if (!extents_has(&region->extents, p->prefault_granule))
			r = pager_map_granule(p, region, p->prefault_granule, region->access, p->stats);
	}
	if (!r && p->prefault_granule < n_granules)
		return;
	if (r < 0)
		log_with(LOG_WARNING, r, &fields, "prefault of region %s/%s stopped at 0x%" PRIx64 ", the rest is mapped on demand",
			 p->space.name, region->name, region->iova + ((p->prefault_granule - 1) << region->granule_shift));
	else
		log_with(LOG_INFO, 0, &fields, "region %s/%s is mapped: %" PRIu64 " bytes", p->space.name, region->name,
			 region->length);
	prefault_seek(p, region + 1);
}
