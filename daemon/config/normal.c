/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/normal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int add(struct normal *n, const struct key *key, const char *name, const char *value)
{
	struct normal_line *lines = reallocarray(n->lines, n->n_lines + 1, sizeof(*lines)), *line;
	size_t length = strlen(name) + 1, value_length = strlen(value) + 1;

	if (!lines)
		return -ENOMEM;
	n->lines = lines;
	line = &lines[n->n_lines];
	*line = (struct normal_line){ .text = malloc(length + value_length) };
	if (!line->text)
		return -ENOMEM;
	memcpy(line->text, name, length);
	memcpy(line->text + length, value, value_length);
	line->key = line->text;
	line->value = line->text + length;
	line->repeatable = key && key->repeatable;
	line->applies = key ? key->applies : KEY_NOW;
	n->n_lines++;
	return 0;
}

static int add_pasids(struct normal *n, const struct section *s, const struct key *key)
{
	const struct entry *e = NULL;
	int r = 0;

	while (r == 0 && (e = section_next(s, key->name, e))) {
		char text[KEY_TEXT_MAX];
		const char *space;
		uint32_t pasid = key_split_pasid(e->value, &space);

		snprintf(text, sizeof(text), "%u:%s", pasid, space);
		r = add(n, key, key->name, text);
	}
	return r;
}

/* A space without a section has the defaults. */
static int add_key(struct normal *n, const struct section *s, const struct key *key)
{
	char text[KEY_TEXT_MAX];

	if (!s)
		return add(n, key, key->name, key->fallback);
	if (key->repeatable)
		return add_pasids(n, s, key);
	key->format((const char *)&s->values + key->offset, text);
	/* The one key with a default that is no text: the space of a device. */
	return add(n, key, key->name, *text ? text : section_device_space(s) ?: "");
}

int normal_compare(const struct normal_line *a, const struct normal_line *b)
{
	int c = strcmp(a->key, b->key);

	return c ? c : strcmp(a->value, b->value);
}

static int compare_lines(const void *a, const void *b)
{
	return normal_compare(a, b);
}

static int fill(struct normal *n, const struct section *s, enum section_kind kind)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < key_table_size; i++)
		if (key_table[i].kind == kind)
			r = add_key(n, s, &key_table[i]);
	for (size_t i = 0; r == 0 && s && i < s->n_settings; i++)
		r = add(n, NULL, s->settings[i].name, s->settings[i].value);
	if (n->n_lines)
		qsort(n->lines, n->n_lines, sizeof(*n->lines), compare_lines);
	return r;
}

int normal_init(struct normal *n, const struct config *c, enum section_kind kind, const char *name)
{
	const struct section *s = sections_find(c->entries, kind, name);
	int r;

	assert(s || kind == SECTION_SPACE);
	*n = (struct normal){ 0 };
	r = fill(n, s, kind);
	if (r < 0)
		normal_deinit(n);
	return r;
}

void normal_deinit(struct normal *n)
{
	for (size_t i = 0; i < n->n_lines; i++)
		free(n->lines[i].text);
	free(n->lines);
	*n = (struct normal){ 0 };
}

bool normal_equal(const struct normal *a, const struct normal *b)
{
	if (a->n_lines != b->n_lines)
		return false;
	for (size_t i = 0; i < a->n_lines; i++)
		if (normal_compare(&a->lines[i], &b->lines[i]) != 0)
			return false;
	return true;
}
