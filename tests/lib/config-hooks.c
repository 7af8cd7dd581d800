/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-hooks.h"

#include <errno.h>
#include <string.h>

#include "config/diagnostic.h"

static const char *address_kind(const char *address)
{
	return strncmp(address, "sim", 3) == 0 ? "sim" : "iommufd";
}

static int check_address(const char *address, char *text, size_t size)
{
	unsigned domain, bus, device, function;
	char end;

	if (strcmp(address, "sim") == 0 || strncmp(address, "sim:", 4) == 0 || strcmp(address, "mock") == 0 ||
	    *address == '/' || sscanf(address, "vfio%u%c", &device, &end) == 1)
		return 0;
	if ((sscanf(address, "%4x:%2x:%2x.%1u%c", &domain, &bus, &device, &function, &end) == 4 ||
	     sscanf(address, "%2x:%2x.%1u%c", &bus, &device, &function, &end) == 3) && device < 32 && function < 8)
		return 0;
	snprintf(text, size, "'%s' is no address, expected something better", address);
	return -EINVAL;
}

/* What the built-in policies take: one of the words, or, without words, anything. */
static const struct policy_key {
	const char *policy;
	const char *key;
	const char *words[4];
} keys[] = {
	{ "anon", "discard", { "yes", "no" } },
	{ "file", "path", { 0 } },
	{ "file", "write-back", { "never", "on-evict", "30s" } },
	{ "file", "extend", { "yes", "no" } },
	{ "hugepage", "page-size", { "2M", "1G" } },
	{ "hugepage", "fallback", { "anon", "invalid" } },
};

static const char *const policies[] = { "anon", "file", "hugepage", "fd", NULL };
static const char *const event_loops[] = { "auto", "io_uring", "libevent", NULL };

static const char *const *policy_keys(const char *policy)
{
	static const char *list[ARRAY_SIZE(keys) + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].policy, policy) == 0)
			list[n++] = keys[i].key;
	list[n] = NULL;
	for (size_t i = 0; policies[i]; i++)
		if (strcmp(policies[i], policy) == 0)
			return list;
	return NULL;
}

static int check_policy(const char *name, const char *plugin_dir, char *text, size_t size)
{
	if (policy_keys(name) || (strcmp(name, "pattern") == 0 && strcmp(plugin_dir, T_PLUGIN_DIR) == 0))
		return 0;
	hint_describe_unknown("policy", name, policies, text, size);
	return -ENOENT;
}

static int check_setting(const char *policy, const char *plugin_dir, const char *key, const char *value, char *text,
			 size_t size)
{
	(void)plugin_dir;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *const *word = keys[i].words;

		if (strcmp(keys[i].policy, policy) != 0 || strcmp(keys[i].key, key) != 0)
			continue;
		if (!*word)
			return 0;
		for (; *word; word++)
			if (strcmp(*word, value) == 0)
				return 0;
		snprintf(text, size, "'%s' is not valid, expected %s", value, keys[i].words[0]);
		return -EINVAL;
	}
	return policy_keys(policy) ? -ENOENT : 0;
}

static uint64_t min_granule(const char *policy, const char *key, const char *value)
{
	if (strcmp(policy, "hugepage") != 0 || (key && strcmp(key, "page-size") != 0))
		return 0;
	return key && strcmp(value, "1G") == 0 ? 1ull << 30 : 2ull << 20;
}

const struct config_hooks t_config_hooks = {
	.event_loops = event_loops,
	.policies = policies,
	.check_policy = check_policy,
	.check_setting = check_setting,
	.policy_keys = policy_keys,
	.min_granule = min_granule,
	.check_address = check_address,
	.page_size = 4096,
	.address_kind = address_kind,
};
