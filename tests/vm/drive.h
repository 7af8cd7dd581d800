/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the scenarios of the driver share: targets, that is a device, a window of IOVAs and
 * the memory that the daemon says is behind them.
 *
 *	device=NAME[,NAME…]      the device fd comes from the daemon (OpenDevice)
 *	bdf=ADDRESS              instead: its registers through sysfs
 *	region=SPACE/NAME[,…]    the memory (OpenMemory); one for all devices, or one for each
 *	iova=, at=, size=        where the region starts; the window in it (default: all)
 *	group=, depth=, channels=, first-channel=, pasid=, seed=
 */
#pragma once

#include "iopf-dma.h"
#include "scenario.h"

#define MAX_TARGETS 8

struct target {
	char device[OPTION_ITEM_SIZE];
	struct iopf_dma dma;
	int vfio_fd;      /* -1 with bdf= */
	uint8_t *memory;  /* of the window; NULL without region= */
};

struct setup {
	struct target targets[MAX_TARGETS];
	size_t n_targets;
	uint64_t iova;    /* of the window */
	uint64_t size;
	unsigned channels;
	struct iopf_job job; /* what all jobs of the scenario have in common; channel = the first */
};

/* Opens what the options ask for, waits until the devices are ready for jobs. */
void setup_open(struct client *c, struct setup *s);
void setup_close(struct setup *s);

/* Runs one job on all targets at once, its window split over the channels of each; all
 * must end within two minutes. */
void setup_run(const struct setup *s, enum iopf_op op);
void setup_start(const struct setup *s, enum iopf_op op);
void setup_wait(const struct setup *s);

/* Sum over the channels of a target. */
void setup_result(const struct setup *s, const struct target *t, struct iopf_result *ret);

/* Every page was visited, nothing failed, all contents as expected. */
void setup_must_be_right(const struct setup *s, const char *what);

/* The memory of the window holds the pattern, byte for byte, each word `plus` higher. */
void setup_compare(const struct setup *s, const struct target *t, uint64_t size, uint64_t plus);

/* data.c */
void scenario_data(struct client *c);
void scenario_read_first(struct client *c);
void scenario_buffer(struct client *c);
void scenario_ops(struct client *c);
void scenario_random(struct client *c);
void scenario_blind(struct client *c);

/* visits.c */
void scenario_visits(struct client *c);

/* trouble.c */
void scenario_refuse(struct client *c);
void scenario_headless(struct client *c);
void scenario_begin(struct client *c);
void scenario_peak(struct client *c);
void scenario_drained(struct client *c);

/* state.c */
void scenario_state(struct client *c);
void scenario_hold(struct client *c);
void scenario_expect(struct client *c);
void scenario_totals(struct client *c);
