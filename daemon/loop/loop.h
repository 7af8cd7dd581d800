/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readiness of fds behind one table with two backends: libevent and io_uring. Timers are
 * timerfds and signals are a signalfd, so a backend knows nothing but fds.
 *
 * A loop is used by one thread, that of its first loop_run(); another one may build it
 * before, and take it down when that thread has ended.
 *
 * The meaning is level-triggered in both: a callback comes again while its fd is ready.
 * With LOOP_DRAIN the callback promises to read until there is nothing left or to return
 * LOOP_AGAIN; io_uring may then use one multishot poll instead of re-arming each time. What
 * comes after its last read is a new event: it need not read once more to see nothing.
 */
#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define LOOP_READ 1u
#define LOOP_WRITE 2u
#define LOOP_DRAIN 4u

/* Outcome of a callback: call me again in the next round, whatever the fd says. */
#define LOOP_AGAIN 1

/* Outcome of a callback with LOOP_DRAIN: there was something, now there is nothing left. */
#define LOOP_FOUND 2

#define LOOP_SPIN_AUTO (-1)

struct loop;
struct loop_source;

/* events: LOOP_READ and/or LOOP_WRITE (also after an error or hang-up on the fd; 0 when it
 * comes back because of LOOP_AGAIN). Returns 0 or LOOP_AGAIN. It may add and remove any
 * source, its own included, and stop the loop. */
typedef int (*loop_fn)(struct loop_source *s, uint32_t events, void *userdata);

/* name: "io_uring", "libevent", or "auto": io_uring where the kernel allows it (probed by
 * setting one up; kernel.io_uring_disabled and seccomp forbid it), else libevent.
 * Returns 0; -EINVAL unknown name; -EPERM, -ENOSYS, -EOPNOTSUPP where an explicitly asked
 * io_uring is not allowed or too old; -ENOMEM, -EMFILE. */
int loop_new(const char *name, struct loop **ret);
struct loop *loop_free(struct loop *l); /* frees all sources that are left; not their fds */
DEFINE_CLEANUP(struct loop, loop_free)
const char *loop_name(const struct loop *l);      /* "io_uring" or "libevent" */
const char *loop_fallback(const struct loop *l);  /* why auto did not take io_uring, or NULL */
const char *const *loop_names(void);              /* what loop_new() takes; NULL-terminated */

/* The fd stays the caller's: it must outlive the source. One source per fd and loop. -EBADF,
 * -EPERM (a regular file is always ready), -EEXIST, -ENOMEM. */
int loop_add(struct loop *l, int fd, uint32_t events, loop_fn fn, void *userdata, struct loop_source **ret);
int loop_modify(struct loop_source *s, uint32_t events); /* 0 = watch nothing for now */

/* After this source (LOOP_DRAIN) returned LOOP_FOUND and before the loop sleeps, it is called
 * again and again, with events 0, for so long, or for as long as it pays (LOOP_SPIN_AUTO);
 * 0 = not at all, as it is at first. For who has a CPU to spare. */
void loop_set_spin(struct loop_source *s, int64_t ns);

/* After this no callback of the source comes, even for events already collected, and the
 * kernel holds nothing of the fd any more. Takes NULL, returns NULL. */
struct loop_source *loop_remove(struct loop_source *s);

/* A timer source owns its timerfd; it starts disarmed. at_ns: absolute CLOCK_MONOTONIC,
 * 0 = disarm. One shot. */
int loop_add_timer(struct loop *l, loop_fn fn, void *userdata, struct loop_source **ret);
int loop_set_timer(struct loop_source *s, uint64_t at_ns);

/* The signals must be blocked in all threads. The callback is called once for each. */
typedef void (*loop_signal_fn)(int signo, void *userdata);
int loop_add_signals(struct loop *l, const sigset_t *signals, loop_signal_fn fn, void *userdata,
		     struct loop_source **ret);

/* Runs until loop_stop(); returns its result, or a negative errno of the backend. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int result); /* from a callback */
