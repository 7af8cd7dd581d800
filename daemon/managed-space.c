/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a space: closed, open (from its first device on), drained, closed. The
 * control thread makes policies and the ioas; from then on the shard owns the ioas.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fault/job.h"
#include "managed-change.h"
#include "memory.h"

/* On its shard at once: start, stop, a shrink, a cry for one, and word of refused faults. */
#define CALLS_PER_SPACE 5

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
	manager_reserve_calls(s->manager, -CALLS_PER_SPACE);
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
		manager_reserve_calls(m, -CALLS_PER_SPACE);
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

static int open_policy(struct managed_space *s, size_t i, struct reason *why)
{
	struct region_entry *e = &s->entry.regions[i];
	struct region *region = &s->pager.space.regions[i];
	_cleanup_free_ char *name = NULL;
	const struct iopfd_policy *ops;
	struct iopfd_region info = {
		.size = sizeof(info),
		.access = region->access,
		.iova = region->iova,
		.length = region->length,
		.granule = region_bytes(region, 1),
		.numa_node = s->numa_node,
	};
	char text[512] = "";
	size_t n = 0;
	int r;

	if (e->policy)
		return 0;
	if (asprintf(&name, "%s/%s", s->entry.name, e->name) < 0)
		return reason_set(why, ENOMEM, "out of memory");
	info.name = name;
	r = policy_find(e->policy_name, s->manager->plugin_dir, &ops, text, sizeof(text));
	if (r < 0)
		return reason_set(why, -r, "region %s: policy %s: %s", name, e->policy_name, text);
	while (s->settings[i][n].key)
		n++;
	r = policy_open(ops, &info, s->settings[i], n, &e->policy, text, sizeof(text));
	if (r < 0)
		return reason_set(why, -r, "region %s: policy %s: %s%s", name, e->policy_name, *text ? text : strerror(-r),
				  error_hint(-r));
	region->policy = e->policy;
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
	struct managed_space *s = container_of(c, struct managed_space, start_call);

	return pager_start(&s->pager, shard_loop(c->shard), shard_inbox(c->shard), TAKE_PTR(s->ioas), &s->start_error);
}

static void done_start(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, start_call);

	/* The next open tries again. */
	if (c->result < 0) {
		log_with(LOG_ERR, 0, &(struct log_fields){ .space = s->entry.name }, "%s", s->start_error.text);
		s->is_open = false;
	}
	manager_settled(s->manager);
}

static int pick_shard(struct managed_space *s, struct reason *why)
{
	/* From a start that failed there may be calls under way, where it was. */
	bool stays = s->shard && (s->n_active || s->shrinking);
	int r = stays ? 0 : shards_pick(s->manager, s, &s->shard);

	if (r < 0)
		return reason_set(why, -r, "no thread to serve space %s: %s%s", s->entry.name, strerror(-r), error_hint(-r));
	s->pager.setup.orphans = shard_orphans(s->shard);
	s->pager.setup.traces = shard_traces(s->shard);
	return 0;
}

/* Policies stay open when something fails: a second try goes on from there. */
int managed_space_open(struct managed_space *s, const struct device_ops *ops, struct reason *why)
{
	int r = 0;

	if (s->is_open && (s->ops == ops || (s->ops->uses_iommufd && ops->uses_iommufd))) {
		if (!s->n_active)
			managed_space_rebalance(s);
		return 0;
	}
	if (s->is_open)
		return reason_set(why, EINVAL, "space %s is used by devices of kind %s, which cannot share it",
				  s->entry.name, s->ops->name);
	if (s->is_closing)
		return reason_set(why, EBUSY, "space %s is being closed, try again", s->entry.name);
	for (size_t i = 0; r >= 0 && i < s->entry.n_regions; i++)
		r = open_policy(s, i, why);
	if (r >= 0)
		r = pick_shard(s, why);
	if (r >= 0)
		r = open_ioas(s, ops, why);
	if (r < 0)
		return r;
	s->is_open = true;
	s->ops = ops;
	manager_begin(s->manager);
	s->start_call.run = run_start;
	s->start_call.done = done_start;
	managed_space_submit(s, &s->start_call);
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
	r = pager_drain(&s->pager, clock_now_ns() + s->drain_ns, on_drained, s);
	return r < 0 ? r : SHARD_PENDING;
}

static void done_drain(struct shard_call *c)
{
	manager_settled(container_of(c, struct managed_space, call)->manager);
}

void managed_space_drain(struct managed_space *s, uint64_t limit_ns)
{
	manager_begin(s->manager);
	s->drain_ns = limit_ns;
	s->call.run = run_drain;
	s->call.done = done_drain;
	managed_space_submit(s, &s->call);
}

static void on_stopped(void *userdata, int result)
{
	struct managed_space *s = userdata;

	if (result < 0)
		log_with(LOG_ERR, result, &(struct log_fields){ .space = s->entry.name },
			 "space %s: not everything could be written back", s->entry.name);
	shard_call_finish(&s->call, result);
}

static int run_stop(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, call);

	pager_stop(&s->pager, on_stopped, s);
	return SHARD_PENDING;
}

static int run_nothing(struct shard_call *c)
{
	(void)c;
	return 0;
}

static void done_close(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, call);
	struct manager *m = s->manager;

	s->is_closing = false;
	if (s->closed)
		s->closed(s);
	manager_settled(m);
}

/* The shard may still be in the round in which the pager stopped, and look at it once more: a
 * call that comes after that round says when the space may be freed. */
static void done_stop(struct shard_call *c)
{
	c->run = run_nothing;
	c->done = done_close;
	shard_submit(c->shard, c);
}

void managed_space_close(struct managed_space *s, void (*closed)(struct managed_space *s))
{
	manager_begin(s->manager);
	s->is_open = false;
	s->is_closing = true;
	s->closed = closed;
	s->call.run = run_stop;
	s->call.done = done_stop;
	managed_space_submit(s, &s->call);
}
