/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What values mean together: all that can be wrong with sections whose single values are
 * right. Values that are wrong by themselves were told before and are left out.
 */
#pragma once

#include "config/section.h"

struct validation {
	const struct config *config;      /* with the names of its spaces */
	const struct sections *sections;
	const struct config_hooks *hooks;
	struct config_diagnostics *diagnostics;
	bool sections_lost;  /* a space that is not there may be one whose header is wrong */
};

/* 0, whatever was found, or -ENOMEM. */
int validate(const struct validation *v);
