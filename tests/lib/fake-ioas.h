/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device and an ioas that do what a test says, for what is above the device layer: the
 * test queues fault groups, tells which call fails next, and reads what was done. The
 * readiness fd is an eventfd that is readable while records are queued. One thread; map may
 * come from others, too.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "device/device.h"
#include "device/uapi.h"

#define FAKE_MAX 8192

struct fake_map {
	uint64_t iova;
	uint64_t length;
	int fd;
	uint64_t offset;
	uint32_t access;
};

struct fake_ioas {
	struct ioas ioas;
	struct uapi_fault_record records[FAKE_MAX];
	size_t n_records;
	struct uapi_answer answers[FAKE_MAX]; /* all that were accepted */
	size_t n_answers;
	pthread_mutex_t map_lock;
	struct fake_map maps[FAKE_MAX];
	size_t n_maps;
	uint32_t n_attached;
	unsigned n_reads, n_writes, n_unmaps;
	/* What goes wrong: consumed by the next call, unless negative counts stay. */
	int map_error;           /* every map fails with this while set */
	uint64_t map_at_most;    /* longer maps fail; 0 = none */
	int read_error, write_error; /* likewise */
	size_t read_at_most;     /* records brought by one read, as if out of memory; 0 = all */
	size_t write_at_most;    /* answers taken by one write; 0 = all */
	uint32_t unknown_cookie; /* refused with EINVAL when first, ends a write before it; 0 = none */
	int attach_error;
	bool closed;
};

struct fake_device {
	struct device device;
};

void fake_ioas_init(struct fake_ioas *f);
void fake_ioas_deinit(struct fake_ioas *f);
void fake_device_init(struct fake_device *d, const char *name, uint32_t dev_id);
void fake_device_deinit(struct fake_device *d);

/* One group of n pages from iova on. pasid: PASID_NONE or a number. */
void fake_group(struct fake_ioas *f, uint32_t cookie, uint32_t dev_id, uint32_t pasid, uint64_t iova, size_t n,
		uint32_t perm);

/* The code that the cookie was answered with, -1 if it was not. Fails on two answers. */
int fake_answer(const struct fake_ioas *f, uint32_t cookie);
