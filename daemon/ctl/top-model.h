/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What top shows: rates and percentiles of the time between the last two looks, and how the
 * rates were before. Fed with snapshots; knows neither the bus nor the terminal.
 */
#pragma once

#include "ctl/snapshot.h"

#define TOP_HISTORY 240
#define TOP_NAME 36

enum top_order {
	TOP_BY_RATE,
	TOP_BY_P99,
	TOP_BY_PENDING,
	TOP_BY_INVALID,
	TOP_BY_NAME,
	TOP_ORDERS,
};

struct top_device {
	char name[TOP_NAME];
	char state[16];
	char address[128];
	char error[256];
	bool seen;
	bool measured;      /* there were two looks: the rates and percentiles mean something */
	uint64_t usec;      /* of its last snapshot */
	uint64_t faults, invalid, pending;
	double rate;        /* faults per second */
	double invalid_rate;
	double history[TOP_HISTORY]; /* of the rate, oldest first */
	size_t n_history;
	uint64_t p50, p99, p999; /* ns; 0 = nothing was answered */
	struct buckets total;    /* at the last look */
	struct buckets interval; /* since the one before */
};

struct top_space {
	char name[TOP_NAME];
	bool seen, measured;
	uint64_t usec;
	uint64_t mapped, budget, backed;
	uint64_t evictions, refaults;
	double eviction_rate, refault_rate;
	const struct variant *devices; /* paths; of the last snapshot, valid until the next */
};

struct top_model {
	struct snapshot snapshot; /* the last one */
	struct top_device *devices;
	size_t n_devices;
	struct top_space *spaces;
	size_t n_spaces;
	double rate; /* of all */
};

void top_model_deinit(struct top_model *m);

/* Takes the snapshot, with its latencies. -ENOMEM. */
int top_model_look(struct top_model *m, struct snapshot *snapshot);

/* The order of devices in the array. */
void top_model_sort(struct top_model *m, enum top_order order);
const char *top_order_name(enum top_order order);
