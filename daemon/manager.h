/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control thread: brings up what the configuration names, keeps the service manager
 * and the bus informed, and takes everything down again in the kernel's order.
 */
#pragma once

#include "base/cleanup.h"
#include "config/config.h"

struct manager;

/* Strings are not copied, they outlive the manager. */
struct manager_setup {
	const char *bus;             /* as for service_new() */
	struct config_source source; /* where the configuration is loaded from again */
	struct config_hooks hooks;
};

/* Signals that the manager handles must be blocked by the caller before any thread starts:
 * manager_block_signals(). The configuration is taken, also on error. Errors are logged. */
int manager_new(const struct manager_setup *setup, struct config *config_consume, struct manager **ret);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager, manager_free)

void manager_block_signals(void);

/* Until SIGTERM or SIGINT, then drains, detaches and closes all. Returns the exit code. A
 * negative errno: a thread of the daemon cannot go on. Then nothing may be freed, for the
 * others still run: the process must end at once, and the kernel detaches the devices. */
int manager_run(struct manager *m);
