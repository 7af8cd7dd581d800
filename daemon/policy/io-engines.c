/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engines for I/O on files, the preferred one first. The last one works everywhere.
 */
#include "policy/io.h"

const struct io_engine *const io_engines[] = { &io_uring_engine, &io_pool_engine, NULL };
