/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of keys: what exists, how its value is read, what it is when it is not
 * given. Parsing, dumping and the check of the manual all go by it. Only the keys that a
 * policy brings with it are not here: the policy knows them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum section_kind {
	SECTION_DAEMON,
	SECTION_SPACE,
	SECTION_REGION,
	SECTION_DEVICE,
	SECTION_KIND_MAX,
};

struct section_kind_info {
	const char *word;
	const char *form;    /* of the header, for messages */
};

/* What is wrong with a value, with what was expected. */
struct key_problem {
	char text[320];
};

/* When a reload makes it count. */
enum key_applies {
	KEY_NOW,
	KEY_AT_ATTACH, /* for devices that are attached later */
	KEY_AT_START,  /* not at all */
};

/* A value as text; longer ones do not fit into a line. */
#define KEY_TEXT_MAX 256

struct key {
	enum section_kind kind;
	const char *name;
	/* Fills why on -EINVAL. Strings are not copied: value must outlive the field. */
	int (*parse)(const struct key *key, const char *value, const struct config_hooks *hooks, void *field,
		     struct key_problem *why);
	/* The value as everybody would write it: equal values have equal texts. */
	void (*format)(const void *field, char text[static KEY_TEXT_MAX]);
	size_t offset;       /* in union section_values; */
	size_t size;         /* 0: the values stay as entries (repeatable keys) */
	const char *fallback; /* default as it would be written; NULL: none, or none that is a text */
	const char *expected;
	bool required;
	bool repeatable;
	enum key_applies applies;
};

/* The device's own key: as the daemon's. */
#define SPIN_DEFAULT (-2)

union section_values {
	struct {
		const char *event_loop;
		uint32_t workers; /* 0: auto */
		const char *cpus; /* NULL: any */
		int64_t spin_ns;
		struct config_budget memory_budget;
		uint64_t deadline_ns;
		const char *plugin_dir;
	} daemon;
	struct {
		struct config_budget budget;
		int32_t numa_node; /* -1: any */
	} space;
	struct {
		uint64_t iova;
		uint64_t length;
		uint64_t granule;
		const char *policy;
		uint32_t on_fault; /* enum config_on_fault */
		uint32_t access;   /* CONFIG_ACCESS_* */
		uint64_t merge;
		uint64_t fault_around;
		uint64_t populate_ahead;
		bool pinned;
	} region;
	struct {
		const char *address;
		const char *space; /* NULL: the one of its own name */
		bool bus_master;
		int64_t spin_ns;
		bool rid;
		bool pasids;
	} device;
};

extern const struct section_kind_info section_kinds[SECTION_KIND_MAX];
extern const struct key key_table[];
extern const size_t key_table_size;

const struct key *key_find(enum section_kind kind, const char *name); /* or NULL */

/* "N:SPACE", which passed the key's parser before. *ret_space points into text. */
uint32_t key_split_pasid(const char *text, const char **ret_space);
