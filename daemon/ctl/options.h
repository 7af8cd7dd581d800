/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fills ctl_options from the command line and the environment.
 */
#pragma once

#include "ctl/ctl.h"

/* Takes the options of all verbs out of argv (argv[0] stays); what is wrong was told. */
enum ctl_exit options_take(int *argc, char **argv);
