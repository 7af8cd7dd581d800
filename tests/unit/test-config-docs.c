/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of keys against what users read: the manual gives each key in its section with
 * the default of the table, the sample has each key with that default, changes nothing as
 * it is, and is valid without its comment signs. Keys of policies are in the subsections of
 * those. The examples load.
 */
#include "t.h"

#include "config-hooks.h"
#include "config/key.h"

#define MANUAL "man/iopfd.conf.5"
#define SAMPLE "conf/iopfd.conf"
#define EXAMPLE "conf/60-nvme0.conf"
#define EXAMPLE_OF_POLICIES "conf/61-disk.conf"
#define EXAMPLE_OF_A_PLUGIN "conf/62-plugin.conf"

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		t_fail(__FILE__, __LINE__, "%s: %s (run from the top folder)", path, strerror(errno));
	T_ASSERT(getdelim(&text, &size, 0, f) > 0);
	fclose(f);
	return text;
}

static void load(const char *path, struct config **ret)
{
	const struct config_source source = { .file = path, .strict = true };
	struct config_diagnostics d;
	char text[1024] = "";
	int r = config_load(&source, &t_config_hooks, ret, &d);

	if (d.n_items)
		config_diagnostic_format(&d.items[0], text, sizeof(text));
	if (r < 0 || d.n_items)
		t_fail(__FILE__, __LINE__, "%s", text);
	config_diagnostics_free(&d);
}

/* Behind this one; there is always one of the two. */
static const char *next_heading(const char *heading)
{
	const char *sub = strstr(heading + 1, "\n.Ss "), *top = strstr(heading + 1, "\n.Sh ");

	return !sub || (top && top < sub) ? top : sub;
}

/* Documents name the place of a build for /usr, whatever this build is for. */
static const char *documented_default(const struct key *key)
{
	return strcmp(key->name, "plugin-dir") == 0 ? "/usr/lib/iopfd/policies" : key->fallback;
}

static void manual_has_each_key(void)
{
	_cleanup_free_ char *manual = read_whole(MANUAL);

	for (size_t i = 0; i < key_table_size; i++) {
		const struct key *key = &key_table[i];
		char heading[64], item[64], value[64], *section, *entry, *end;

		snprintf(heading, sizeof(heading), "\n.Ss %s\n", section_kinds[key->kind].form);
		snprintf(item, sizeof(item), "\n.It Cm %s Ns = ", key->name);
		snprintf(value, sizeof(value), "\nDefault: %s.\n", documented_default(key));
		section = strstr(manual, heading);
		entry = section ? strstr(section, item) : NULL;
		if (!entry || entry > next_heading(section))
			t_fail(__FILE__, __LINE__, "%s is not in its section of the manual", key->name);
		end = strstr(entry + 1, "\n.It ");
		if (!end || end > strstr(entry, "\n.El"))
			end = strstr(entry, "\n.El");
		end[1] = 0;
		if (!strstr(entry, key->fallback ? value : key->required ? "\nRequired." : "\nDefault: "))
			t_fail(__FILE__, __LINE__, "the manual has another default of %s", key->name);
		end[1] = '.';
	}
}

static void manual_has_each_policy(void)
{
	_cleanup_free_ char *manual = read_whole(MANUAL);
	char *policies = strstr(manual, "\n.Sh POLICIES\n");

	T_ASSERT(policies);
	for (const char *const *policy = t_config_hooks.policies; *policy; policy++) {
		const char *const *key = t_config_hooks.policy_keys(*policy);
		char heading[64], item[64], *section, *entry;

		snprintf(heading, sizeof(heading), "\n.Ss %s\n", *policy);
		section = strstr(policies, heading);
		if (!section)
			t_fail(__FILE__, __LINE__, "the policy %s is not in the manual", *policy);
		for (; *key; key++) {
			snprintf(item, sizeof(item), "\n.It Cm %s Ns = ", *key);
			entry = strstr(section, item);
			if (!entry || entry > next_heading(section))
				t_fail(__FILE__, __LINE__, "%s of %s is not in the manual", *key, *policy);
		}
	}
}

