/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way to the daemon: a connection as the options ask for, and calls whose failure is told
 * to the user at once. What returns enum ctl_exit has said on stderr what is wrong, unless it
 * is CTL_OK.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "base/util.h"
#include "ctl/ctl.h"
#include "ctl/variant.h"

#define CLIENT_NAME "org.iopfd1"
#define CLIENT_PATH "/org/iopfd1"
#define CLIENT_MANAGER CLIENT_NAME ".Manager"
#define CLIENT_DEVICE CLIENT_NAME ".Device"
#define CLIENT_SPACE CLIENT_NAME ".Space"
#define CLIENT_STATISTICS CLIENT_NAME ".Statistics"

enum ctl_exit client_open(sd_bus **ret);

/* What is called. subject: what messages name, as the user wrote it; NULL = nothing. A call
 * that takes time has no limit of time but the user's. */
struct client_call {
	const char *path; /* NULL: of the manager */
	const char *interface;
	const char *member;
	const char *subject;
	bool takes_time;
};

/* types: of the arguments that follow, NULL = none. ret_reply may be NULL. */
enum ctl_exit client_call(sd_bus *bus, const struct client_call *c, sd_bus_message **ret_reply, const char *types, ...);

/* The same in two steps, for arguments that take more to write. */
enum ctl_exit client_message(sd_bus *bus, const struct client_call *c, sd_bus_message **ret);
enum ctl_exit client_send(sd_bus *bus, const struct client_call *c, sd_bus_message *m, sd_bus_message **ret_reply);

/* A call whose whole result is one value. */
enum ctl_exit client_ask(sd_bus *bus, const struct client_call *c, struct variant **ret, const char *types, ...);

/* Properties: all of an interface, one, or those of all devices and spaces, by path and
 * interface. path NULL: of the manager. */
enum ctl_exit client_get_all(sd_bus *bus, const char *path, const char *interface, struct variant **ret);
enum ctl_exit client_get(sd_bus *bus, const char *path, const char *interface, const char *name, struct variant **ret);
enum ctl_exit client_objects(sd_bus *bus, struct variant **ret);

/* As client_ask(), but returns a negative errno and says nothing: for what may go meanwhile. */
int client_try(sd_bus *bus, const struct client_call *c, struct variant **ret, sd_bus_error *ret_error,
	       const char *types, ...);

/* The object of this name, on the heap; of a device, an address will do. */
enum ctl_exit client_find(sd_bus *bus, const char *method, const char *name, char **ret_path);

/* Says "iopfctl: SUBJECT: TEXT" and picks the exit code. r: what the library returned. */
enum ctl_exit client_failed(const struct client_call *c, const sd_bus_error *error, int r);

/* "iopfctl: " and the message. Returns its first argument. */
enum ctl_exit client_complain(enum ctl_exit code, const char *format, ...) PRINTF_LIKE(2, 3);
enum ctl_exit client_usage(const char *verb, const char *format, ...) PRINTF_LIKE(2, 3);
enum ctl_exit client_no_memory(void);
