/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Budgets against the regions that they are for, as far as both are given in bytes: what a
 * percentage comes to is known only where the daemon runs.
 */
#pragma once

#include "config/validate.h"

/* 0, whatever was found, or -ENOMEM. */
int budget_check(const struct validation *v);
