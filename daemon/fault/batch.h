/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was read from the queue and is not served yet: whose each group is, and what of it is
 * counted when it is read.
 */
#pragma once

#include "fault/pager.h"

/* Groups that were just read: finds their attachments (group.owner), counts them, answers
 * INVALID those with a record of somebody else; these have no records afterwards. */
void batch_admit(struct pager *p);
