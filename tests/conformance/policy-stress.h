/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two long tests on a region that is open and of which nothing is filled. */
#pragma once

#include "policy-drive.h"

/* In a wrapper that fails: each trouble on each kind of call, and that it has no consequences. */
void policy_stress_troubles(struct drive *d);

/* Everything at random, with several calls out at once; at the end nothing is filled. */
void policy_stress_random(struct drive *d);
