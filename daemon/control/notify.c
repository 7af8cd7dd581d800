/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service manager's side of our life, over $NOTIFY_SOCKET. The control thread only:
 * sending blocks while the manager does not read. A message that cannot be sent is
 * nobody's failure: it is dropped without a word.
 */
#include "control/notify.h"

#include <stddef.h>
#include <string.h>
#include <systemd/sd-daemon.h>

/* A line is an assignment of its own there, so a status ends where its first line does. */
static void notify_send(const char *assignments, const char *status)
{
	if (status)
		sd_notifyf(0, "%sSTATUS=%.*s", assignments, (int)strcspn(status, "\n"), status);
	else
		sd_notify(0, assignments);
}

void notify_ready(const char *status)
{
	notify_send("READY=1\n", status);
}

void notify_status(const char *status)
{
	notify_send("", status);
}

void notify_stopping(const char *status)
{
	notify_send("STOPPING=1\n", status);
}

uint64_t notify_watchdog_usec(void)
{
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}

void notify_watchdog_ping(void)
{
	sd_notify(0, "WATCHDOG=1");
}
