/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/settings.h"

#include <errno.h>
#include <string.h>

#include "config/value.h"

static bool is_in(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* The built-in policy that has the key, or NULL. */
static const char *find_owner(const struct config_hooks *hooks, const char *key)
{
	for (const char *const *policy = hooks->policies; *policy; policy++)
		if (is_in(hooks->policy_keys(*policy), key))
			return *policy;
	return NULL;
}

/* Not merely unknown: what it is for is known, and that it does nothing here. */
static int tell_owner(const struct settings_context *c, const struct diagnostic_place *place, enum section_kind kind,
		      const char *owner, const char *policy)
{
	if (kind == SECTION_REGION)
		return diagnostics_add(c->diagnostics, CONFIG_ERROR, place,
				       "a key of the policy '%s', and the policy of this region is '%s'", owner, policy);
	return diagnostics_add(c->diagnostics, c->unknown, place, "a key of %s with the policy '%s', not of %s",
			       section_kinds[SECTION_REGION].form, owner, section_kinds[kind].form);
}

/* All that could have been meant. */
static void gather_keys(const struct settings_context *c, enum section_kind kind, const char *policy,
			struct hint *hint, char *list, size_t size)
{
	const char *const *key = policy ? c->hooks->policy_keys(policy) : NULL;

	for (size_t i = 0; i < key_table_size; i++)
		if (key_table[i].kind == kind) {
			hint_consider(hint, key_table[i].name);
			list_add_word(list, size, key_table[i].name);
		}
	for (; key && *key; key++) {
		hint_consider(hint, *key);
		list_add_word(list, size, *key);
	}
}

int settings_tell_unknown(const struct settings_context *c, const struct diagnostic_place *place,
			  enum section_kind kind, const char *policy)
{
	const char *form = section_kinds[kind].form, *owner = find_owner(c->hooks, place->key);
	char list[256] = "", guess[64];
	struct hint hint;

	for (size_t i = 0; i < key_table_size; i++)
		if (strcmp(key_table[i].name, place->key) == 0)
			return diagnostics_add(c->diagnostics, c->unknown, place, "a key of %s, not of %s",
					       section_kinds[key_table[i].kind].form, form);
	if (owner)
		return tell_owner(c, place, kind, owner, policy);
	hint_init(&hint, place->key);
	gather_keys(c, kind, policy, &hint, list, sizeof(list));
	hint_format(&hint, guess, sizeof(guess));
	return diagnostics_add(c->diagnostics, c->unknown, place, "unknown key%s expected one of: %s",
			       *guess ? guess : ",", list);
}

/* 1: the setting counts; 0: it does not, and if it is wrong that was told. */
static int check_setting(const struct settings_context *c, const struct section *s, const struct setting *setting,
			 const char *plugin_dir)
{
	const char *policy = s->values.region.policy;
	struct diagnostic_place place = setting_place(s, setting);
	char text[320] = "";
	int r;

	if (!*setting->value) {
		/* What is taken back may be a key of the policy that the region had before. */
		if (!c->hooks->policy_keys(policy) || find_owner(c->hooks, setting->name))
			return 0;
		return settings_tell_unknown(c, &place, SECTION_REGION, policy);
	}
	r = c->hooks->check_setting(policy, plugin_dir, setting->name, setting->value, text, sizeof(text));
	if (r == -ENOENT)
		return settings_tell_unknown(c, &place, SECTION_REGION, policy);
	if (r < 0)
		return diagnostics_add(c->diagnostics, CONFIG_ERROR, &place, "%s%s", text,
				       diagnostic_advice(setting->value));
	return 1;
}

/* What the memory of the policy is made of cannot be mapped in smaller pieces: what is given
 * must be as large, and if nothing is, it is that. */
static int check_granule(const struct settings_context *c, struct section *s)
{
	struct diagnostic_place place = section_place(s, "granule");
	const char *policy = s->values.region.policy;
	uint64_t least = c->hooks->min_granule(policy, NULL, NULL);
	char given[VALUE_SIZE_TEXT_MAX], text[VALUE_SIZE_TEXT_MAX];

	for (size_t i = 0; i < s->n_settings; i++) {
		uint64_t asked = c->hooks->min_granule(policy, s->settings[i].name, s->settings[i].value);

		if (asked)
			least = asked;
	}
	if (!section_has(s, "granule") || s->values.region.granule >= least)
		return 0;
	if (!section_entry(s, "granule")) {
		s->values.region.granule = least;
		return 0;
	}
	section_mark_bad(s, "granule");
	return diagnostics_add(c->diagnostics, CONFIG_ERROR, &place,
			       "%s is less than a page of the policy '%s', expected at least %s",
			       value_format_size(s->values.region.granule, given), policy, value_format_size(least, text));
}

static int check_region(const struct settings_context *c, struct section *s, const char *plugin_dir)
{
	struct diagnostic_place place = section_place(s, "policy");
	const char *policy = s->values.region.policy;
	char text[320] = "";

	/* Without a folder nothing can be said of plugins. */
	if (!section_has(s, "policy") || (!plugin_dir && !is_in(c->hooks->policies, policy)))
		return 0;
	if (c->hooks->check_policy(policy, plugin_dir, text, sizeof(text)) < 0) {
		section_mark_bad(s, "policy");
		return diagnostics_add(c->diagnostics, CONFIG_ERROR, &place, "%s", text);
	}
	for (size_t i = 0; i < s->n_settings;) {
		int r = check_setting(c, s, &s->settings[i], plugin_dir);

		if (r < 0)
			return r;
		if (r == 0)
			section_remove_setting(s, i);
		else
			i++;
	}
	return check_granule(c, s);
}

int settings_check(const struct settings_context *c, struct sections *s)
{
	const struct section *daemon = sections_find(s, SECTION_DAEMON, "");
	const char *plugin_dir = section_has(daemon, "plugin-dir") ? daemon->values.daemon.plugin_dir : NULL;
	int r = 0;

	for (size_t i = 0; i < s->n_items && r == 0; i++)
		if (s->items[i]->kind == SECTION_REGION)
			r = check_region(c, s->items[i], plugin_dir);
	return r;
}

int settings_build(const struct section *s, struct config_region *region)
{
	region->settings = calloc(s->n_settings + 1, sizeof(*region->settings));
	if (!region->settings)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_settings; i++) {
		const struct setting *setting = &s->settings[i];
		struct config_setting *copy = &region->settings[region->n_settings++];

		copy->key = strdup(setting->name);
		copy->value = strdup(setting->value);
		if (!copy->key || !copy->value ||
		    asprintf(&copy->source, "%s:%u", setting->origin.file, setting->origin.line) < 0) {
			copy->source = NULL;
			return -ENOMEM;
		}
		/* The policy knows how to write back, the core knows when. Words mean no interval. */
		if (strcmp(copy->key, "write-back") == 0)
			value_parse_time(copy->value, &region->write_back_ns);
	}
	return 0;
}
