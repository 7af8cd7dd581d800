/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fault/background.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/account.h"
#include "fault/job.h"
#include "fault/serve.h"

/* The next region that is mapped ahead; none: that is over. */
static void ahead_next(struct pager_job *job)
{
	struct pager *p = job->pager;
	struct region *region = job->region ? job->region + 1 : p->space.regions;
	struct region *end = p->space.regions + p->space.n_regions;

	if (job->region)
		log_with(job->result ? LOG_WARNING : LOG_INFO, job->result,
			 &((struct log_fields){ .space = p->space.name, .region = job->region->name }),
			 "region %s/%s: %llu bytes mapped ahead%s", p->space.name, job->region->name,
			 (unsigned long long)job->bytes, job->result ? ", the rest is mapped on demand" : "");
	while (region < end && region->mode != REGION_PREFAULT)
		region++;
	if (region == end || !p->attachments.n) {
		free(job);
		p->ahead = NULL;
		return;
	}
	*job = (struct pager_job){ .kind = JOB_PREFAULT, .pager = p, .region = region, .end = region_granules(region),
				   .done = ahead_next };
	job_submit(p, job);
}

void background_start(struct pager *p)
{
	p->ahead = calloc(1, sizeof(*p->ahead));
	if (!p->ahead)
		return;
	p->ahead->pager = p;
	ahead_next(p->ahead);
}

void background_stop(struct pager *p)
{
	if (p->ahead)
		p->ahead->end = 0;
}

void background_plan(struct pager *p)
{
	uint64_t interval = 0;

	for (size_t i = 0; i < p->space.n_regions; i++)
		if (p->space.regions[i].write_back_ns && (!interval || p->space.regions[i].write_back_ns < interval))
			interval = p->space.regions[i].write_back_ns;
	p->write_back_at_ns = interval ? clock_now_ns() + interval : 0;
}

static void write_back_ended(struct pager_job *job)
{
	struct pager *p = job->pager;

	free(job);
	p->write_back = NULL;
	background_plan(p);
}

void background_write_back(struct pager *p)
{
	if (!p->write_back_at_ns || p->now_ns < p->write_back_at_ns)
		return;
	p->write_back_at_ns = 0;
	p->write_back = calloc(1, sizeof(*p->write_back));
	if (!p->write_back) {
		background_plan(p);
		return;
	}
	p->write_back->kind = JOB_FLUSH;
	p->write_back->done = write_back_ended;
	job_submit(p, p->write_back);
}

void background_expire(struct pager *p)
{
	uint64_t deadline = p->setup.deadline_ns;
	unsigned n = deadline && p->now_ns > deadline ? serve_expire(p, p->now_ns - deadline) : 0;

	if (n)
		account_event(p->setup.stats, ACCOUNT_GROUP_PAST_DEADLINE, n);
}
