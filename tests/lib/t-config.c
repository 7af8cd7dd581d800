/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-config.h"

#include "config-hooks.h"
#include "t.h"

struct config_diagnostics t_diagnostics;

void t_diagnostics_free(void)
{
	config_diagnostics_free(&t_diagnostics);
}

/* Reachable, so that they are not taken for leaks. */
const char *t_write_conf(const char *path, const char *text)
{
	static const char *volatile paths[256];
	static size_t n_paths;

	T_ASSERT(n_paths < 256);
	paths[n_paths] = t_write_file(path, text);
	return paths[n_paths++];
}

int t_load_source(const struct config_source *source, struct config **ret)
{
	config_diagnostics_free(&t_diagnostics);
	*ret = NULL;
	return config_load(source, &t_config_hooks, ret, &t_diagnostics);
}

const char *t_diagnostic_text(size_t i)
{
	static char text[1024];

	T_ASSERT(i < t_diagnostics.n_items);
	config_diagnostic_format(&t_diagnostics.items[i], text, sizeof(text));
	return text;
}

struct config *t_load_text(const char *text)
{
	static unsigned n;
	struct config_source source = { .strict = true };
	struct config *c;
	char name[32];

	snprintf(name, sizeof(name), "text-%u.conf", n++);
	source.file = t_write_conf(name, text);
	if (t_load_source(&source, &c) < 0)
		t_fail(__FILE__, __LINE__, "does not load: %s", t_diagnostic_text(0));
	return c;
}

char *t_dump(const struct config *c)
{
	size_t size = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	T_ASSERT(f);
	T_OK(config_dump(c, f));
	fclose(f);
	for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		T_ASSERT(strcspn(line, "\n") <= 198);
	return text;
}

/* They name other places each time. */
static void strip_comments(char *text)
{
	char *out = text;

	while (*text) {
		if (text[0] == ' ' && text[1] == ';')
			text += strcspn(text, "\n");
		else
			*out++ = *text++;
	}
	*out = 0;
}

static void expect_same_region(const struct config_region *a, const struct config_region *b)
{
	T_STREQ(a->name, b->name);
	T_EQ(a->iova, b->iova);
	T_EQ(a->access, b->access);
	T_EQ(a->merge, b->merge);
	T_EQ(a->pinned, b->pinned);
	T_EQ(a->write_back_ns, b->write_back_ns);
	T_EQ(a->n_settings, b->n_settings);
	for (size_t i = 0; i < a->n_settings; i++) {
		T_STREQ(a->settings[i].key, b->settings[i].key);
		T_STREQ(a->settings[i].value, b->settings[i].value);
	}
}

void t_expect_round_trip(const struct config *c)
{
	_cleanup_free_ char *first = t_dump(c), *second = NULL;
	scoped again = t_load_text(first);

	T_EQ(t_diagnostics.n_errors, 0);
	second = t_dump(again);
	strip_comments(first);
	strip_comments(second);
	T_STREQ(first, second);

	T_EQ(again->memory_budget.value, c->memory_budget.value);
	T_EQ(again->deadline_ns, c->deadline_ns);
	T_STREQ(again->plugin_dir, c->plugin_dir);
	T_EQ(again->n_spaces, c->n_spaces);
	T_EQ(again->n_devices, c->n_devices);
	for (size_t i = 0; i < c->n_spaces; i++) {
		T_STREQ(again->spaces[i].name, c->spaces[i].name);
		T_EQ(again->spaces[i].n_regions, c->spaces[i].n_regions);
		T_EQ(again->spaces[i].budget.value, c->spaces[i].budget.value);
		T_EQ(again->spaces[i].numa_node, c->spaces[i].numa_node);
		for (size_t j = 0; j < c->spaces[i].n_regions; j++)
			expect_same_region(&again->spaces[i].regions[j], &c->spaces[i].regions[j]);
	}
	for (size_t i = 0; i < c->n_devices; i++) {
		T_STREQ(again->devices[i].address, c->devices[i].address);
		T_EQ(again->devices[i].space, c->devices[i].space);
		T_EQ(again->devices[i].n_pasids, c->devices[i].n_pasids);
	}
}
