/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pager does on its own: maps regions ahead of their faults, writes back at intervals,
 * ends groups that are too old. Nothing of it delays demand for longer than a small step, and
 * nothing of it pushes anything out.
 */
#pragma once

#include "fault/pager.h"

/* From the first attachment on: regions with on-fault = prefault. stop: they stay as they are. */
void background_start(struct pager *p);
void background_stop(struct pager *p);

/* When the next interval of write-back ends; and what is due then. */
void background_plan(struct pager *p);
void background_write_back(struct pager *p);

/* Groups older than the deadline are answered INVALID. */
void background_expire(struct pager *p);
