/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the daemon counts in the text format that Prometheus reads: OpenMetrics 1.0, of which
 * only what the older format has as well, because node_exporter's textfile folder takes that.
 */
#pragma once

#include <stdio.h>

#include "ctl/snapshot.h"

void metrics_write(const struct snapshot *m, FILE *out);
