/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the configuration that is applied to the one in the files, without disturbing what is
 * the same in both. A reload is checked as a whole before anything of it is done, and waits
 * until no step is under way; while it waits or runs, nobody else begins one, except for a
 * stop, which ends it, and a device that the kernel wants back.
 */
#pragma once

#include "config/diff.h"
#include "managed-set.h"
#include "managed.h"

/* As the service_hooks on_reload, on_plan and on_check. call: NULL if nobody waits for an answer;
 * such a request is not lost while a reload is under way. */
void reload_request(void *manager, struct service_call *call);
int reload_plan(void *manager, char **ret_plan, char **ret_why);
int reload_check(void *manager, struct config_diagnostics *ret);

/* For the manager. applied: this configuration, which is taken, is in force. begin: nothing is
 * under way. abort: a stop comes first; does nothing when there is no reload. */
void reload_applied(struct manager *m, struct config *config_consume);
void reload_begin(struct manager *m);
void reload_abort(struct manager *m);

/* Private to reload*.c. */
struct reload {
	struct config *config;
	struct config_diff diff;
	struct managed_set set;
	struct service_call *call; /* NULL: a signal asked for it */
};

/* What is to be done, in words (reload.c) and in deeds (reload-apply.c). */
bool reload_keeps_device(const struct reload *r, const struct managed_device *d);
bool reload_stops(const struct reload *r, const struct managed_device *d); /* maybe to start it again */
bool reload_retries(const struct managed_device *d);

/* Everything is made: does the rest, then reload_end(). */
void reload_apply(struct manager *m);
void reload_end(struct manager *m);
