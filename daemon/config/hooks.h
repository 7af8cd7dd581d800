/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the configuration cannot know itself and asks its caller. The defaults pass: "auto"
 * is an event loop, "anon" a policy.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct config_hooks {
	const char *const *event_loops; /* names, NULL-terminated */

	/* Names of the built-in policies, NULL-terminated. */
	const char *const *policies;

	/* 0, or a negative errno with what is wrong and what was expected in text (for a name that
	 * nobody has: hint_describe_unknown()). plugin_dir: where to look if it is not built in. */
	int (*check_policy)(const char *name, const char *plugin_dir, char *text, size_t size);

	/* A key that the core does not know, of a policy that passed. 0; -ENOENT: the policy does
	 * not know it either; another negative errno: text says what is wrong with the value, which
	 * is not empty, and what was expected. Plugins take every key here, and judge it when they
	 * are opened. */
	int (*check_setting)(const char *policy, const char *plugin_dir, const char *key, const char *value,
			     char *text, size_t size);

	/* The keys of a built-in policy, NULL-terminated; NULL for any other name. */
	const char *const *(*policy_keys)(const char *policy);

	/* What a granule has at least because of this key of the policy, or (key is NULL) of the
	 * policy as such, with its defaults. 0: nothing. */
	uint64_t (*min_granule)(const char *policy, const char *key, const char *value);

	/* 0, or fills text with what is wrong and what was expected */
	int (*check_address)(const char *address, char *text, size_t size);

	/* Of this machine: what a granule has at least. */
	uint64_t page_size;

	/* "sim", "iommufd": devices that share a space must be of one kind */
	const char *(*address_kind)(const char *address);
};
