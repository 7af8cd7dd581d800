/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One page visit: translation through the attachment's cache or the space's table, then the
 * transfer. Reaches memory in no other way. The device's lock is held.
 */
#pragma once

#include "device/sim/dma.h"

struct visit {
	uint64_t iova; /* of the page */
	bool is_write;
	unsigned n_requests; /* page requests so far */
};

/* False: there is no translation with the right that it needs. */
bool visit_try(struct dma_attachment *t, const struct visit *v);
