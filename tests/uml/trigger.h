/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the scenarios on the mock device share:
 *
 *	pid=                     the daemon
 *	device=NAME, index=      its name and its place among the daemon's mock devices
 *	region=SPACE/NAME, iova=, at=, size=   as for the driver of the emulated device
 *	pasid=                   0: the device itself
 */
#pragma once

#include "mock.h"
#include "scenario.h"

struct setup {
	struct mock mock;
	const char *device; /* its object on the bus */
	uint32_t pasid;
	uint64_t iova;      /* of the window */
	uint64_t size;
	uint8_t *memory;    /* of the window */
	struct mock_answers answers;     /* before the first trigger */
	struct client_statistics before; /* likewise, of the device */
};

void setup_open(struct client *c, struct setup *s);
void setup_close(struct setup *s);

/* Everything triggered was answered, as the kernel counted it: so many refused, all others
 * served. The daemon counted the same, and the accounting equation holds. */
void setup_must_be_answered(struct client *c, struct setup *s, uint64_t refused);

/* A page table of the kernel shows, from the IOVA on, this part of our window. */
void setup_must_be_mapped(const struct setup *s, uint64_t at, uint64_t length);

/* Counter of the device, less what it was when the scenario began. */
uint64_t setup_counted(const struct setup *s, const struct client_statistics *now, const char *name);

/* groups.c */
void scenario_groups(struct client *c);
void scenario_oversized(struct client *c);
void scenario_refuse(struct client *c);
void scenario_permissions(struct client *c);
void scenario_storm(struct client *c);

/* life.c */
void scenario_state(struct client *c);
void scenario_unattached(struct client *c);
void scenario_stale(struct client *c);
void scenario_stop(struct client *c);
void scenario_memory(struct client *c);
void scenario_idle(struct client *c);
void scenario_objects(struct client *c);
