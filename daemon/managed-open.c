/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a space: closed, open (from its first device on), drained, closed. The
 * control thread makes policies and the ioas; from then on the shard owns the ioas.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "managed.h"

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

	s->starting = false;
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
	bool stays = s->shard && (s->n_active || s->shrinking || s->n_commands);
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
	s->is_open = s->starting = true;
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
