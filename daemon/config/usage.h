/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses a space: devices of one kind only, and preferably any.
 */
#pragma once

#include "config/validate.h"

/* 0, whatever was found, or -ENOMEM. */
int usage_check(const struct validation *v);
