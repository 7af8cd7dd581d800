/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engines for I/O on files in a build with WITH_URING=0, in the place of io-engines.c.
 */
#include "policy/io.h"

const struct io_engine *const io_engines[] = { &io_pool_engine, NULL };
