/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of AttachDevice as the text of a configuration file, in which they cannot say more
 * than their keys and values.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* m stands at the a{sv}. *ret_text on the heap, NULL if there are no options; fds of the
 * message are in it by their number. with_address: false if the device itself is given. */
int service_options_read(sd_bus_message *m, const char *device, bool with_address, char **ret_text,
			 sd_bus_error *ret_error);
