/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration: INI files merged into one validated struct. Reading has no side
 * effects and opens nothing but configuration files. All errors are found in one run, each
 * as "file:line: [section] key: what is wrong, what was expected".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "config/hooks.h"

#define CONFIG_NAME_MAX 32

/* Where plugins are, if the configuration does not say. */
#ifndef IOPFD_PLUGIN_DIR
#define IOPFD_PLUGIN_DIR "/usr/lib/iopfd/policies"
#endif

enum config_on_fault {
	CONFIG_ON_FAULT_DEMAND,
	CONFIG_ON_FAULT_PREFAULT,
	CONFIG_ON_FAULT_DENY,
	CONFIG_ON_FAULT_MAX,
};

#define CONFIG_SPIN_AUTO (-1)

#define CONFIG_ACCESS_READ 1u
#define CONFIG_ACCESS_WRITE 2u

/* How much may be mapped at once. */
struct config_budget {
	bool is_percent;     /* of RAM or of the cgroup's limit, whichever is smaller */
	uint64_t value;      /* bytes or percent; 0: no budget */
};

/* A key that is the policy's own; it passed the policy's check. */
struct config_setting {
	char *key;
	char *value;
	char *source;        /* "file:line" */
};

struct config_region {
	char *name;          /* without the space */
	uint64_t iova;
	uint64_t length;
	uint64_t granule;
	char *policy;
	enum config_on_fault on_fault;
	uint32_t access;     /* CONFIG_ACCESS_* */
	uint64_t merge;      /* bytes, 0 = never; else granule to 16 granules, a power of two */
	uint64_t fault_around; /* bytes, 0 = never; else from granule on, a power of two */
	uint64_t populate_ahead; /* bytes, 0 = never; else a power of two, maybe less than granule */
	bool pinned;
	uint64_t write_back_ns; /* interval; 0: the setting write-back is none */
	struct config_setting *settings; /* in the order in which they were given last */
	size_t n_settings;
};

struct config_space {
	char *name;
	struct config_region *regions; /* sorted by iova, disjoint */
	size_t n_regions;
	struct config_budget budget; /* besides the daemon's */
	int numa_node;       /* -1: any */
	bool is_known;       /* was there before: nothing but the name is given */
};

struct config_pasid {
	uint32_t pasid;
	size_t space;        /* index in config.spaces */
};

struct config_device {
	char *name;
	char *address;
	size_t space;        /* of the RID: index in config.spaces; SIZE_MAX: it is not attached */
	struct config_pasid *pasids;
	size_t n_pasids;
	bool uses_pasids;    /* now, or later */
	bool bus_master;
	int64_t spin_ns;     /* of its own, or the daemon's; or CONFIG_SPIN_AUTO */
	char *source;        /* "file:line" of its section */
};

struct sections; /* section.h */

struct config {
	char *event_loop;    /* "auto", "io_uring", "libevent" */
	unsigned workers;    /* 0 = auto */
	char *cpus;          /* that shards run on, see value_next_cpu(); NULL = any */
	int64_t spin_ns;     /* or CONFIG_SPIN_AUTO */
	struct config_budget memory_budget;
	uint64_t deadline_ns; /* 0 = none */
	char *plugin_dir;    /* absolute */
	struct config_space *spaces;
	size_t n_spaces;
	struct config_device *devices;
	size_t n_devices;
	char **files;        /* that were read, in order; NULL-terminated */
	struct sections *entries; /* every key with its origin, for config_dump(); private */
	const char *const *known_spaces; /* while it is loaded; private */
};

enum config_severity {
	CONFIG_WARNING,
	CONFIG_ERROR,
};

struct config_diagnostic {
	enum config_severity severity;
	char *file;
	unsigned line;       /* 0: the file as a whole */
	char *section;       /* without brackets; may be empty */
	char *key;           /* may be empty */
	char *message;
};

struct config_diagnostics {
	struct config_diagnostic *items;
	size_t n_items;
	size_t n_errors;
	bool unreadable;     /* a file may not be read: exit code 77 instead of 78 */
};

struct config_source {
	const char *file;    /* --config=FILE: that file and FILE.d/ *.conf; NULL: the search path */
	const char *root;    /* in front of /etc, /run, /usr/lib; NULL = none. For tests. */
	const char *text;    /* not NULL: this instead of files, and `file` is only its name */
	const char *const *known_spaces; /* for text: what devices may name too; NULL-terminated */
	bool strict;         /* unknown keys and sections are errors (--check-config), else warnings */
};

/* Always fills *ret_diagnostics (free it). Returns 0 with a config that is whole and valid
 * (maybe with warnings); -EINVAL when there was an error; -EACCES when a file may not be
 * read; -ENOMEM. No file at all: an empty config, 0, and a warning. */
int config_load(const struct config_source *source, const struct config_hooks *hooks, struct config **ret,
		struct config_diagnostics *ret_diagnostics);
struct config *config_free(struct config *c);
DEFINE_CLEANUP(struct config, config_free)
void config_diagnostics_free(struct config_diagnostics *d);

/* One line, without a newline, as above, "warning: " after the place if it is one. Returns
 * what snprintf would. */
int config_diagnostic_format(const struct config_diagnostic *d, char *text, size_t size);

/* All of them, with a newline between; on the heap, NULL = no memory. */
char *config_diagnostics_text(const struct config_diagnostics *d);

/* "key = value ; FILE:LINE" by section, defaults included ("; default"); can be read back. */
int config_dump(const struct config *c, FILE *out);
