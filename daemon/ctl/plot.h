/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats --plot: counters are recorded for a while and drawn.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "ctl/ctl.h"

struct plot_request {
	const char *file; /* is replaced at once when all is drawn */
	const char *name; /* NULL = the total */
	const char *find; /* "GetDevice" or "GetSpace" */
	uint64_t interval_usec; /* not 0 */
	uint64_t duration_usec; /* not less than that */
};

#define PLOT_REQUEST_INIT { .interval_usec = 1000000, .duration_usec = 30000000 }

/* SIGINT ends the record early; what there is then is drawn. */
enum ctl_exit plot_record(sd_bus *bus, const struct plot_request *q);
