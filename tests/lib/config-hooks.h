/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the daemon's other layers would tell the configuration, made up for its tests: the
 * built-in policies with their keys, a plugin "pattern" in one folder, both event loops, and
 * addresses that only look right.
 */
#pragma once

#include "config/config.h"

#define T_PLUGIN_DIR "/opt/policies"

extern const struct config_hooks t_config_hooks; /* of a machine with pages of 4K */
