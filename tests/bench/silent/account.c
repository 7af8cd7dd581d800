/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon without statistics: in place of daemon/fault/account.c, nothing is counted. What
 * counting costs is the difference.
 */
#include "fault/account.h"

void account_read(struct stats *s, const struct account_read *a)
{
	(void)s;
	(void)a;
}

void account_answered(struct stats *s, enum queue_outcome outcome, uint64_t n_groups, uint64_t latency_ns)
{
	(void)s;
	(void)outcome;
	(void)n_groups;
	(void)latency_ns;
}

void account_stages(struct stats *s, const uint64_t ns[STAGE_COUNT], unsigned passed)
{
	(void)s;
	(void)ns;
	(void)passed;
}

void account_mapped(struct stats *s, uint64_t bytes)
{
	(void)s;
	(void)bytes;
}

void account_unmapped(struct stats *s, uint64_t bytes)
{
	(void)s;
	(void)bytes;
}

void account_event(struct stats *s, enum account_event event, uint64_t n)
{
	(void)s;
	(void)event;
	(void)n;
}
