/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon without statistics: in place of daemon/fault/account.c, nothing is counted. What
 * counting costs is the difference.
 */
#include "fault/account.h"

void account_group_read(struct stats *s, const struct uapi_fault_record *records, uint32_t n, uint32_t n_malformed)
{
	(void)s;
	(void)records;
	(void)n;
	(void)n_malformed;
}

void account_group_answered(struct stats *s, enum queue_outcome outcome, uint64_t latency_ns)
{
	(void)s;
	(void)outcome;
	(void)latency_ns;
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
