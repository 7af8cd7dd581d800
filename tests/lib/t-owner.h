/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whoever is behind the service, in tests: notes what it is asked for, and answers at once or
 * when the test says so. Runs in the service's thread; n_commands says what of it is there.
 */
#pragma once

#include <stdatomic.h>
#include <sys/stat.h>

#include "control/service.h"

#define T_MAX_COMMANDS 128

enum t_hook { T_HOOK_SPACE, T_HOOK_DEVICE, T_HOOK_PASID, T_HOOK_ATTACH, T_HOOK_RELOAD };

struct t_command {
	enum t_hook hook;
	struct service_call *call;
	struct space_entry *space; /* NULL: a PASID goes */
	size_t region;
	int command;               /* enum space_command or device_command */
	uint64_t offset;
	uint64_t length;
	struct device_entry *device;
	uint64_t usec;
	uint32_t pasid;
	char name[40];             /* of attach */
	char text[1024];           /* likewise; "(none)" */
	struct stat device_fd;     /* what it is; all 0: none */
	struct stat memory_fd;     /* of a line "fd = N" in the text */
};

struct t_owner {
	bool absent;            /* no hooks at all; set it before the start */
	atomic_uint n_name_taken;
	bool answers_at_once;   /* all commands, with their length; likewise */
	struct device_entry *attached; /* what attach then answers */
	struct t_command commands[T_MAX_COMMANDS];
	atomic_uint n_commands; /* since the start */
	/* Methods that are answered at once. */
	atomic_uint n_asked;    /* since the start */
	const char *plan;
	const char *why;        /* not NULL: no plan, but this */
	int trace_error;
	const struct device_entry *trace_device;
	const struct space_entry *trace_space;
	bool trace_invalid_only;
};

extern struct t_owner t_owner;
extern const struct service_hooks t_owner_hooks;
