/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int space_init(struct space *s, const char *name, size_t n_regions, uint32_t grace_ms)
{
	*s = (struct space){ .name = strdup(name), .regions = calloc(n_regions + 1, sizeof(*s->regions)) };
	if (s->name && s->regions && extents_new(&s->extents, grace_ms) >= 0)
		return 0;
	space_deinit(s);
	return -ENOMEM;
}

void space_deinit(struct space *s)
{
	for (size_t i = 0; i < s->n_regions; i++)
		free(s->regions[i].name);
	s->extents = extents_free(s->extents);
	free(s->regions);
	free(s->name);
	*s = (struct space){ 0 };
}

int space_add_region(struct space *s, const struct region *region)
{
	char *name = strdup(region->name);

	if (!name)
		return -ENOMEM;
	s->regions[s->n_regions] = *region;
	s->regions[s->n_regions].index = (unsigned)s->n_regions;
	s->regions[s->n_regions++].name = name;
	return 0;
}

struct region *space_search(struct space *s, uint64_t iova)
{
	size_t low = 0, high = s->n_regions;

	while (low < high) {
		struct region *r = &s->regions[(low + high) / 2];

		if (iova < r->iova)
			high = (low + high) / 2;
		else if (iova - r->iova < r->length)
			return s->last = r;
		else
			low = (low + high) / 2 + 1;
	}
	return NULL;
}
