/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a loop waits without sleeping, for sources that want it. Private to this folder.
 */
#pragma once

#include <stdbool.h>

#include "loop/backend.h"

/* The source had something: if it wants to be spun for, it is the one from now on. */
void spin_found(struct loop *l, struct loop_source *s);

/* The source goes away. */
void spin_forget(struct loop *l, const struct loop_source *s);

/* There is a source to spin for, and nothing is ready: spins, then sleeps. As backend.wait. */
int spin_wait(struct loop *l);
