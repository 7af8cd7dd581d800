/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading: files, in order, through the reader into merged sections; then validation; then
 * the struct. One wrong line never hides another one, so everything goes on after an error
 * and only the result is withheld.
 */
#include "config/config.h"

#include <errno.h>
#include <string.h>

#include "config/build.h"
#include "config/files.h"
#include "config/reader.h"
#include "config/settings.h"
#include "config/validate.h"
#include "config/value.h"

struct loader {
	struct config *config;
	const struct config_hooks *hooks;
	struct config_diagnostics *diagnostics;
	const char *file;
	struct section *current; /* NULL: keys are skipped, their section was told about */
	struct settings_context settings; /* for unknown sections, too */
	bool sections_lost;
	bool files_lost;
};

static int lose_section(struct loader *l, const struct diagnostic_place *place, const char *what)
{
	l->sections_lost = true;
	return diagnostics_add(l->diagnostics, CONFIG_ERROR, place, "%s", what);
}

static int on_unknown_kind(struct loader *l, const struct diagnostic_place *place, const char *word)
{
	struct hint hint;
	char guess[64];

	hint_init(&hint, word);
	for (size_t i = 0; i < SECTION_KIND_MAX; i++)
		hint_consider(&hint, section_kinds[i].word);
	hint_format(&hint, guess, sizeof(guess));
	if (l->settings.unknown == CONFIG_ERROR)
		l->sections_lost = true;
	return diagnostics_add(l->diagnostics, l->settings.unknown, place,
			       "unknown kind of section '%s'%s expected one of: %s, %s, %s, %s", word,
			       *guess ? guess : ",", section_kinds[SECTION_DAEMON].form,
			       section_kinds[SECTION_SPACE].form, section_kinds[SECTION_REGION].form,
			       section_kinds[SECTION_DEVICE].form);
}

/* Says in text what is wrong with the name of a section; returns its length, 0 = nothing is. */
static int describe_wrong_name(enum section_kind kind, const char *name, char *text, size_t size)
{
	const char *form = section_kinds[kind].form, *slash = strchr(name, '/');
	char space[READER_SECTION_MAX + 1];
	const char *part = name;

	if (kind == SECTION_DAEMON && *name)
		return snprintf(text, size, "'%s' after the kind, expected %s", name, form);
	if (kind != SECTION_DAEMON && !*name)
		return snprintf(text, size, "section without a name, expected %s", form);
	if (kind == SECTION_REGION) {
		if (!slash)
			return snprintf(text, size, "region '%s' without a space, expected %s", name, form);
		snprintf(space, sizeof(space), "%.*s", (int)(slash - name), name);
		part = value_is_name(space) ? slash + 1 : space;
	}
	if (kind == SECTION_DAEMON || value_is_name(part))
		return 0;
	if (strlen(part) > CONFIG_NAME_MAX)
		return snprintf(text, size, "name of %zu characters '%s', expected at most %d", strlen(part), part,
				CONFIG_NAME_MAX);
	return snprintf(text, size, "'%s' is no name, expected 1 to %d of A-Z a-z 0-9 _ in %s", part,
			CONFIG_NAME_MAX, form);
}

static int on_section(void *userdata, unsigned line, const char *header)
{
	struct loader *l = userdata;
	struct diagnostic_place place = { .file = l->file, .line = line, .section = header, .key = "" };
	struct origin origin = { .file = l->file, .line = line };
	char word[READER_SECTION_MAX + 1], name[READER_SECTION_MAX + 1] = "", text[256];
	enum section_kind kind = 0;
	size_t end;

	l->current = NULL;
	if (!header) {
		l->sections_lost = true;
		return 0;
	}
	if (sscanf(header, " %49s %49[^\n]", word, name) < 1)
		return 0;
	end = strlen(name);
	while (end && strchr(" \t", name[end - 1]))
		name[--end] = 0;

	while (kind < SECTION_KIND_MAX && strcmp(section_kinds[kind].word, word) != 0)
		kind++;
	if (kind == SECTION_KIND_MAX)
		return on_unknown_kind(l, &place, word);
	if (describe_wrong_name(kind, name, text, sizeof(text)) > 0)
		return lose_section(l, &place, text);
	return sections_open(l->config->entries, kind, name, &origin, l->hooks, &l->current);
}

static int on_key(void *userdata, unsigned line, const char *name, const char *value)
{
	struct loader *l = userdata;
	struct origin origin = { .file = l->file, .line = line };
	struct diagnostic_place place = { .file = l->file, .line = line, .key = name };
	struct key_problem why;
	const struct key *key;
	int r;

	if (!l->current)
		return 0;
	place.section = l->current->title;
	key = key_find(l->current->kind, name);
	if (!key && l->current->kind == SECTION_REGION)
		return section_set(l->current, name, value, &origin);
	if (!key)
		return settings_tell_unknown(&l->settings, &place, l->current->kind, NULL);
	r = section_assign(l->current, key, value, &origin, l->hooks, &why);
	if (r != -EINVAL)
		return r;
	return diagnostics_add(l->diagnostics, CONFIG_ERROR, &place, "%s%s", why.text, diagnostic_advice(value));
}

