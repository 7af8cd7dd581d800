/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Merging. A scalar keeps its last valid assignment, a list all of them since the last
 * empty one; defaults come from the table, through the same parsers. Strings in the values
 * point into the entries, so an entry goes only when its value is replaced.
 */
#include "config/section.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static struct section *section_free(struct section *s)
{
	for (size_t i = 0; i < s->n_entries; i++)
		free(s->entries[i].value);
	while (s->n_settings)
		section_remove_setting(s, s->n_settings - 1);
	free(s->settings);
	free(s->entries);
	free(s->name);
	free(s->title);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct section, section_free)

struct sections *sections_free(struct sections *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_items; i++)
		section_free(s->items[i]);
	free(s->items);
	free(s);
	return NULL;
}

static uint64_t key_bit(const struct key *key)
{
	return 1ull << (key - key_table);
}

static void *field_of(struct section *s, const struct key *key)
{
	return (char *)&s->values + key->offset;
}

static void drop_entries(struct section *s, const struct key *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_entries; i++) {
		if (s->entries[i].key == key)
			free(s->entries[i].value);
		else
			s->entries[kept++] = s->entries[i];
	}
	s->n_entries = kept;
}

static void reset(struct section *s, const struct key *key, const struct config_hooks *hooks)
{
	struct key_problem why;
	int r;

	drop_entries(s, key);
	s->bad &= ~key_bit(key);
	memset(field_of(s, key), 0, key->size);
	if (key->fallback) {
		r = key->parse(key, key->fallback, hooks, field_of(s, key), &why);
		assert(r == 0);
		(void)r;
	}
}

struct section *sections_find(const struct sections *s, enum section_kind kind, const char *name)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i]->kind == kind && strcmp(s->items[i]->name, name) == 0)
			return s->items[i];
	return NULL;
}

static int section_new(enum section_kind kind, const char *name, const struct origin *origin,
		       const struct config_hooks *hooks, struct section **ret)
{
	_cleanup_(section_freep) struct section *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->kind = kind;
	s->origin = *origin;
	s->name = strdup(name);
	if (!s->name || asprintf(&s->title, "%s%s%s", section_kinds[kind].word, *name ? " " : "", name) < 0) {
		s->title = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < key_table_size; i++)
		if (key_table[i].kind == kind)
			reset(s, &key_table[i], hooks);
	*ret = TAKE_PTR(s);
	return 0;
}

int sections_open(struct sections *s, enum section_kind kind, const char *name, const struct origin *origin,
		  const struct config_hooks *hooks, struct section **ret)
{
	struct section *known = sections_find(s, kind, name), **items;
	int r;

	if (!known) {
		items = reallocarray(s->items, s->n_items + 1, sizeof(struct section *));
		if (!items)
			return -ENOMEM;
		s->items = items;
		r = section_new(kind, name, origin, hooks, &known);
		if (r < 0)
			return r;
		items[s->n_items++] = known;
	}
	*ret = known;
	return 0;
}

int section_assign(struct section *s, const struct key *key, const char *value, const struct origin *origin,
		   const struct config_hooks *hooks, struct key_problem *why)
{
	_cleanup_free_ char *copy = NULL;
	struct entry *entries;
	int r;

	if (!*value) {
		reset(s, key, hooks);
		return 0;
	}
	copy = strdup(value);
	entries = reallocarray(s->entries, s->n_entries + 1, sizeof(*entries));
	if (entries)
		s->entries = entries;
	if (!copy || !entries)
		return -ENOMEM;

	r = key->parse(key, copy, hooks, field_of(s, key), why);
	if (r < 0) {
		s->bad |= key_bit(key);
		return r;
	}
	if (!key->repeatable)
		drop_entries(s, key);
	s->entries[s->n_entries++] = (struct entry){ .key = key, .value = TAKE_PTR(copy), .origin = *origin };
	return 0;
}

void section_remove_setting(struct section *s, size_t i)
{
	free(s->settings[i].name);
	free(s->settings[i].value);
	s->n_settings--;
	memmove(&s->settings[i], &s->settings[i + 1], (s->n_settings - i) * sizeof(*s->settings));
}

int section_set(struct section *s, const char *name, const char *value, const struct origin *origin)
{
	struct setting *settings = reallocarray(s->settings, s->n_settings + 1, sizeof(*settings));
	_cleanup_free_ char *name_copy = strdup(name), *value_copy = strdup(value);

	if (settings)
		s->settings = settings;
	if (!settings || !name_copy || !value_copy)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_settings; i++)
		if (strcmp(settings[i].name, name) == 0) {
			section_remove_setting(s, i);
			break;
		}
	settings[s->n_settings++] = (struct setting){ TAKE_PTR(name_copy), TAKE_PTR(value_copy), *origin };
	return 0;
}

void section_mark_bad(struct section *s, const char *key)
{
	s->bad |= key_bit(key_find(s->kind, key));
}

const struct entry *section_next(const struct section *s, const char *key, const struct entry *after)
{
	for (size_t i = after ? (size_t)(after - s->entries) + 1 : 0; i < s->n_entries; i++)
		if (strcmp(s->entries[i].key->name, key) == 0)
			return &s->entries[i];
	return NULL;
}

const struct entry *section_entry(const struct section *s, const char *key)
{
	return section_next(s, key, NULL);
}

bool section_has(const struct section *s, const char *key)
{
	const struct key *k = key_find(s->kind, key);

	return !(s->bad & key_bit(k)) && (!k->required || section_entry(s, key));
}

size_t section_space_length(const struct section *s)
{
	return strcspn(s->name, "/");
}

struct diagnostic_place section_place(const struct section *s, const char *key)
{
	const struct entry *e = section_entry(s, key);
	const struct origin *o = e ? &e->origin : &s->origin;

	return (struct diagnostic_place){ .file = o->file, .line = o->line, .section = s->title, .key = key };
}

struct diagnostic_place setting_place(const struct section *s, const struct setting *setting)
{
	return (struct diagnostic_place){ setting->origin.file, setting->origin.line, s->title, setting->name };
}

const char *section_device_space(const struct section *s)
{
	if (!s->values.device.rid)
		return NULL;
	return s->values.device.space ? s->values.device.space : s->name;
}
