/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A space, from its section of the configuration on; and what its shard tells the control
 * thread of it while it is served.
 */
#include "managed-space.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "managed-change.h"
#include "memory.h"

static const char *const on_fault_names[] = {
	[REGION_DEMAND] = "demand",
	[REGION_PREFAULT] = "prefault",
	[REGION_DENY] = "deny",
};

static const char *access_name(uint32_t access)
{
	return access == ACCESS_READ ? "r" : access == ACCESS_WRITE ? "w" : "rw";
}

int64_t budget_bytes(const struct config_budget *b)
{
	uint64_t bytes = b->is_percent ? memory_available() / 100 * b->value : b->value;

	return b->value ? (int64_t)MIN(bytes, (uint64_t)BUDGET_NONE) : BUDGET_NONE;
}

static struct policy_setting *copy_settings(const struct config_region *config)
{
	struct policy_setting *settings = calloc(config->n_settings + 1, sizeof(*settings));

	for (size_t i = 0; settings && i < config->n_settings; i++)
		settings[i] = (struct policy_setting){ strdup(config->settings[i].key), strdup(config->settings[i].value) };
	return settings;
}

static void free_settings(struct policy_setting *settings)
{
	for (size_t i = 0; settings && settings[i].key; i++) {
		free((char *)settings[i].key);
		free((char *)settings[i].value);
	}
	free(settings);
}

static unsigned in_granules(uint64_t bytes, uint64_t granule)
{
	return bytes > granule ? (unsigned)(bytes / granule) : 1;
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
		.pinned = config->pinned,
		.merge = in_granules(config->merge, config->granule),
		.around = in_granules(config->fault_around, config->granule),
		.populate = (unsigned)(config->populate_ahead / config->granule),
		.write_back_ns = config->write_back_ns,
	};
	size_t i = s->pager.space.n_regions;
	int r = space_add_region(&s->pager.space, &region);
	struct region_entry *e = &s->entry.regions[i];

	if (r < 0)
		return r;
	s->entry.n_regions++;
	e->name = s->pager.space.regions[i].name;
	e->iova = region.iova;
	e->length = region.length;
	e->granule = config->granule;
	e->policy_name = strdup(config->policy);
	e->on_fault = on_fault_names[region.mode];
	e->access = access_name(region.access);
	s->settings[i] = copy_settings(config);
	return e->policy_name && s->settings[i] ? 0 : -ENOMEM;
}

/* On the control thread, which the shard asked to come. */
static void on_starving_told(void *userdata)
{
	struct managed_space *s = userdata;
	struct manager *m = s->manager;
	struct space_entry *e, *largest = NULL;

	TAILQ_FOREACH(e, &m->directory.spaces, link)
		if (e != &s->entry && (!largest || space_entry_mapped_bytes(e) > space_entry_mapped_bytes(largest)))
			largest = e;
	atomic_store(&s->starving, false);
	if (largest && !m->stop_asked)
		managed_space_shrink(managed_space(largest));
}

static void on_starving(void *userdata)
{
	struct managed_space *s = userdata;

	if (!atomic_exchange(&s->starving, true))
		shard_notify(s->shard, on_starving_told, s);
}

static void on_refusing_told(void *userdata)
{
	managed_storm_watch(((struct managed_space *)userdata)->manager);
}

static void on_refused(void *userdata)
{
	struct managed_space *s = userdata;

	if (!atomic_load_explicit(&s->refusing, memory_order_relaxed) && !atomic_exchange(&s->refusing, true))
		shard_notify(s->shard, on_refusing_told, s);
}

static int init(struct managed_space *s, const struct config_space *c)
{
	struct manager *m = s->manager;
	struct pager_setup setup;
	int r;

	s->entry.name = strdup(c->name);
	setup = (struct pager_setup){
		.name = s->entry.name,
		.n_regions = c->n_regions,
		.budget = &m->budget,
		.limit = budget_bytes(&c->budget),
		.deadline_ns = m->deadline_ns,
		.workers = m->workers,
		.may_populate = m->may_spin,
		.on_starving = on_starving,
		.on_refused = on_refused,
		.userdata = s,
	};
	s->numa_node = c->numa_node;
	s->limit = setup.limit;
	s->entry.regions = calloc(c->n_regions + 1, sizeof(*s->entry.regions));
	s->entry.stats = setup.stats = stats_page_take(m->page, STATS_SPACE, NULL, c->name, PASID_NONE);
	s->settings = calloc(c->n_regions + 1, sizeof(struct policy_setting *));
	if (!s->entry.name || !s->entry.regions || !s->settings)
		return -ENOMEM;
	if (!s->entry.stats)
		return -ENOSPC;
	r = pager_init(&s->pager, &setup);
	for (size_t i = 0; r >= 0 && i < c->n_regions; i++)
		r = add_region(s, &c->regions[i]);
	s->entry.budget = setup.limit == BUDGET_NONE ? 0 : (uint64_t)setup.limit;
	s->entry.mapped_bytes = &s->pager.space.mapped_bytes;
	s->entry.extents_mapped = &s->pager.space.extents_mapped;
	return r;
}

static void close_policies(struct managed_space *s)
{
	for (size_t i = 0; i < s->entry.n_regions; i++)
		s->entry.regions[i].policy = policy_close(s->entry.regions[i].policy);
}

static void release(struct managed_space *s)
{
	close_policies(s);
	for (size_t i = 0; i < s->entry.n_regions; i++) {
		free((char *)s->entry.regions[i].policy_name);
		free_settings(s->settings[i]);
	}
	if (s->pager.space.name)
		pager_deinit(&s->pager);
	stats_page_give(s->entry.stats);
	manager_reserve_calls(s->manager, -(long)CALLS_PER_SPACE);
	free(s->settings);
	free(s->entry.regions);
	free(s->entry.name);
	free(s);
}

int managed_space_new(struct manager *m, const struct config *config, size_t index, struct managed_space **ret)
{
	struct managed_space *s;
	int r = manager_reserve_calls(m, CALLS_PER_SPACE);

	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s) {
		manager_reserve_calls(m, -(long)CALLS_PER_SPACE);
		return -ENOMEM;
	}
	s->manager = m;
	STAILQ_INIT(&s->held);
	r = init(s, &config->spaces[index]);
	if (r < 0) {
		release(s);
		return r;
	}
	*ret = s;
	return 0;
}

void managed_space_list(struct managed_space *s)
{
	s->is_listed = true;
	TAILQ_INSERT_TAIL(&s->manager->directory.spaces, &s->entry, link);
	service_space_added(s->manager->service, &s->entry);
}

struct managed_space *managed_space_free(struct managed_space *s)
{
	assert(!managed_space_is_in_use(s) && !s->n_users);
	if (s->is_listed) {
		service_space_removed(s->manager->service, &s->entry);
		directory_retire_space(&s->manager->directory, &s->entry);
	}
	release(s);
	return NULL;
}
