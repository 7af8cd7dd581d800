/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a group is INVALID, and how that is told.
 */
#pragma once

#include "fault/pager.h"

/* Beside negative errnos; apart from FILL_WAIT_* of fill.h. */
enum refusal {
	REFUSED_OUTSIDE = 16, /* in no region */
	REFUSED_RIGHTS,       /* asks for more than the region gives */
	REFUSED_TOO_LARGE,    /* the group needs more than the whole budget */
};

/* Logs the record that cannot be served, at a limited rate. */
void refusal_log(struct pager *p, struct attachment *a, const struct uapi_fault_record *record, int outcome);

/* Does the group need more than could ever be there at one moment? For one that found no room. */
bool refusal_is_too_large(struct pager *p, const struct group *g, const struct uapi_fault_record *records);
