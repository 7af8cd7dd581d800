/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A message bus of the test's own: a dbus-daemon that listens in t_tmpdir() and ends with
 * the test. One at a time; it can be stopped and started again at the same address.
 */
#pragma once

#include <systemd/sd-bus.h>

/* What a bus for tests allows: everything to everyone, and as much as they like. */
#define T_BUS_OPEN_RULES                                                                   \
	"<limit name=\"max_replies_per_connection\">100000</limit>"                        \
	"<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>"                \
	"<allow send_type=\"method_call\"/><allow send_type=\"signal\"/>"                  \
	"<allow send_requested_reply=\"true\"/><allow receive_sender=\"*\"/></policy>"

/* Known before the bus runs; for ever valid. */
const char *t_bus_address(void);

/* rules: what stands in <busconfig>. Skips the test where there is no dbus-daemon. */
void t_bus_start(const char *rules);
void t_bus_reload(const char *rules);
void t_bus_stop(void);
void t_bus_signal(int signo);

/* A fresh connection, ready. */
sd_bus *t_bus_client(void);
