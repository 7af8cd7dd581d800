/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/refusal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"

static const char *sentence(int outcome, const struct region *region)
{
	switch (outcome) {
	case REFUSED_OUTSIDE:
		return "it is in no region of the space";
	case REFUSED_RIGHTS:
		return region->mode == REGION_DENY ? "its region has on-fault = deny" :
						     "it asks for more than access = gives in its region";
	case REFUSED_TOO_LARGE:
		return "its group needs more memory than the budget allows at once";
	case -ENOMEM:
		return "no memory, or over the limit of locked memory (LimitMEMLOCK=)";
	default:
		return "it cannot be served";
	}
}

void refusal_log(struct pager *p, struct attachment *a, const struct uapi_fault_record *record, int outcome)
{
	struct region *region = space_find(&p->space, record->addr);
	char more[48] = "";
	unsigned n_suppressed;
	struct log_fields fields = {
		.device = a->device->name,
		.space = p->space.name,
		.region = region ? region->name : NULL,
		.policy = region ? policy_name(region->policy) : NULL,
		.cookie = record->cookie,
		.iova = record->addr,
		.perm = record->perm,
		.pasid = record_pasid(record),
		.has_iova = true,
		.has_pasid = record_pasid(record) != PASID_NONE,
	};

	if (!log_ratelimit_pass(&a->limit, clock_now_ns(), &n_suppressed))
		return;
	if (n_suppressed)
		snprintf(more, sizeof(more), " (and %u more in the meantime)", n_suppressed);
	log_with(outcome < 0 ? LOG_ERR : LOG_NOTICE, MIN(outcome, 0), &fields,
		 "fault at 0x%" PRIx64 " in space %s is INVALID: %s%s", record->addr, p->space.name,
		 sentence(outcome, region), more);
}

static uint64_t granule_start(struct pager *p, uint64_t iova, uint64_t *ret_bytes)
{
	struct region *region = space_find(&p->space, iova);

	*ret_bytes = region ? region_bytes(region, 1) : 0;
	return region ? align_down(iova, *ret_bytes) : 0;
}

static bool is_repeated(struct pager *p, const struct uapi_fault_record *records, uint32_t i, uint64_t start)
{
	uint64_t bytes;

	while (i--)
		if (granule_start(p, records[i].addr, &bytes) == start)
			return true;
	return false;
}

/* Each granule once. */
bool refusal_is_too_large(struct pager *p, const struct group *g, const struct uapi_fault_record *records)
{
	uint64_t sum = 0, highest = 0, start, bytes;

	for (uint32_t i = 0; i < g->n_records; i++) {
		start = granule_start(p, records[i].addr, &bytes);
		/* Usually they are in order. */
		if (i && start <= highest && is_repeated(p, records, i, start))
			continue;
		highest = MAX(highest, start);
		sum += bytes;
	}
	return sum > (uint64_t)budget_capacity(&p->share);
}
