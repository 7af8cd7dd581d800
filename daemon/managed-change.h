/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spaces that have less, or other things, than they were opened with.
 */
#pragma once

#include "managed.h"

/* tune: this limit and the manager's deadline hold from now on; a step. succeed: what a space
 * has that was closed, its users, its counters and the memory of regions that are backed by the
 * same, is this one's. relieve: spaces over a budget that was made smaller give back, little by
 * little. */
void managed_space_tune(struct managed_space *s, int64_t limit);
void managed_space_succeed(struct managed_space *s, struct managed_space *old, const struct config_space *config,
			   const struct config_space *old_config);
void managed_space_relieve(struct manager *m);

/* Gives back some of what it has mapped, for another space. */
void managed_space_shrink(struct managed_space *s);
