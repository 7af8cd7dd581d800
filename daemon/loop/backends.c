/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of backends. no-io_uring.c takes the place of this file in a build with
 * WITH_URING=0.
 */
#include "loop/backend.h"

const struct loop_backend *const loop_backends[] = { &loop_io_uring_backend, &loop_libevent_backend, NULL };
const char *const loop_names_table[] = { "auto", "io_uring", "libevent", NULL };
const char *const loop_left_out = NULL;
