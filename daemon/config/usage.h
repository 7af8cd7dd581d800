/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses a space: devices of one kind only, and preferably any.
 */
#pragma once

#include "config/validate.h"

/* 0, whatever was found, or -ENOMEM. */
int usage_check(const struct validation *v);

/* For what only the owner of a valid config can know: adds an error at the section of a device
 * or of a space, or, if the config has none, at its first file. 0 or -ENOMEM. */
int usage_refuse(const struct config *c, struct config_diagnostics *d, enum section_kind kind, const char *name,
		 const char *format, ...) PRINTF_LIKE(5, 6);
