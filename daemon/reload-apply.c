/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stages of a reload that nothing can be said against any more: spaces that lose all
 * their devices are drained; devices that go or change, or whose space changes, are stopped;
 * spaces that go or change are closed; then the new takes the place of the old, which cannot
 * fail, and devices are started. What happens to a device there is its own trouble, not the
 * reload's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/diff.h"
#include "managed-attach.h"
#include "managed-change.h"
#include "reload.h"

/* A device that was just answered goes on asking, so this may well end by the clock. */
#define DRAIN_NS NSEC_PER_SEC

bool reload_keeps_device(const struct reload *r, const struct managed_device *d)
{
	size_t i = managed_device_is_transient(d) ? SIZE_MAX : config_find_device(r->config, d->entry.name);

	return managed_device_is_transient(d) || (i != SIZE_MAX && r->diff.devices[i] == CONFIG_SAME);
}

static bool keeps_space(const struct reload *r, const struct managed_space *s)
{
	size_t i = s->transient ? SIZE_MAX : config_find_space(r->config, s->entry.name);

	return s->transient || (i != SIZE_MAX && r->diff.spaces[i] != CONFIG_CHANGED);
}

bool reload_stops(const struct reload *r, const struct managed_device *d)
{
	const struct attachment_entry *a;

	TAILQ_FOREACH(a, &d->entry.attachments, link)
		if (!keeps_space(r, managed_attachment((struct attachment_entry *)a)->space))
			return true;
	return !reload_keeps_device(r, d);
}

bool reload_retries(const struct managed_device *d)
{
	return d->entry.state == DEVICE_ABSENT || d->entry.state == DEVICE_UNBOUND || d->entry.state == DEVICE_FAILED;
}

static void ignore(struct managed_device *d)
{
	(void)d;
}

/* Those that are new or were stopped for the reload, and those that have failed before. */
static void start_devices(struct manager *m)
{
	struct reload *r = m->reload;
	struct device_entry *e;

	TAILQ_FOREACH(e, &m->directory.devices, link) {
		struct managed_device *d = managed_device(e);
		bool start = d->restart || !reload_keeps_device(r, d) || (reload_retries(d) && !managed_device_is_transient(d));

		d->restart = false;
		if (start && !d->ended)
			managed_device_start(d, ignore);
	}
}

static void update_device(struct manager *m, struct managed_device *d, const struct config_device *c)
{
	char *copy = strcmp(d->entry.source, c->source) ? strdup(c->source) : NULL;

	d->spin_ns = c->spin_ns;
	if (!copy)
		return;
	free(d->entry.source);
	d->entry.source = copy;
	service_device_changed(m->service, &d->entry);
}

static bool same_budget(const struct config_budget *a, const struct config_budget *b)
{
	return a->value == b->value && a->is_percent == b->is_percent;
}

/* What takes effect where it is. */
static void tune(struct manager *m, struct reload *r)
{
	const struct config *c = r->config;
	struct space_entry *e;

	m->deadline_ns = c->deadline_ns;
	if (!same_budget(&m->config->memory_budget, &c->memory_budget))
		budget_resize(&m->budget, budget_bytes(&c->memory_budget), (unsigned)c->n_spaces);
	TAILQ_FOREACH(e, &m->directory.spaces, link) {
		struct managed_space *s = managed_space(e);
		size_t i = s->transient ? SIZE_MAX : config_find_space(c, e->name);
		bool retuned = i != SIZE_MAX && r->diff.spaces[i] == CONFIG_RETUNED;

		if (!s->is_closing)
			managed_space_tune(s, retuned ? budget_bytes(&c->spaces[i].budget) : s->limit);
	}
	managed_space_relieve(m);
}

static void drop_devices(struct manager *m, const struct reload *r)
{
	struct device_entry *e, *next;

	for (e = TAILQ_FIRST(&m->directory.devices); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!reload_keeps_device(r, managed_device(e)))
			managed_device_free(managed_device(e));
	}
}

static void drop_spaces(struct manager *m, const struct reload *r)
{
	struct space_entry *e, *next;

	for (e = TAILQ_FIRST(&m->directory.spaces); e; e = next) {
		struct managed_space *s = managed_space(e);
		size_t i;

		next = TAILQ_NEXT(e, link);
		if (keeps_space(r, s))
			continue;
		i = config_find_space(r->config, e->name);
		if (i != SIZE_MAX)
			managed_space_succeed(r->set.spaces[i], s, &r->config->spaces[i],
					      &m->config->spaces[config_find_space(m->config, e->name)]);
		managed_space_free(s);
	}
}

/* From the old to the new; nothing of it can fail. */
static void commit(struct manager *m)
{
	struct reload *r = m->reload;

	manager_begin(m);
	m->next = reload_end;
	drop_devices(m, r);
	managed_attach_tidy(m);
	drop_spaces(m, r);
	for (size_t i = 0; i < r->config->n_devices; i++)
		if (r->set.devices[i]->is_listed)
			update_device(m, r->set.devices[i], &r->config->devices[i]);
	managed_set_list(&r->set);
	tune(m, r);
	start_devices(m);
	reload_applied(m, r->config);
	r->config = NULL;
	manager_settled(m);
}

static void close_spaces(struct manager *m)
{
	struct space_entry *e;

	manager_begin(m);
	m->next = commit;
	TAILQ_FOREACH(e, &m->directory.spaces, link)
		if (managed_space_is_in_use(managed_space(e)) && !keeps_space(m->reload, managed_space(e)))
			managed_space_close(managed_space(e), NULL);
	manager_settled(m);
}

static void stop_devices(struct manager *m)
{
	struct device_entry *e;

	manager_begin(m);
	m->next = close_spaces;
	TAILQ_FOREACH(e, &m->directory.devices, link) {
		struct managed_device *d = managed_device(e);

		if (!reload_stops(m->reload, d) || d->ended)
			continue;
		d->restart = managed_device_is_attached(d);
		managed_device_stop(d, ignore);
	}
	manager_settled(m);
}

/* All that is attached to it will be stopped, and something is. */
static bool loses_devices(const struct manager *m, const struct managed_space *s)
{
	struct attachment_entry *a;
	struct device_entry *d;
	size_t n = 0;

	TAILQ_FOREACH(d, &m->directory.devices, link)
		TAILQ_FOREACH(a, &d->attachments, link) {
			if (a->space != &s->entry || !a->attached)
				continue;
			if (!reload_stops(m->reload, managed_device(d)))
				return false;
			n++;
		}
	return n;
}

void reload_apply(struct manager *m)
{
	struct space_entry *e;

	manager_begin(m);
	m->next = stop_devices;
	TAILQ_FOREACH(e, &m->directory.spaces, link)
		if (managed_space(e)->is_open && loses_devices(m, managed_space(e)))
			managed_space_drain(managed_space(e), DRAIN_NS);
	manager_settled(m);
}
