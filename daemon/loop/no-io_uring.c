/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of backends in a build with WITH_URING=0, in the place of backends.c.
 */
#include "loop/backend.h"

const struct loop_backend *const loop_backends[] = { &loop_libevent_backend, NULL };
const char *const loop_names_table[] = { "auto", "libevent", NULL };
const char *const loop_left_out = "this iopfd was built without io_uring";
