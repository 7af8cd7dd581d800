/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a space: closed, open (from its first device on), drained, closed. The
 * control thread makes policies and the ioas; from then on the shard owns the ioas.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "managed.h"

/* At stop: what keeps faulting is answered by the detach. */
#define DRAIN_NS (5 * NSEC_PER_SEC)

static const char *const on_fault_names[] = {
	[REGION_DEMAND] = "demand",
	[REGION_PREFAULT] = "prefault",
	[REGION_DENY] = "deny",
};

static const char *access_name(uint32_t access)
{
	return access == ACCESS_READ ? "r" : access == ACCESS_WRITE ? "w" : "rw";
}

static int add_region(struct managed_space *s, const struct config_region *config)
{
	static const enum region_mode modes[] = {
		[CONFIG_ON_FAULT_DEMAND] = REGION_DEMAND,
		[CONFIG_ON_FAULT_PREFAULT] = REGION_PREFAULT,
		[CONFIG_ON_FAULT_DENY] = REGION_DENY,
	};
	struct region region = {
		.name = config->name,
		.iova = config->iova,
		.length = config->length,
		.granule_shift = (unsigned)__builtin_ctzll(config->granule),
		.access = (config->access & CONFIG_ACCESS_READ ? ACCESS_READ : 0) |
			  (config->access & CONFIG_ACCESS_WRITE ? ACCESS_WRITE : 0),
		.mode = modes[config->on_fault],
	};
	const struct iopfd_policy *policy = policy_find(config->policy);
	int r = space_add_region(&s->pager.space, &region);

	if (r < 0)
		return r;
	s->entry.regions[s->entry.n_regions++] = (struct region_entry){
		.name = s->pager.space.regions[s->pager.space.n_regions - 1].name,
		.iova = region.iova,
		.length = region.length,
		.granule = config->granule,
		.policy_name = policy->name,
		.on_fault = on_fault_names[region.mode],
		.access = access_name(region.access),
	};
	return 0;
}

int managed_space_init(struct managed_space *s, struct manager *m, const struct config_space *config,
		       struct shard *shard)
{
	int r;

	s->manager = m;
	s->shard = shard;
	s->entry.name = strdup(config->name);
	s->entry.regions = calloc(config->n_regions + 1, sizeof(*s->entry.regions));
	if (!s->entry.name || !s->entry.regions)
		return -ENOMEM;
	r = pager_init(&s->pager, config->name, config->n_regions, &s->stats, shard_orphans(shard));
	for (size_t i = 0; r >= 0 && i < config->n_regions; i++)
		r = add_region(s, &config->regions[i]);
	s->entry.stats = &s->stats;
	s->entry.mapped_bytes = &s->pager.space.mapped_bytes;
	s->entry.extents_mapped = &s->pager.space.extents_mapped;
	return r;
}

static void close_policies(struct managed_space *s)
{
	for (size_t i = 0; i < s->entry.n_regions; i++)
		s->entry.regions[i].policy = policy_close(s->entry.regions[i].policy);
}

void managed_space_deinit(struct managed_space *s)
{
	close_policies(s);
	if (s->pager.space.name)
		pager_deinit(&s->pager);
	free(s->entry.regions);
	free(s->entry.name);
}

static int open_policies(struct managed_space *s, struct reason *why)
{
	for (size_t i = 0; i < s->entry.n_regions; i++) {
		struct region_entry *e = &s->entry.regions[i];
		struct region *region = &s->pager.space.regions[i];
		_cleanup_free_ char *name = NULL;
		struct iopfd_region info = {
			.size = sizeof(info),
			.access = region->access,
			.iova = region->iova,
			.length = region->length,
			.granule = region_granule(region),
		};
		int r;

		if (asprintf(&name, "%s/%s", s->entry.name, e->name) < 0)
			return reason_set(why, ENOMEM, "out of memory");
		info.name = name;
		r = policy_open(policy_find(e->policy_name), &info, &e->policy);
		if (r < 0)
			return reason_set(why, -r, "region %s: policy %s cannot provide %" PRIu64 " bytes: %s%s", name,
					  e->policy_name, e->length, strerror(-r), error_hint(-r));
		region->policy = e->policy;
	}
	return 0;
}

static int open_ioas(struct managed_space *s, const struct device_ops *ops, struct reason *why)
{
	_cleanup_free_ struct iova_range *ranges = calloc(s->entry.n_regions + 1, sizeof(*ranges));
	struct iommufd *iommufd = NULL;
	int r = 0;

	if (!ranges)
		return reason_set(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->entry.n_regions; i++)
		ranges[i] = (struct iova_range){ s->entry.regions[i].iova, s->entry.regions[i].length };
	if (ops->uses_iommufd)
		r = manager_get_iommufd(s->manager, &iommufd, why);
	return r < 0 ? r : ops->ioas_open(iommufd, ranges, s->entry.n_regions, &s->ioas, why);
}

static int run_start(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, call);

	s->start_error = pager_start(&s->pager, shard_loop(c->shard), TAKE_PTR(s->ioas));
	return s->start_error;
}

static void done_start(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, call);

	if (c->result < 0)
		log_error_errno(c->result, "space %s cannot be served", s->entry.name);
	manager_settled(s->manager);
}

int managed_space_open(struct managed_space *s, const struct device_ops *ops, struct reason *why)
{
	int r;

	if (s->is_open)
		return 0;
	r = open_policies(s, why);
	if (r >= 0)
		r = open_ioas(s, ops, why);
	if (r < 0) {
		close_policies(s);
		return r;
	}
	s->is_open = true;
	s->manager->n_settling++;
	s->call.run = run_start;
	s->call.done = done_start;
	shard_submit(s->shard, &s->call);
	return 0;
}

static void on_drained(void *userdata)
{
	struct managed_space *s = userdata;

	shard_call_finish(&s->call, 0);
}

static int run_drain(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, call);
	int r;

	if (!s->pager.ioas)
		return 0;
	r = pager_drain(&s->pager, clock_now_ns() + DRAIN_NS, on_drained, s);
	return r < 0 ? r : SHARD_PENDING;
}

static void done_step(struct shard_call *c)
{
	manager_settled(container_of(c, struct managed_space, call)->manager);
}

void managed_space_drain(struct managed_space *s)
{
	s->call.run = run_drain;
	s->call.done = done_step;
	shard_submit(s->shard, &s->call);
}

static int run_stop(struct shard_call *c)
{
	pager_stop(&container_of(c, struct managed_space, call)->pager);
	return 0;
}

void managed_space_close(struct managed_space *s)
{
	s->is_open = false;
	s->call.run = run_stop;
	s->call.done = done_step;
	shard_submit(s->shard, &s->call);
}
