/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spaces seen from their devices. The kernel's devices and models in this process cannot
 * look into each other's address spaces, so a space is for one kind. A space that lacks
 * either side is legal, and hardly what was meant.
 */
#include "config/usage.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/build.h"
#include "config/files.h"

/* The first device in a space; section is NULL where there is none. */
struct user {
	const struct section *section;
	struct diagnostic_place place;
	const char *kind;    /* NULL: its address is wrong */
};

static int add_user(const struct validation *v, struct user *users, const char *space, const struct user *new)
{
	size_t index = build_find_space(v->config, space, strlen(space));
	struct user *first;

	if (index == SIZE_MAX)
		return 0;
	first = &users[index];
	if (first->kind && new->kind && strcmp(first->kind, new->kind) != 0)
		return diagnostics_add(v->diagnostics, CONFIG_ERROR, &new->place,
				       "space '%s' is used by '%s' at %s:%u, which is of kind '%s' and not '%s'; "
				       "expected devices of one kind", space, first->section->name, first->place.file,
				       first->place.line, first->kind, new->kind);
	if (!first->kind)
		*first = *new;
	return 0;
}

static int add_device(const struct validation *v, struct user *users, const struct section *s)
{
	struct user new = { .section = s, .place = section_place(s, "space") };
	const struct entry *e = NULL;
	int r = 0;

	if (section_has(s, "address"))
		new.kind = v->hooks->address_kind(s->values.device.address);
	if (section_has(s, "space") && section_device_space(s))
		r = add_user(v, users, section_device_space(s), &new);
	while (r == 0 && (e = section_next(s, "pasid", e))) {
		const char *space;

		key_split_pasid(e->value, &space);
		new.place = (struct diagnostic_place){ e->origin.file, e->origin.line, s->title, e->key->name };
		r = add_user(v, users, space, &new);
	}
	return r;
}

/* The first section that belongs to a space: its own or one of its regions. */
static const struct section *section_of_space(const struct sections *s, const char *name, enum section_kind kind)
{
	for (size_t i = 0; i < s->n_items; i++) {
		const struct section *section = s->items[i];
		size_t length = section_space_length(section);

		if (section->kind == kind && strlen(name) == length && memcmp(section->name, name, length) == 0)
			return section;
	}
	return NULL;
}

/* The section that declares a space: its own, else a region, else the device of its name. */
static const struct section *declaration(const struct sections *s, enum section_kind kind, const char *name)
{
	const struct section *found = sections_find(s, kind, name);

	if (!found && kind == SECTION_SPACE)
		found = section_of_space(s, name, SECTION_REGION);
	return found ? found : sections_find(s, SECTION_DEVICE, name);
}

int usage_refuse(const struct config *c, struct config_diagnostics *d, enum section_kind kind, const char *name,
		 const char *format, ...)
{
	const struct section *s = declaration(c->entries, kind, name);
	struct diagnostic_place place = { .file = c->files[0] ? c->files[0] : FILES_MAIN, .key = "" };
	char title[64], text[256];
	va_list ap;

	snprintf(title, sizeof(title), "%s %s", section_kinds[kind].word, name);
	place.section = title;
	if (s) {
		place.file = s->origin.file;
		place.line = s->origin.line;
	}
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return diagnostics_add(d, CONFIG_ERROR, &place, "%s", text);
}

static int warn(const struct validation *v, const char *name, const struct user *first)
{
	const struct section *region = section_of_space(v->sections, name, SECTION_REGION);
	const struct section *space = section_of_space(v->sections, name, SECTION_SPACE);
	struct diagnostic_place place = first->place;

	if (first->section && region)
		return 0;
	if (!space)
		space = region;
	if (space)
		place = (struct diagnostic_place){ space->origin.file, space->origin.line, space->title, "" };
	if (!first->section)
		return diagnostics_add(v->diagnostics, CONFIG_WARNING, &place, "no device uses the space '%s'", name);
	return diagnostics_add(v->diagnostics, CONFIG_WARNING, &place,
			       "the space '%s' has no region, every fault in it is answered INVALID", name);
}

int usage_check(const struct validation *v)
{
	_cleanup_free_ struct user *users = calloc(v->config->n_spaces + 1, sizeof(*users));
	int r = 0;

	if (!users)
		return -ENOMEM;
	for (size_t i = 0; i < v->sections->n_items && r == 0; i++)
		if (v->sections->items[i]->kind == SECTION_DEVICE)
			r = add_device(v, users, v->sections->items[i]);
	/* What has no device may have one in a section that could not be read. */
	for (size_t i = 0; i < v->config->n_spaces && r == 0 && !v->sections_lost; i++)
		if (!v->config->spaces[i].is_known)
			r = warn(v, v->config->spaces[i].name, &users[i]);
	return r;
}
