/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that help: a small stack, which costs little should the daemon lock its memory, and
 * no signals, which are for the thread that waits for them.
 */
#pragma once

#include <pthread.h>

/* name: at most 15 characters, or NULL. A negative errno. */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *userdata), void *userdata);
