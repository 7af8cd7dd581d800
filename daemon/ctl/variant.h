/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a D-Bus message says, as a tree in memory: properties, whole objects, results of
 * methods. Verbs ask it for what they know, and write it as JSON with all that they do not
 * know, so that a newer daemon loses nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "ctl/json.h"

enum variant_kind {
	VARIANT_STRING, /* object paths and signatures as well */
	VARIANT_UNSIGNED,
	VARIANT_SIGNED,
	VARIANT_REAL,
	VARIANT_BOOL,
	VARIANT_ARRAY,  /* structs as well */
	VARIANT_DICT,
};

struct variant {
	enum variant_kind kind;
	char *key; /* in a dict; keys that are no strings are written as such */
	union {
		char *string;
		uint64_t number;
		int64_t integer;
		double real;
		struct {
			struct variant **items;
			size_t n;
		};
	};
};

/* Reads one complete value at the message's position (a variant is its contents). */
int variant_read(sd_bus_message *m, struct variant **ret);
struct variant *variant_free(struct variant *v);
DEFINE_CLEANUP(struct variant, variant_free)

/* All take NULL. Member of a dict, or item of an array; NULL if there is none. */
const struct variant *variant_get(const struct variant *v, const char *key);
const struct variant *variant_at(const struct variant *v, size_t i);
size_t variant_count(const struct variant *v); /* 0: neither array nor dict */

/* The value, or 0 resp. "" if it is of another kind. */
uint64_t variant_number(const struct variant *v);
const char *variant_string(const struct variant *v);

void variant_to_json(const struct variant *v, struct json *j);
