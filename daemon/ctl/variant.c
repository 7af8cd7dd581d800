/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recursion is bounded by libsystemd, which enters no more than 128 containers in each
 * other; so is what becomes of them as JSON.
 */
#include "ctl/variant.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct variant *variant_free(struct variant *v)
{
	if (!v)
		return NULL;
	if (v->kind == VARIANT_STRING) {
		free(v->string);
	} else if (v->kind == VARIANT_ARRAY || v->kind == VARIANT_DICT) {
		for (size_t i = 0; i < v->n; i++)
			variant_free(v->items[i]);
		free(v->items);
	}
	free(v->key);
	free(v);
	return NULL;
}

static int take_string(struct variant *v, const char *text)
{
	v->kind = VARIANT_STRING;
	v->string = strdup(text);
	return v->string ? 0 : -ENOMEM;
}

static int read_integer(sd_bus_message *m, char type, struct variant *v)
{
	union {
		uint8_t y;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		int b;
	} raw;
	int r = sd_bus_message_read_basic(m, type, &raw);

	if (r < 0)
		return r;
	v->kind = type == 'b' ? VARIANT_BOOL : strchr("nix", type) ? VARIANT_SIGNED : VARIANT_UNSIGNED;
	switch (type) {
	case 'y':
		v->number = raw.y;
		break;
	case 'q':
		v->number = raw.q;
		break;
	case 'u':
		v->number = raw.u;
		break;
	case 't':
		v->number = raw.t;
		break;
	case 'b':
		v->number = raw.b != 0;
		break;
	case 'n':
		v->integer = raw.n;
		break;
	case 'i':
		v->integer = raw.i;
		break;
	default:
		v->integer = raw.x;
	}
	return 0;
}

static int read_basic(sd_bus_message *m, char type, struct variant *v)
{
	const char *text;
	int r, fd;

	if (strchr("ynqiuxtb", type))
		return read_integer(m, type, v);
	if (type == 'd') {
		v->kind = VARIANT_REAL;
		return sd_bus_message_read_basic(m, type, &v->real);
	}
	if (type == 'h') {
		r = sd_bus_message_read_basic(m, type, &fd);
		v->kind = VARIANT_SIGNED;
		v->integer = r < 0 ? -1 : fd;
		return r;
	}
	r = sd_bus_message_read_basic(m, type, &text);
	return r < 0 ? r : take_string(v, text);
}

static int add_item(struct variant *v, struct variant *item)
{
	struct variant **items = v->items;

	/* Doubles at powers of two. */
	if (!(v->n & (v->n - 1))) {
		items = reallocarray(items, v->n ? v->n * 2 : 1, sizeof(*items));
		if (!items)
			return -ENOMEM;
		v->items = items;
	}
	items[v->n++] = item;
	return 0;
}

static int key_of(const struct variant *key, char **ret)
{
	char text[24];

	if (key->kind == VARIANT_STRING) {
		*ret = strdup(key->string);
	} else {
		if (key->kind == VARIANT_SIGNED)
			snprintf(text, sizeof(text), "%" PRId64, key->integer);
		else
			snprintf(text, sizeof(text), "%" PRIu64, key->number);
		*ret = strdup(text);
	}
	return *ret ? 0 : -ENOMEM;
}

/* {key value}, entered. */
static int read_entry(sd_bus_message *m, struct variant **ret)
{
	_cleanup_(variant_freep) struct variant *key = NULL, *value = NULL;
	int r = variant_read(m, &key);

	if (r >= 0)
		r = variant_read(m, &value);
	if (r >= 0)
		r = key_of(key, &value->key);
	if (r >= 0)
		*ret = TAKE_PTR(value);
	return r;
}

static int read_item(sd_bus_message *m, struct variant *parent)
{
	_cleanup_(variant_freep) struct variant *item = NULL;
	const char *contents;
	char type;
	int r = sd_bus_message_peek_type(m, &type, &contents);

	if (r < 0)
		return r;
	if (type != 'e')
		r = variant_read(m, &item);
	else {
		r = sd_bus_message_enter_container(m, type, contents);
		if (r >= 0)
			r = read_entry(m, &item);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r >= 0)
		r = add_item(parent, item);
	if (r >= 0)
		(void)TAKE_PTR(item);
	return r;
}

static int read_items(sd_bus_message *m, struct variant *v)
{
	int r = 0;

	while (r >= 0 && !sd_bus_message_at_end(m, false))
		r = read_item(m, v);
	return r;
}

int variant_read(sd_bus_message *m, struct variant **ret)
{
	_cleanup_(variant_freep) struct variant *v = calloc(1, sizeof(*v));
	const char *contents;
	char type;
	int r;

	if (!v)
		return -ENOMEM;
	v->kind = VARIANT_UNSIGNED;
	r = sd_bus_message_peek_type(m, &type, &contents);
	if (r <= 0)
		return r < 0 ? r : -ENXIO;
	if (!strchr("avr", type)) {
		r = read_basic(m, type, v);
	} else {
		r = sd_bus_message_enter_container(m, type, contents);
		if (r >= 0 && type == 'v') {
			v = variant_free(v);
			r = variant_read(m, &v);
		} else if (r >= 0) {
			v->kind = type == 'a' && *contents == '{' ? VARIANT_DICT : VARIANT_ARRAY;
			r = read_items(m, v);
		}
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(v);
	return 0;
}

const struct variant *variant_get(const struct variant *v, const char *key)
{
	for (size_t i = 0; v && v->kind == VARIANT_DICT && i < v->n; i++)
		if (!strcmp(v->items[i]->key, key))
			return v->items[i];
	return NULL;
}

size_t variant_count(const struct variant *v)
{
	return v && (v->kind == VARIANT_ARRAY || v->kind == VARIANT_DICT) ? v->n : 0;
}

const struct variant *variant_at(const struct variant *v, size_t i)
{
	return i < variant_count(v) ? v->items[i] : NULL;
}

uint64_t variant_number(const struct variant *v)
{
	return v && (v->kind == VARIANT_UNSIGNED || v->kind == VARIANT_BOOL) ? v->number : 0;
}

const char *variant_string(const struct variant *v)
{
	return v && v->kind == VARIANT_STRING ? v->string : "";
}

void variant_to_json(const struct variant *v, struct json *j)
{
	bool dict = v->kind == VARIANT_DICT;

	switch (v->kind) {
	case VARIANT_STRING:
		json_string(j, v->string);
		break;
	case VARIANT_UNSIGNED:
		json_unsigned(j, v->number);
		break;
	case VARIANT_SIGNED:
		json_signed(j, v->integer);
		break;
	case VARIANT_REAL:
		json_real(j, v->real);
		break;
	case VARIANT_BOOL:
		json_bool(j, v->number);
		break;
	default:
		json_begin(j, dict ? '{' : '[');
		for (size_t i = 0; i < v->n; i++) {
			if (dict)
				json_key(j, v->items[i]->key);
			variant_to_json(v->items[i], j);
		}
		json_end(j, dict ? '}' : ']');
	}
}
