/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a configuration to spaces and devices.
 */
#pragma once

#include "managed.h"

/* All that a configuration names, made and then listed in one go. What is put into spaces and
 * devices before make() is taken as it is. list: ends the set. deinit: what is not listed goes. */
struct managed_set {
	struct manager *manager;
	const struct config *config;     /* outlives the set */
	struct managed_space **spaces;   /* of each of config->spaces */
	struct managed_device **devices; /* of each of config->devices */
};

int managed_set_init(struct managed_set *set, struct manager *m, const struct config *config);
int managed_set_make(struct managed_set *set);
void managed_set_list(struct managed_set *set);
void managed_set_deinit(struct managed_set *set);
