/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the service manager is told: ready, status, stopping, watchdog. Without
 * $NOTIFY_SOCKET every call does nothing.
 */
#pragma once

#include <stdint.h>

void notify_ready(const char *status);
void notify_status(const char *status);
void notify_stopping(const char *status);

/* Microseconds within which a ping is due, from $WATCHDOG_USEC; 0 = no watchdog. */
uint64_t notify_watchdog_usec(void);
void notify_watchdog_ping(void);
