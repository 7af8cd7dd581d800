/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies what the sections say into the struct that the daemon works with. Nothing is
 * judged here, so nothing but memory can fail.
 */
#include "config/build.h"

#include <errno.h>
#include <string.h>

#include "config/settings.h"

size_t build_find_space(const struct config *c, const char *name, size_t length)
{
	for (size_t i = 0; i < c->n_spaces; i++)
		if (strlen(c->spaces[i].name) == length && memcmp(c->spaces[i].name, name, length) == 0)
			return i;
	return SIZE_MAX;
}

static size_t find_space(const struct config *c, const char *name)
{
	return build_find_space(c, name, strlen(name));
}

static int declare_space(struct config *c, const char *name, size_t length)
{
	const char *const *known = c->known_spaces;
	struct config_space *spaces;
	char *copy;

	if (build_find_space(c, name, length) != SIZE_MAX)
		return 0;
	spaces = reallocarray(c->spaces, c->n_spaces + 1, sizeof(*spaces));
	if (!spaces)
		return -ENOMEM;
	c->spaces = spaces;
	copy = strndup(name, length);
	if (!copy)
		return -ENOMEM;
	while (known && *known && strcmp(*known, copy) != 0)
		known++;
	spaces[c->n_spaces++] = (struct config_space){ .name = copy, .numa_node = -1, .is_known = known && *known };
	return 0;
}

static int declare_known(struct config *c, const char *name)
{
	for (const char *const *known = c->known_spaces; known && *known; known++)
		if (strcmp(*known, name) == 0)
			return declare_space(c, name, strlen(name));
	return 0;
}

static int declare_of_device(struct config *c, const struct section *s)
{
	const char *name = s->values.device.space;
	const struct entry *e = NULL;
	int r = 0;

	if (name)
		r = declare_known(c, name);
	else if (s->values.device.rid && section_has(s, "space"))
		r = declare_space(c, s->name, strlen(s->name));
	while (r == 0 && (e = section_next(s, "pasid", e))) {
		key_split_pasid(e->value, &name);
		r = declare_known(c, name);
	}
	return r;
}

int build_spaces(struct config *c, const struct sections *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_items; i++) {
		const struct section *section = s->items[i];

		if (section->kind == SECTION_SPACE || section->kind == SECTION_REGION)
			r = declare_space(c, section->name, section_space_length(section));
		else if (section->kind == SECTION_DEVICE)
			r = declare_of_device(c, section);
	}
	return r;
}

static int compare_regions(const void *a, const void *b)
{
	const struct config_region *x = a, *y = b;

	return x->iova < y->iova ? -1 : x->iova > y->iova;
}

static int build_region(struct config *c, const struct section *s)
{
	size_t length = section_space_length(s);
	struct config_space *space = &c->spaces[build_find_space(c, s->name, length)];
	struct config_region *regions = reallocarray(space->regions, space->n_regions + 1, sizeof(*regions)), *region;

	if (!regions)
		return -ENOMEM;
	space->regions = regions;
	region = &regions[space->n_regions++];
	*region = (struct config_region){
		.name = strdup(s->name + length + 1),
		.iova = s->values.region.iova,
		.length = s->values.region.length,
		.granule = s->values.region.granule,
		.policy = strdup(s->values.region.policy),
		.on_fault = s->values.region.on_fault,
		.access = s->values.region.access,
		.merge = s->values.region.merge,
		.fault_around = s->values.region.fault_around,
		.populate_ahead = s->values.region.populate_ahead,
		.pinned = s->values.region.pinned,
	};
	return region->name && region->policy ? settings_build(s, region) : -ENOMEM;
}

static void build_space(struct config *c, const struct section *s)
{
	struct config_space *space = &c->spaces[find_space(c, s->name)];

	space->budget = s->values.space.budget;
	space->numa_node = s->values.space.numa_node;
}

static int build_pasids(struct config *c, const struct section *s, struct config_device *device)
{
	const struct entry *e = NULL;

	if (!section_entry(s, "pasid"))
		return 0;
	device->pasids = calloc(s->n_entries, sizeof(*device->pasids));
	if (!device->pasids)
		return -ENOMEM;
	while ((e = section_next(s, "pasid", e))) {
		struct config_pasid *pasid = &device->pasids[device->n_pasids++];
		const char *space;

		pasid->pasid = key_split_pasid(e->value, &space);
		pasid->space = find_space(c, space);
	}
	return 0;
}

static int build_device(struct config *c, const struct section *s)
{
	struct config_device *devices = reallocarray(c->devices, c->n_devices + 1, sizeof(*devices)), *device;

	if (!devices)
		return -ENOMEM;
	c->devices = devices;
	device = &devices[c->n_devices++];
	*device = (struct config_device){
		.name = strdup(s->name),
		.address = strdup(s->values.device.address),
		.space = s->values.device.rid ? find_space(c, section_device_space(s)) : SIZE_MAX,
		.bus_master = s->values.device.bus_master,
		.spin_ns = s->values.device.spin_ns == SPIN_DEFAULT ? c->spin_ns : s->values.device.spin_ns,
		.uses_pasids = s->values.device.pasids || section_entry(s, "pasid"),
	};
	if (asprintf(&device->source, "%s:%u", s->origin.file, s->origin.line) < 0) {
		device->source = NULL;
		return -ENOMEM;
	}
	return device->name && device->address ? build_pasids(c, s, device) : -ENOMEM;
}

int build_rest(struct config *c, const struct sections *s)
{
	const struct section *daemon = sections_find(s, SECTION_DAEMON, "");
	int r = 0;

	c->event_loop = strdup(daemon->values.daemon.event_loop);
	c->plugin_dir = strdup(daemon->values.daemon.plugin_dir);
	if (!c->event_loop || !c->plugin_dir)
		return -ENOMEM;
	c->workers = daemon->values.daemon.workers;
	c->spin_ns = daemon->values.daemon.spin_ns;
	if (daemon->values.daemon.cpus) {
		c->cpus = strdup(daemon->values.daemon.cpus);
		if (!c->cpus)
			return -ENOMEM;
	}
	c->memory_budget = daemon->values.daemon.memory_budget;
	c->deadline_ns = daemon->values.daemon.deadline_ns;
	for (size_t i = 0; i < s->n_items && r == 0; i++) {
		if (s->items[i]->kind == SECTION_SPACE)
			build_space(c, s->items[i]);
		else if (s->items[i]->kind == SECTION_REGION)
			r = build_region(c, s->items[i]);
		else if (s->items[i]->kind == SECTION_DEVICE)
			r = build_device(c, s->items[i]);
	}
	for (size_t i = 0; i < c->n_spaces && r == 0; i++)
		if (c->spaces[i].n_regions)
			qsort(c->spaces[i].regions, c->spaces[i].n_regions, sizeof(struct config_region),
			      compare_regions);
	return r;
}
