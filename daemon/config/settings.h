/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys that are not in the table. In a region they are its policy's, and which policy that
 * is (and where plugins are) is known only when all files were read: so they are kept until
 * then. Everywhere else, and if the policy does not take them, they are unknown.
 */
#pragma once

#include "config/section.h"

struct settings_context {
	const struct config_hooks *hooks;
	struct config_diagnostics *diagnostics;
	enum config_severity unknown; /* what an unknown key is */
};

/* Tells that the key at this place is none, with what was meant. policy: of a region, else
 * NULL. 0 or -ENOMEM. */
int settings_tell_unknown(const struct settings_context *c, const struct diagnostic_place *place,
			  enum section_kind kind, const char *policy);

/* Asks the policies about themselves and their keys. Leaves in each region only what its
 * policy takes, and raises a granule that is not given to what the policy needs. 0, whatever
 * was found, or -ENOMEM. */
int settings_check(const struct settings_context *c, struct sections *s);

/* The settings of a region that passed. 0 or -ENOMEM; the region owns what is there already. */
int settings_build(const struct section *s, struct config_region *region);
