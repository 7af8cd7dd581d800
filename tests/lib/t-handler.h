/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The smallest fault handler there can be, over device_ops: maps page by page from one
 * memfd and answers each group. Tests of devices stand on it instead of the daemon.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "device/uapi.h"

#define T_PAGE 4096ull

struct t_handler {
	struct ioas *ioas;
	int fd;             /* a memfd of `length` bytes, owned */
	uint64_t iova;      /* faults outside [iova, iova + length) are answered INVALID */
	uint64_t length;
	uint32_t access;    /* what is mapped */
	bool *mapped;       /* by page */
	uint64_t n_groups, n_records, n_invalid;
	/* May be NULL: where in the file a page lies instead of its own place. */
	uint64_t (*place)(uint64_t page);
};

void t_handler_init(struct t_handler *h, struct ioas *ioas, uint64_t iova, uint64_t length);
void t_handler_deinit(struct t_handler *h); /* the ioas stays the caller's */

/* Serves what is queued. Returns how many groups that were. */
unsigned t_handler_serve(struct t_handler *h);

/* Serves, or waits at most this long for something to serve. */
unsigned t_handler_wait(struct t_handler *h, int timeout_ms);
void t_handler_map(struct t_handler *h, uint64_t page);
void t_handler_unmap(struct t_handler *h, uint64_t page);
void t_handler_unmap_all(struct t_handler *h);
