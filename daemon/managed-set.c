/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a configuration to spaces and devices. Everything that can fail is done before the
 * first of them is seen.
 */
#include "managed-set.h"

#include <errno.h>
#include <stdlib.h>

int managed_set_init(struct managed_set *set, struct manager *m, const struct config *config)
{
	*set = (struct managed_set){
		.manager = m,
		.config = config,
		.spaces = calloc(config->n_spaces + 1, sizeof(struct managed_space *)),
		.devices = calloc(config->n_devices + 1, sizeof(struct managed_device *)),
	};
	if (set->spaces && set->devices)
		return 0;
	managed_set_deinit(set);
	return -ENOMEM;
}

int managed_set_make(struct managed_set *set)
{
	const struct config *c = set->config;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_spaces; i++)
		if (!set->spaces[i])
			r = managed_space_new(set->manager, c, i, &set->spaces[i]);
	for (size_t i = 0; r >= 0 && i < c->n_devices; i++)
		if (!set->devices[i])
			r = managed_device_new(set->manager, &c->devices[i], set->spaces, &set->devices[i]);
	return r;
}

void managed_set_list(struct managed_set *set)
{
	for (size_t i = 0; i < set->config->n_spaces; i++)
		if (!set->spaces[i]->is_listed)
			managed_space_list(set->spaces[i]);
	for (size_t i = 0; i < set->config->n_devices; i++)
		if (!set->devices[i]->is_listed)
			managed_device_list(set->devices[i]);
	/* From here on they come and go on their own. */
	managed_set_deinit(set);
}

void managed_set_deinit(struct managed_set *set)
{
	for (size_t i = 0; set->devices && i < set->config->n_devices; i++)
		if (set->devices[i] && !set->devices[i]->is_listed)
			managed_device_free(set->devices[i]);
	for (size_t i = 0; set->spaces && i < set->config->n_spaces; i++)
		if (set->spaces[i] && !set->spaces[i]->is_listed)
			managed_space_free(set->spaces[i]);
	free(set->spaces);
	free(set->devices);
	*set = (struct managed_set){ 0 };
}