static int on_problem(void *userdata, unsigned line, const char *section, const char *key, const char *text)
{
	struct loader *l = userdata;
	struct diagnostic_place place = { .file = l->file, .line = line, .section = section, .key = key };

	return diagnostics_add(l->diagnostics, CONFIG_ERROR, &place, "%s", text);
}

static int read_files(struct loader *l, const char *text)
{
	static const struct reader_events events = { on_section, on_key, on_problem };

	for (char **file = l->config->files; *file; file++) {
		int r;

		l->file = *file;
		l->current = NULL;
		r = text ? reader_read_text(text, strlen(text), &events, l) : reader_read(l->file, &events, l);
		if (r == -ENOMEM)
			return r;
		if (r == -EACCES || r == -EPERM)
			l->diagnostics->unreadable = true;
		if (r < 0)
			l->files_lost = true;
	}
	return 0;
}

static int warn_without_files(struct loader *l, const struct config_source *source)
{
	struct diagnostic_place place = { .section = "", .key = "" };
	_cleanup_free_ char *file = NULL;

	if (l->config->files[0] || l->diagnostics->n_errors)
		return 0;
	if (asprintf(&file, "%s%s", source->root ? source->root : "", FILES_MAIN) < 0) {
		file = NULL;
		return -ENOMEM;
	}
	place.file = file;
	return diagnostics_add(l->diagnostics, CONFIG_WARNING, &place,
			       "no configuration file, neither here nor in /run or /usr/lib: there are no devices");
}

static int load(struct loader *l, const struct config_source *source)
{
	struct origin nowhere = { .file = "" };
	struct section *daemon;
	int r;

	r = files_find(source, l->diagnostics, &l->config->files);
	if (r == 0) {
		l->files_lost = l->diagnostics->n_errors;
		r = warn_without_files(l, source);
	}
	if (r == 0)
		r = read_files(l, source->text);
	if (r == 0)
		r = sections_open(l->config->entries, SECTION_DAEMON, "", &nowhere, l->hooks, &daemon);
	if (r == 0)
		r = build_spaces(l->config, l->config->entries);
	if (r == 0 && !l->files_lost)
		r = settings_check(&l->settings, l->config->entries);
	/* Half of the sections would only make up more that is missing. */
	if (r == 0 && !l->files_lost) {
		const struct validation v = {
			.config = l->config,
			.sections = l->config->entries,
			.hooks = l->hooks,
			.diagnostics = l->diagnostics,
			.sections_lost = l->sections_lost,
		};

		r = validate(&v);
	}
	if (r < 0 || l->diagnostics->n_errors)
		return r < 0 ? r : l->diagnostics->unreadable ? -EACCES : -EINVAL;
	return build_rest(l->config, l->config->entries);
}

int config_load(const struct config_source *source, const struct config_hooks *hooks, struct config **ret,
		struct config_diagnostics *ret_diagnostics)
{
	const enum config_severity unknown = source->strict ? CONFIG_ERROR : CONFIG_WARNING;
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	struct loader l = {
		.config = c,
		.hooks = hooks,
		.diagnostics = ret_diagnostics,
		.settings = { hooks, ret_diagnostics, unknown },
	};
	int r;

	*ret_diagnostics = (struct config_diagnostics){ 0 };
	if (!c)
		return -ENOMEM;
	c->entries = calloc(1, sizeof(*c->entries));
	if (!c->entries)
		return -ENOMEM;
	c->known_spaces = source->known_spaces;
	r = load(&l, source);
	c->known_spaces = NULL;
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

static void free_region(struct config_region *r)
{
	for (size_t i = 0; i < r->n_settings; i++) {
		free(r->settings[i].key);
		free(r->settings[i].value);
		free(r->settings[i].source);
	}
	free(r->settings);
	free(r->name);
	free(r->policy);
}

static void free_space(struct config_space *s)
{
	for (size_t i = 0; i < s->n_regions; i++)
		free_region(&s->regions[i]);
	free(s->regions);
	free(s->name);
}

static void free_device(struct config_device *d)
{
	free(d->name);
	free(d->address);
	free(d->pasids);
	free(d->source);
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n_spaces; i++)
		free_space(&c->spaces[i]);
	for (size_t i = 0; i < c->n_devices; i++)
		free_device(&c->devices[i]);
	free(c->event_loop);
	free(c->plugin_dir);
	free(c->cpus);
	free(c->spaces);
	free(c->devices);
	sections_free(c->entries);
	files_free(c->files);
	free(c);
	return NULL;
}
