/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/diff.h"

#include <errno.h>
#include <string.h>

#include "config/build.h"
#include "config/normal.h"

struct comparison {
	const struct config *old;
	const struct config *new;
	const struct config_hooks *hooks;
	struct config_diff *diff;
	FILE *out;
};

size_t config_find_space(const struct config *c, const char *name)
{
	return build_find_space(c, name, strlen(name));
}

size_t config_find_device(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_devices; i++)
		if (strcmp(c->devices[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

static const struct config_region *find_region(const struct config_space *s, const char *name)
{
	for (size_t i = 0; i < s->n_regions; i++)
		if (strcmp(s->regions[i].name, name) == 0)
			return &s->regions[i];
	return NULL;
}

/* The order of keys means nothing to a policy. */
static bool same_settings(const struct config_region *a, const struct config_region *b)
{
	size_t n_same = 0;

	for (size_t i = 0; i < a->n_settings; i++)
		for (size_t j = 0; j < b->n_settings; j++)
			n_same += strcmp(a->settings[i].key, b->settings[j].key) == 0 &&
				  strcmp(a->settings[i].value, b->settings[j].value) == 0;
	return n_same == a->n_settings && n_same == b->n_settings;
}

bool config_keeps_memory(const struct config_space *old, const struct config_space *new, const char *region)
{
	const struct config_region *a = find_region(old, region), *b = find_region(new, region);

	return a && b && old->numa_node == new->numa_node && a->iova == b->iova && a->length == b->length &&
	       a->granule == b->granule && a->access == b->access && strcmp(a->policy, b->policy) == 0 &&
	       same_settings(a, b);
}

static void tell_line(FILE *out, const char *title, const struct normal_line *old, const struct normal_line *new)
{
	static const char *const notes[] = {
		[KEY_NOW] = "",
		[KEY_AT_ATTACH] = " (for devices that are attached later)",
		[KEY_AT_START] = " (needs a restart)",
	};
	const struct normal_line *line = new ? new : old;

	if (old && new)
		fprintf(out, "%s: %s: %s -> %s%s\n", title, line->key, old->value, new->value, notes[line->applies]);
	else
		fprintf(out, "%s: %s: %s %s\n", title, line->key, line->value, new ? "added" : "removed");
}

/* Both are in order. at_start: only keys that need a restart are told; else only the others. */
static void tell_lines(FILE *out, const char *title, const struct normal *old, const struct normal *new, bool at_start)
{
	size_t i = 0, j = 0;

	while (i < old->n_lines || j < new->n_lines) {
		const struct normal_line *a = i < old->n_lines ? &old->lines[i] : NULL;
		const struct normal_line *b = j < new->n_lines ? &new->lines[j] : NULL;
		int order = !a ? 1 : !b ? -1 : normal_compare(a, b);

		if (a && b && order && !a->repeatable && strcmp(a->key, b->key) == 0)
			order = 0;
		a = order <= 0 ? a : NULL;
		b = order >= 0 ? b : NULL;
		i += a != NULL;
		j += b != NULL;
		if (((a ? a : b)->applies == KEY_AT_START) == at_start && !(a && b && strcmp(a->value, b->value) == 0))
			tell_line(out, title, a, b);
	}
}

/* Tells how two sections differ. 1: they do; 0: they do not; -ENOMEM. at_start: see above. */
static int compare(const struct comparison *c, const struct config *old, enum section_kind kind, const char *name,
		   bool at_start)
{
	_cleanup_(normal_deinit) struct normal a = { 0 }, b = { 0 };
	char title[128];
	int r = normal_init(&a, old, kind, name);

	if (r == 0)
		r = normal_init(&b, c->new, kind, name);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "%s%s%s", section_kinds[kind].word, *name ? " " : "", name);
	tell_lines(c->out, title, &a, &b, at_start);
	return !normal_equal(&a, &b);
}

static const char *region_name(char text[static 128], const struct config_space *s, const struct config_region *r)
{
	snprintf(text, 128, "%s/%s", s->name, r->name);
	return text;
}

/* 1: some region differs. */
static int compare_regions(const struct comparison *c, const struct config_space *old, const struct config_space *new)
{
	bool differ = false;
	char name[128];

	for (size_t i = 0; i < old->n_regions; i++)
		if (!find_region(new, old->regions[i].name)) {
			fprintf(c->out, "region %s: removed\n", region_name(name, old, &old->regions[i]));
			differ = true;
		}
	for (size_t i = 0; i < new->n_regions; i++) {
		int r = 1;

		region_name(name, new, &new->regions[i]);
		if (find_region(old, new->regions[i].name))
			r = compare(c, c->old, SECTION_REGION, name, false);
		else
			fprintf(c->out, "region %s: added\n", name);
		if (r < 0)
			return r;
		differ |= r;
	}
	return differ;
}

/* Of its first device; NULL: it has none. */
static const char *kind_of_space(const struct comparison *c, const struct config *config, size_t space)
{
	for (size_t i = 0; i < config->n_devices; i++) {
		const struct config_device *d = &config->devices[i];
		bool uses = d->space == space;

		for (size_t j = 0; j < d->n_pasids; j++)
			uses |= d->pasids[j].space == space;
		if (uses)
			return c->hooks->address_kind(d->address);
	}
	return NULL;
}

static bool kind_differs(const struct comparison *c, size_t old, size_t new)
{
	const char *a = kind_of_space(c, c->old, old), *b = kind_of_space(c, c->new, new);

	return a && b && strcmp(a, b) != 0;
}

static int compare_space(const struct comparison *c, size_t index)
{
	const struct config_space *new = &c->new->spaces[index], *old;
	size_t i = config_find_space(c->old, new->name);
	int r, regions;

	if (i == SIZE_MAX) {
		c->diff->spaces[index] = CONFIG_ADDED;
		fprintf(c->out, "space %s: added\n", new->name);
		return 0;
	}
	old = &c->old->spaces[i];
	r = compare(c, c->old, SECTION_SPACE, new->name, false);
	regions = r < 0 ? r : compare_regions(c, old, new);
	if (regions < 0)
		return regions;
	if (regions || (r && old->numa_node != new->numa_node) || kind_differs(c, i, index))
		c->diff->spaces[index] = CONFIG_CHANGED;
	else if (r)
		c->diff->spaces[index] = CONFIG_RETUNED;
	for (size_t j = 0; c->diff->spaces[index] == CONFIG_CHANGED && j < new->n_regions; j++)
		if (find_region(old, new->regions[j].name) && !config_keeps_memory(old, new, new->regions[j].name))
			fprintf(c->out, "region %s/%s: gets new memory\n", new->name, new->regions[j].name);
	return 0;
}

/* The first of its spaces that is made anew, or NULL. */
static const char *changing_space(const struct comparison *c, const struct config_device *d)
{
	if (d->space != SIZE_MAX && c->diff->spaces[d->space] == CONFIG_CHANGED)
		return c->new->spaces[d->space].name;
	for (size_t i = 0; i < d->n_pasids; i++)
		if (c->diff->spaces[d->pasids[i].space] == CONFIG_CHANGED)
			return c->new->spaces[d->pasids[i].space].name;
	return NULL;
}

static int compare_device(const struct comparison *c, size_t index)
{
	const struct config_device *new = &c->new->devices[index];
	const char *space = changing_space(c, new);
	int r;

	if (config_find_device(c->old, new->name) == SIZE_MAX) {
		c->diff->devices[index] = CONFIG_ADDED;
		fprintf(c->out, "device %s: added\n", new->name);
		return 0;
	}
	r = compare(c, c->old, SECTION_DEVICE, new->name, false);
	if (r < 0)
		return r;
	c->diff->devices[index] = r ? CONFIG_CHANGED : CONFIG_SAME;
	if (r)
		fprintf(c->out, "device %s: detached and attached again\n", new->name);
	else if (space)
		fprintf(c->out, "device %s: detached and attached again, because space %s changes\n", new->name, space);
	return 0;
}

static int compare_all(const struct comparison *c, const struct config *started)
{
	int r = compare(c, c->old, SECTION_DAEMON, "", false);

	if (r >= 0)
		r = compare(c, started, SECTION_DAEMON, "", true);
	for (size_t i = 0; r >= 0 && i < c->old->n_spaces; i++)
		if (config_find_space(c->new, c->old->spaces[i].name) == SIZE_MAX)
			fprintf(c->out, "space %s: removed\n", c->old->spaces[i].name);
	for (size_t i = 0; r >= 0 && i < c->new->n_spaces; i++)
		r = compare_space(c, i);
	for (size_t i = 0; r >= 0 && i < c->old->n_devices; i++)
		if (config_find_device(c->new, c->old->devices[i].name) == SIZE_MAX)
			fprintf(c->out, "device %s: removed\n", c->old->devices[i].name);
	for (size_t i = 0; r >= 0 && i < c->new->n_devices; i++)
		r = compare_device(c, i);
	return r < 0 ? r : 0;
}

int config_diff(const struct config *started, const struct config *old, const struct config *new,
		const struct config_hooks *hooks, struct config_diff *ret)
{
	struct comparison c = { .old = old, .new = new, .hooks = hooks, .diff = ret };
	size_t size;
	int r;

	*ret = (struct config_diff){
		.spaces = calloc(new->n_spaces + 1, sizeof(*ret->spaces)),
		.devices = calloc(new->n_devices + 1, sizeof(*ret->devices)),
	};
	c.out = open_memstream(&ret->text, &size);
	r = ret->spaces && ret->devices && c.out ? compare_all(&c, started) : -ENOMEM;
	if (c.out && fclose(c.out) != 0)
		r = -ENOMEM;
	if (r < 0)
		config_diff_free(ret);
	return r;
}

void config_diff_free(struct config_diff *d)
{
	free(d->spaces);
	free(d->devices);
	free(d->text);
	*d = (struct config_diff){ 0 };
}
