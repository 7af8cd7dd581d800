/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that is there whole or not at all.
 */
#pragma once

#include <stdio.h>

#include "ctl/ctl.h"

/* write() fills a file beside this one, which then takes its place, mode 0644. */
enum ctl_exit output_file(const char *file, void (*write)(const void *userdata, FILE *out), const void *userdata);
