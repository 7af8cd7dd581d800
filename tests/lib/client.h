/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A D-Bus client of the daemon for test programs. Objects are named below /org/iopfd1:
 * "" is the manager, "device/NAME", "space/NAME". Calls return negative errnos; nothing is
 * waited for longer than ten seconds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct client;

int client_new(const char *address, struct client **ret);
struct client *client_free(struct client *c);
DEFINE_CLEANUP(struct client, client_free)

/* For calls that are not here: the connection, which stays the client's. */
typedef struct sd_bus sd_bus;
sd_bus *client_bus(struct client *c);

/* The error that the last failed call got back, in words. */
const char *client_error(const struct client *c);

int client_open_device(struct client *c, const char *device, int *ret_fd);
int client_open_memory(struct client *c, const char *space, const char *region, int *ret_fd, uint64_t *ret_offset,
		       uint64_t *ret_length);

/* Properties of org.iopfd1.Device, Space or Manager, as the object says. */
int client_string(struct client *c, const char *object, const char *property, char **ret);
int client_number(struct client *c, const char *object, const char *property, uint64_t *ret);
int client_last_error(struct client *c, const char *device, char **ret_name, char **ret_text);

/* What the device's engine counts itself; -ENOENT: it has no such counter. */
int client_engine_counter(struct client *c, const char *device, const char *name, uint64_t *ret);

/* All unsigned properties of org.iopfd1.Statistics: one snapshot. */
struct client_statistics {
	struct {
		char name[32];
		uint64_t value;
	} items[64];
	size_t n_items;
};

int client_statistics(struct client *c, const char *object, struct client_statistics *ret);

/* NULL: there is no such counter. */
const uint64_t *client_counter(const struct client_statistics *s, const char *name);
