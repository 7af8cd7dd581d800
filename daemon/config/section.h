/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sections of all files, merged by name: for each one the assignments that count, with
 * where they stand, and the values they give. In order of first appearance.
 */
#pragma once

#include "config/diagnostic.h"
#include "config/key.h"

struct origin {
	const char *file;    /* one of config.files */
	unsigned line;
};

struct entry {
	const struct key *key;
	char *value;         /* as written */
	struct origin origin;
};

/* A key of a region's policy. An empty value takes back what was given before. */
struct setting {
	char *name;
	char *value;
	struct origin origin;
};

struct section {
	enum section_kind kind;
	char *name;          /* "" for [daemon]; "SPACE/NAME" for regions */
	char *title;         /* "region SPACE/NAME", for messages */
	struct origin origin; /* first header */
	struct entry *entries; /* one for a scalar, any number for a list; none: default */
	size_t n_entries;
	struct setting *settings; /* each name once, in the order in which they were given last */
	size_t n_settings;
	uint64_t bad;        /* bit N: key_table[N] was given a value that makes no sense */
	union section_values values;
};

struct sections {
	struct section **items;
	size_t n_items;
};

struct sections *sections_free(struct sections *s);
DEFINE_CLEANUP(struct sections, sections_free)

/* The section of this name, made if need be. 0 or -ENOMEM. */
int sections_open(struct sections *s, enum section_kind kind, const char *name, const struct origin *origin,
		  const struct config_hooks *hooks, struct section **ret);
struct section *sections_find(const struct sections *s, enum section_kind kind, const char *name); /* or NULL */

/* An empty value brings the default back. -EINVAL with why filled; -ENOMEM. */
int section_assign(struct section *s, const struct key *key, const char *value, const struct origin *origin,
		   const struct config_hooks *hooks, struct key_problem *why);

/* A key that is not in the table. 0 or -ENOMEM. remove: i < n_settings, the others keep their
 * order. */
int section_set(struct section *s, const char *name, const char *value, const struct origin *origin);
void section_remove_setting(struct section *s, size_t i);

/* From now on section_has() is false for this key. */
void section_mark_bad(struct section *s, const char *key);

/* The assignments of a key that count, one after the other: NULL is before the first one and
 * after the last. */
const struct entry *section_next(const struct section *s, const char *key, const struct entry *after);

/* The one of a scalar, or NULL. */
const struct entry *section_entry(const struct section *s, const char *key);

/* False: what is in values for this key is not what was asked for. */
bool section_has(const struct section *s, const char *key);

/* How much of the section's name is the name of a space: up to the '/' in a region's. */
size_t section_space_length(const struct section *s);

/* Where the key stands, else the section. */
struct diagnostic_place section_place(const struct section *s, const char *key);
struct diagnostic_place setting_place(const struct section *s, const struct setting *setting);

/* Of a device: the space of its requests without a PASID. */
const char *section_device_space(const struct section *s);