static void sample_changes_nothing(void)
{
	_cleanup_(config_freep) struct config *c = NULL;

	load(SAMPLE, &c);
	T_EQ(c->n_devices, 0);
	T_EQ(c->n_spaces, 0);
	T_EQ(c->workers, 0);
}

/* "#key = value" and "#[section]" are meant for use, "# text" is text. */
static void uncomment(char *text)
{
	char *out = text;
	bool start = true;

	for (const char *s = text; *s; s++) {
		if (!(start && s[0] == '#' && s[1] != ' ' && s[1] != '\n' && s[1] != '\t'))
			*out++ = *s;
		start = *s == '\n';
	}
	*out = 0;
}

static void sample_has_each_key(void)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_free_ char *sample = read_whole(SAMPLE);
	static const char *volatile path;

	uncomment(sample);
	for (size_t i = 0; i < key_table_size; i++) {
		const struct key *key = &key_table[i];
		char line[64];

		if (key->fallback)
			snprintf(line, sizeof(line), "\n%s = %s\n", key->name, documented_default(key));
		else
			snprintf(line, sizeof(line), "\n%s = ", key->name);
		if (!strstr(sample, line))
			t_fail(__FILE__, __LINE__, "the sample has no line%s", line);
	}
	for (const char *const *policy = t_config_hooks.policies; *policy; policy++)
		for (const char *const *name = t_config_hooks.policy_keys(*policy); *name; name++) {
			char line[64];

			snprintf(line, sizeof(line), "\n%s = ", *name);
			if (!strstr(sample, line))
				t_fail(__FILE__, __LINE__, "the sample has no line%s", line);
		}
	path = t_write_file("sample.conf", sample);
	load(path, &c);
	T_EQ(c->n_devices, 1);
}

static void examples_load(void)
{
	_cleanup_(config_freep) struct config *c = NULL, *policies = NULL, *plugin = NULL;

	load(EXAMPLE, &c);
	T_EQ(c->n_devices, 1);
	T_EQ(c->spaces[0].n_regions, 1);
	load(EXAMPLE_OF_POLICIES, &policies);
	T_EQ(policies->spaces[0].n_regions, 3);
	T_STREQ(policies->spaces[0].regions[1].policy, "file");
	T_EQ(policies->spaces[0].regions[1].write_back_ns, 30000000000);
	load(EXAMPLE_OF_A_PLUGIN, &plugin);
	T_STREQ(plugin->spaces[0].regions[0].policy, "pattern");
	T_STREQ(plugin->spaces[0].regions[0].settings[0].key, "seed");
}

/* The displays of the manual that hold sections. */
static void examples_of_the_manual_load(void)
{
	_cleanup_free_ char *manual = read_whole(MANUAL);
	static const char *volatile paths[16];
	size_t n = 0;

	for (char *s = strstr(manual, "\n.Sh EXAMPLES"); (s = strstr(s, "\n.Bd ")); n++) {
		_cleanup_(config_freep) struct config *c = NULL;
		char name[32], *end = strstr(s, "\n.Ed");

		s = strchr(s + 1, '\n') + 1;
		if (*s != '[')
			break;
		*end = 0;
		snprintf(name, sizeof(name), "example-%zu.conf", n);
		T_ASSERT(n < 16);
		paths[n] = t_write_file(name, s);
		load(paths[n], &c);
		s = end + 1;
	}
	T_EQ(n, 5);
}

int main(void)
{
	t_run(manual_has_each_key);
	t_run(manual_has_each_policy);
	t_run(sample_changes_nothing);
	t_run(sample_has_each_key);
	t_run(examples_load);
	t_run(examples_of_the_manual_load);
	return 0;
}
