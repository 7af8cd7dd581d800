/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/directory.h"

#include <string.h>
#include <strings.h>

#include "base/util.h"

void directory_init(struct directory *d)
{
	*d = (struct directory){ .state = MANAGER_STARTING, .backend = "" };
	TAILQ_INIT(&d->devices);
	TAILQ_INIT(&d->spaces);
}

const char *device_state_to_string(enum device_state state)
{
	static const char *const names[DEVICE_STATE_MAX] = {
		[DEVICE_ABSENT] = "absent",
		[DEVICE_UNBOUND] = "unbound",
		[DEVICE_ATTACHING] = "attaching",
		[DEVICE_ACTIVE] = "active",
		[DEVICE_PAUSED] = "paused",
		[DEVICE_DRAINING] = "draining",
		[DEVICE_DETACHED] = "detached",
		[DEVICE_FAILED] = "failed",
	};

	return state < DEVICE_STATE_MAX ? names[state] : "unknown";
}

const char *manager_state_to_string(enum manager_state state)
{
	static const char *const names[MANAGER_STATE_MAX] = {
		[MANAGER_STARTING] = "starting",
		[MANAGER_RUNNING] = "running",
		[MANAGER_DEGRADED] = "degraded",
		[MANAGER_RELOADING] = "reloading",
		[MANAGER_STOPPING] = "stopping",
	};

	return state < MANAGER_STATE_MAX ? names[state] : "unknown";
}

struct device_entry *directory_device(const struct directory *d, const char *name)
{
	struct device_entry *e;

	TAILQ_FOREACH(e, &d->devices, link)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

/* The same text in any case, but for slashes at the end. */
static bool is_same(const char *a, const char *b)
{
	size_t n = path_length(a);

	return n == path_length(b) && !strncasecmp(a, b, n);
}

/* A path, or what follows its last slash. Empty is the path of nothing. */
static bool path_is(const char *path, const char *address)
{
	const char *slash = strrchr(path, '/');

	return *path && (is_same(path, address) || (slash && is_same(slash + 1, address)));
}

/* A device that was found once knows its node and its place in sysfs; the last part of the
 * one is vfioN, of the other the BDF. */
static bool device_has_address(const struct device_entry *e, const char *address)
{
	if (e->address && is_same(e->address, address))
		return true;
	return e->device && (path_is(e->device->sysfs_path, address) || path_is(e->device->vfio_device, address));
}

struct device_entry *directory_device_at(const struct directory *d, const char *address)
{
	struct device_entry *e, *found = NULL;

	TAILQ_FOREACH(e, &d->devices, link) {
		if (!device_has_address(e, address))
			continue;
		/* Any number of devices may be called "sim". */
		if (found)
			return NULL;
		found = e;
	}
	return found;
}

struct device_entry *directory_find_device(const struct directory *d, const char *name)
{
	struct device_entry *found = directory_device(d, name);

	return found ? found : directory_device_at(d, name);
}

struct space_entry *directory_find_space(const struct directory *d, const char *name)
{
	struct space_entry *e;

	TAILQ_FOREACH(e, &d->spaces, link)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static void add_stats(struct stats_values *sum, const struct stats *s)
{
	struct stats_values values;

	stats_read(s, &values);
	stats_merge(sum, &values);
}

/* Of one space, or of all (NULL). */
static void add_attachments(struct stats_values *sum, const struct device_entry *e, const struct space_entry *space)
{
	const struct attachment_entry *a;

	TAILQ_FOREACH(a, &e->attachments, link)
		if (!space || a->space == space)
			add_stats(sum, a->stats);
}

void directory_retire_attachment(struct attachment_entry *a)
{
	add_stats(&a->device->past, a->stats);
	add_stats(&a->space->past, a->stats);
	TAILQ_REMOVE(&a->device->attachments, a, link);
}

void directory_retire_device(struct directory *d, struct device_entry *e)
{
	stats_merge(&d->past, &e->past);
	TAILQ_REMOVE(&d->devices, e, link);
}

void directory_retire_space(struct directory *d, struct space_entry *e)
{
	add_stats(&d->past, e->stats);
	TAILQ_REMOVE(&d->spaces, e, link);
}

void directory_succeed_space(struct space_entry *e, const struct space_entry *old)
{
	e->past = old->past;
	add_stats(&e->past, old->stats);
}

void directory_device_stats(const struct device_entry *e, struct stats_values *ret)
{
	*ret = e->past;
	add_attachments(ret, e, NULL);
}

void directory_space_stats(const struct directory *d, const struct space_entry *e, struct stats_values *ret)
{
	const struct device_entry *device;

	*ret = e->past;
	add_stats(ret, e->stats);
	TAILQ_FOREACH(device, &d->devices, link)
		add_attachments(ret, device, e);
}

void directory_total_stats(const struct directory *d, struct stats_values *ret)
{
	const struct device_entry *device;
	const struct space_entry *space;

	*ret = d->past;
	TAILQ_FOREACH(device, &d->devices, link) {
		stats_merge(ret, &device->past);
		add_attachments(ret, device, NULL);
	}
	TAILQ_FOREACH(space, &d->spaces, link)
		add_stats(ret, space->stats);
	for (size_t i = 0; i < d->n_orphans; i++)
		add_stats(ret, d->orphans[i]);
}

uint64_t space_entry_mapped_bytes(const struct space_entry *e)
{
	return atomic_load_explicit(e->mapped_bytes, memory_order_relaxed);
}

uint64_t space_entry_extents_mapped(const struct space_entry *e)
{
	return atomic_load_explicit(e->extents_mapped, memory_order_relaxed);
}
