/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spaces that have less, or other things, than they were opened with: what they may map is
 * changed, and given back, while they are served; all else by putting another space in the
 * place of one that was closed.
 */
#include "managed-change.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "config/diff.h"

/* What a space gives back in one go, at most. */
#define SHRINK_BYTES (4ull << 20)

static void apply(struct managed_space *s)
{
	s->pager.setup.deadline_ns = s->manager->deadline_ns;
	s->pager.setup.limit = s->limit;
	s->pager.share.limit = s->limit;
}

/* The control thread changes neither of the two while this is under way. */
static int run_tune(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, call);

	apply(s);
	pager_schedule(&s->pager);
	return 0;
}

static void done_tune(struct shard_call *c)
{
	struct manager *m = container_of(c, struct managed_space, call)->manager;

	managed_space_relieve(m);
	manager_settled(m);
}

void managed_space_tune(struct managed_space *s, int64_t limit)
{
	if (limit == s->limit && s->pager.setup.deadline_ns == s->manager->deadline_ns)
		return;
	/* The bus calls it constant: who remembers it has to forget it. */
	if (limit != s->limit) {
		service_space_removed(s->manager->service, &s->entry);
		s->entry.budget = limit == BUDGET_NONE ? 0 : (uint64_t)limit;
		service_space_added(s->manager->service, &s->entry);
	}
	s->limit = limit;
	if (!s->is_open) {
		apply(s);
		return;
	}
	manager_begin(s->manager);
	s->call.run = run_tune;
	s->call.done = done_tune;
	managed_space_submit(s, &s->call);
}

void managed_space_relieve(struct manager *m)
{
	struct managed_space *largest = NULL;
	struct space_entry *e;

	if (m->stop_asked)
		return;
	TAILQ_FOREACH(e, &m->directory.spaces, link) {
		struct managed_space *s = managed_space(e);

		if (!largest || space_entry_mapped_bytes(e) > space_entry_mapped_bytes(&largest->entry))
			largest = s;
		if (space_entry_mapped_bytes(e) > (uint64_t)s->limit)
			managed_space_shrink(s);
	}
	if (largest && budget_is_over(&m->budget))
		managed_space_shrink(largest);
}

static int run_shrink(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, shrink_call);

	pager_shrink(&s->pager, s->shrink_bytes);
	return 0;
}

static void done_shrink(struct shard_call *c)
{
	struct managed_space *s = container_of(c, struct managed_space, shrink_call);

	s->shrinking = false;
	if (space_entry_mapped_bytes(&s->entry) < s->mapped_before)
		managed_space_relieve(s->manager);
}

void managed_space_shrink(struct managed_space *s)
{
	uint64_t mapped = space_entry_mapped_bytes(&s->entry);

	if (s->shrinking || !s->is_open)
		return;
	s->shrinking = true;
	s->mapped_before = mapped;
	s->shrink_bytes = MIN(SHRINK_BYTES, MAX(mapped / 16, 1ull << 16));
	s->shrink_call.run = run_shrink;
	s->shrink_call.done = done_shrink;
	managed_space_submit(s, &s->shrink_call);
}

static void take_memory(struct managed_space *s, struct managed_space *old, const char *region)
{
	for (size_t i = 0; i < s->entry.n_regions; i++)
		for (size_t j = 0; j < old->entry.n_regions; j++)
			if (!strcmp(s->entry.regions[i].name, region) && !strcmp(old->entry.regions[j].name, region)) {
				s->entry.regions[i].policy = TAKE_PTR(old->entry.regions[j].policy);
				s->pager.space.regions[i].policy = s->entry.regions[i].policy;
			}
}

static void take_users(struct managed_space *s, struct managed_space *old)
{
	struct device_entry *d;
	struct attachment_entry *a;

	TAILQ_FOREACH(d, &s->manager->directory.devices, link)
		TAILQ_FOREACH(a, &d->attachments, link)
			if (a->space == &old->entry)
				managed_attachment_move(managed_attachment(a), s);
}

void managed_space_succeed(struct managed_space *s, struct managed_space *old, const struct config_space *config,
			   const struct config_space *old_config)
{
	assert(!s->is_open && !old->is_open);
	for (size_t i = 0; i < config->n_regions; i++)
		if (config_keeps_memory(old_config, config, config->regions[i].name))
			take_memory(s, old, config->regions[i].name);
	take_users(s, old);
	directory_succeed_space(&s->entry, &old->entry);
}
