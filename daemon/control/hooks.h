/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the service asks of its owner, the manager, on the control thread. None of these may
 * free the service. NULL: not supported.
 *
 * A call is a method call that waits for its answer. With it the owner takes the duty of
 * exactly one service_call_reply(), service_call_fail() or service_call_reply_device(), in
 * the hook or later; entries may have gone by then.
 */
#pragma once

#include "config/diagnostic.h"
#include "control/directory.h"

struct service_call;

enum space_command {
	SPACE_FLUSH,    /* write back all that was written; make it durable */
	SPACE_TRIM,     /* evict */
	SPACE_PREFAULT, /* map */
};

enum device_command {
	DEVICE_COMMAND_DETACH,
	DEVICE_COMMAND_DRAIN,  /* until nothing of it is unanswered; usec: at most so long, then ETIMEDOUT */
	DEVICE_COMMAND_PAUSE,  /* its faults are kept; usec: until it resumes by itself, 0 = the daemon's limit */
	DEVICE_COMMAND_RESUME,
};

/* A device that somebody brings along. The service checked names and types; text is what a
 * configuration file would say about it: [device NAME], and maybe [space NAME] and regions.
 * Valid during the hook. NULL text: a configured device shall be attached again. */
struct attach_request {
	const char *name;
	const char *text;
	int device_fd; /* an open cdev that the owner duplicates; -1 = none, text has an address */
};

struct service_hooks {
	/* The bus name is owned by another process: the daemon must end with code 1. */
	void (*on_name_taken)(void *userdata);

	/* region: index in e->regions, SIZE_MAX = all of them (only SPACE_FLUSH). The range, of
	 * whole granules, is in the region; SPACE_FLUSH has none. The regions had policies a
	 * moment ago. */
	void (*on_space_command)(void *userdata, struct space_entry *e, size_t region, enum space_command command,
				 uint64_t offset, uint64_t length, struct service_call *call);

	void (*on_device_command)(void *userdata, struct device_entry *e, enum device_command command, uint64_t usec,
				  struct service_call *call);

	/* space: what the PASID shall use, which has to be open or to be opened; NULL: detach. */
	void (*on_pasid)(void *userdata, struct device_entry *e, uint32_t pasid, struct space_entry *space,
			 struct service_call *call);

	void (*on_attach)(void *userdata, const struct attach_request *request, struct service_call *call);
	void (*on_reload)(void *userdata, struct service_call *call);

	/* At once. plan: what a reload would do, a line each, on the heap; -EINVAL: why_text, on
	 * the heap as well, has the diagnostics. check: the diagnostics of the files as they are. */
	int (*on_plan)(void *userdata, char **ret_plan, char **ret_why);
	int (*on_check)(void *userdata, struct config_diagnostics *ret);

	/* A new trace: *ret_fd is the reader's end. device, space: only of this one, NULL = all. */
	int (*on_trace)(void *userdata, const struct device_entry *device, const struct space_entry *space,
			bool invalid_only, int *ret_fd);

	/* Writes the state as text. */
	void (*on_dump)(void *userdata, FILE *out);
	void *userdata;
};

/* All answer and free the call, on the control thread; fine as well when the caller or the bus
 * has gone, and after service_free(), which tells those who wait that the daemon stops.
 * result: 0, or a negative errno (-ESTALE: the space is not open any more; -ERANGE: not this
 * range). bytes: how many were unmapped or mapped; 0 where the method returns nothing. */
void service_call_reply(struct service_call *call, int result, uint64_t bytes);

/* Attached: the reply is the object's path. */
void service_call_reply_device(struct service_call *call, const struct device_entry *e);

/* why->error picks the name of the error: ENOENT NoSuchDevice, EEXIST DeviceExists, EBUSY
 * DeviceBusy, ENODEV DeviceGone, ENXIO NotBoundToVfio, ETIMEDOUT Timeout, ESTALE SpaceClosed,
 * EINVAL ConfigInvalid, ENOSPC LimitExceeded, EINPROGRESS Draining, EOPNOTSUPP NotSupported,
 * ENOMEM MemlockExceeded, ERANGE InvalidRange, ENOTTY KernelTooOld, ENOPKG IommufdUnavailable,
 * ENOSTR NoCharDevice, EPROTONOSUPPORT NoPageRequest; another one the errno's own. text: the
 * sentence, any length. */
void service_call_fail(struct service_call *call, int error, const char *text);
