/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1 on the bus: shows the directory and changes nothing in it but the lent flag of
 * a device. Runs in the control thread's loop. A bus that is absent or goes away is looked for again with back-off;
 * nothing else notices.
 */
#pragma once

#include "base/cleanup.h"
#include "control/directory.h"
#include "loop/loop.h"

struct service;

/* The name of the program on the bus, in the one place where it is written. */
#define SERVICE_NAME "org.iopfd1"
#define SERVICE_PATH "/org/iopfd1"

/* A method call that waits for its answer. */
struct service_call;

enum space_command {
	SPACE_FLUSH,    /* write back all that was written; make it durable */
	SPACE_TRIM,     /* evict */
	SPACE_PREFAULT, /* map */
};

/* What the service asks of its owner, on the control thread. None may free the service. */
struct service_hooks {
	/* The bus name is owned by another process: the daemon must end with code 1. */
	void (*on_name_taken)(void *userdata);

	/* An admin wants this done. region: index in e->regions, SIZE_MAX = all of them (only
	 * SPACE_FLUSH). The range, of whole granules, is in the region; SPACE_FLUSH has none. The
	 * regions had policies a moment ago. The call is the owner's from now on: exactly one
	 * service_call_reply() follows, in here or later. NULL: not supported. */
	void (*on_space_command)(void *userdata, struct space_entry *e, size_t region, enum space_command command,
				 uint64_t offset, uint64_t length, struct service_call *call);
	void *userdata;
};

/* Answers and frees the call, on the control thread. result: 0, or a negative errno (-ESTALE:
 * the space is not open any more; -ERANGE: not this range). bytes: how many were unmapped or
 * mapped. Fine as well when the caller or the bus has gone, and after service_free(), which
 * tells those who wait that the daemon stops: then it only frees. */
void service_call_reply(struct service_call *call, int result, uint64_t bytes);

/* For the command line: 0, or -EINVAL when it can be no bus. */
int service_check_bus(const char *bus);

/* address: "system", "session", "none" or a D-Bus address (unix:...) of a message bus. Returns
 * at once, connected or not; -EINVAL when the address cannot be one. The directory must
 * outlive the service. */
int service_new(struct loop *l, const char *address, struct directory *directory, const struct service_hooks *hooks,
		struct service **ret);
struct service *service_free(struct service *s); /* says goodbye, flushes for at most 100 ms */
DEFINE_CLEANUP(struct service, service_free)

/* After the state, error, attachments or lent flag of an entry changed. */
void service_device_changed(struct service *s, const struct device_entry *e);
void service_state_changed(struct service *s);

/* After an entry came, or before it goes. All take a NULL service. */
void service_device_added(struct service *s, const struct device_entry *e);
void service_device_removed(struct service *s, const struct device_entry *e);
