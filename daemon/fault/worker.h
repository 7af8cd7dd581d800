/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few threads, shared by all shards, that do what may sleep long in the kernel: a MAP
 * that allocates, zeroes or swaps in much. MAPs of different areas run in parallel there.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "base/cleanup.h"

struct workers;

struct work {
	STAILQ_ENTRY(work) link;
	void (*run)(struct work *w); /* on a worker; the work may be gone when it returns */
};

int workers_new(unsigned n_threads, struct workers **ret);
struct workers *workers_free(struct workers *w); /* nothing is submitted any more; ends what was */
DEFINE_CLEANUP(struct workers, workers_free)

void workers_submit(struct workers *w, struct work *work); /* any thread */
