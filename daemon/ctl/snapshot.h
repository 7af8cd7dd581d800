/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that the daemon shows, at about one moment: each object's counters are of one, the
 * objects are asked for one after the other.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "ctl/buckets.h"
#include "ctl/ctl.h"
#include "ctl/variant.h"

struct snapshot {
	struct variant *manager;    /* properties of the daemon */
	struct variant *statistics; /* its totals */
	struct variant *objects;    /* of devices and spaces, by path and interface */
	struct buckets *latency;    /* of each object, empty where it is no device; NULL: not asked for */
};

void snapshot_deinit(struct snapshot *s);

/* A negative errno with nothing said, but the error filled. */
int snapshot_try(sd_bus *bus, bool latency, struct snapshot *ret, sd_bus_error *ret_error);

/* What is wrong was told. */
enum ctl_exit snapshot_load(sd_bus *bus, bool latency, struct snapshot *ret);
