/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control thread's picture of what runs: devices, spaces, regions, attachments and the
 * state of each. The manager fills it and tells the service about changes; the service
 * shows it on the bus and changes nothing. All of it belongs to the control thread, except
 * the counters behind `stats` and `mapped_bytes`, which shards write.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "device/device.h"
#include "fault/stats.h"
#include "policy/policy.h"

enum device_state {
	DEVICE_ABSENT,    /* no such device or node */
	DEVICE_UNBOUND,   /* there, but no vfio driver */
	DEVICE_ATTACHING,
	DEVICE_ACTIVE,    /* its faults are served */
	DEVICE_PAUSED,    /* its faults are kept */
	DEVICE_DRAINING,
	DEVICE_DETACHED,
	DEVICE_FAILED,    /* a call was refused: error and error_text say why */
	DEVICE_STATE_MAX,
};

enum manager_state {
	MANAGER_STARTING,
	MANAGER_RUNNING,
	MANAGER_DEGRADED, /* a configured device is not active */
	MANAGER_RELOADING,
	MANAGER_STOPPING,
	MANAGER_STATE_MAX,
};

struct space_entry;

struct attachment_entry {
	TAILQ_ENTRY(attachment_entry) link;
	uint32_t pasid; /* or PASID_NONE */
	struct space_entry *space;
	struct device_entry *device;
	struct stats *stats; /* valid as long as the entry, attached or not */
	bool attached;
};

TAILQ_HEAD(attachment_list, attachment_entry);

struct device_entry {
	TAILQ_ENTRY(device_entry) link;
	char *name;
	char *address;
	char *source; /* "file:line"; empty = transient: not of a file */
	enum device_state state;
	int error;        /* positive errno of the last failure, 0 = none */
	char *error_text; /* its sentence; NULL = none */
	struct device *device; /* NULL until created; then kept, closed or not: what was found stays shown */
	bool lent;        /* OpenDevice gave its fd away since it was opened */
	bool untold;      /* the service's: it has changed, and the bus was not told */
	struct attachment_list attachments; /* the RID first, then in the order they came */
	struct stats_values past; /* of attachments that are gone */
};

struct region_entry {
	const char *name; /* without the space */
	uint64_t iova;
	uint64_t length;
	uint64_t granule;
	const char *policy_name;
	const char *on_fault;
	const char *access;   /* "rw", "r", "w" */
	struct policy *policy; /* NULL until the space is opened */
};

struct space_entry {
	TAILQ_ENTRY(space_entry) link;
	char *name;
	struct region_entry *regions; /* sorted by iova */
	size_t n_regions;
	uint64_t budget; /* bytes, 0 = none; constant while the entry is in the directory */
	/* Valid as long as the entry, open or not. */
	struct stats *stats; /* what no attachment of it caused: prefault, the last unmap */
	struct stats_values past; /* of attachments that are gone */
	const atomic_uint_fast64_t *mapped_bytes;
	const atomic_uint_fast64_t *extents_mapped;
	bool untold; /* the service's, as of a device */
};

TAILQ_HEAD(device_list, device_entry);
TAILQ_HEAD(space_list, space_entry);

struct directory {
	enum manager_state state;
	const char *backend;   /* of the loops: "io_uring" or "libevent" */
	uint64_t start_ns;     /* CLOCK_MONOTONIC */
	uint64_t config_serial; /* 1, and one more with each reload that was applied */
	uint64_t config_load_usec; /* CLOCK_REALTIME, of that load */
	char **config_files;   /* that were read, in order; NULL-terminated; NULL = none */
	int reload_error;      /* positive errno of the last reload; 0: it was applied */
	char *reload_error_text;
	struct stats_page *page; /* where the counters of all entries are */
	const atomic_uint_fast64_t *trace_dropped; /* records that slow readers lost */
	struct device_list devices;
	struct space_list spaces;
	/* Counted for no device: records with an unknown dev_id (one block for each shard). */
	struct stats **orphans;
	size_t n_orphans;
	struct stats_values past; /* of devices and spaces that are gone */
};

void directory_init(struct directory *d);

const char *device_state_to_string(enum device_state state);
const char *manager_state_to_string(enum manager_state state);

/* By name, and by nothing else. NULL when there is none. */
struct device_entry *directory_device(const struct directory *d, const char *name);

/* By address: as configured (unless two share it), BDF, vfioN or sysfs path. NULL when there
 * is none. find: by name, else so. */
struct device_entry *directory_device_at(const struct directory *d, const char *address);
struct device_entry *directory_find_device(const struct directory *d, const char *name);
struct space_entry *directory_find_space(const struct directory *d, const char *name);

/* Before an attachment goes: it is taken out of its device's list, and what it counted stays in
 * the sums. Likewise before a device (without attachments) or a space goes. */
void directory_retire_attachment(struct attachment_entry *a);
void directory_retire_device(struct directory *d, struct device_entry *e);
void directory_retire_space(struct directory *d, struct space_entry *e);

/* The one space goes on with what the other one counted, which has no attachments any more. */
void directory_succeed_space(struct space_entry *e, const struct space_entry *old);

/* Sums of one moment each. */
void directory_device_stats(const struct device_entry *e, struct stats_values *ret);
void directory_space_stats(const struct directory *d, const struct space_entry *e, struct stats_values *ret);
void directory_total_stats(const struct directory *d, struct stats_values *ret);

uint64_t space_entry_mapped_bytes(const struct space_entry *e);
uint64_t space_entry_extents_mapped(const struct space_entry *e);
