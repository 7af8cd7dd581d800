/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between two configurations: that nothing does where only the writing is
 * another, the words for what does, and which memory can stay. And the texts that values
 * are compared by.
 */
#include "config/diff.h"

#include "config-hooks.h"
#include "config/format.h"
#include "config/normal.h"
#include "t-config.h"
#include "t.h"

#define BASE                                      \
	"[daemon]\nworkers = 2\n"                 \
	"[space a]\nbudget = 64M\n"               \
	"[region a/heap]\niova = 4G\nlength = 1G\n" \
	"[region a/ring]\niova = 8G\nlength = 64M\npolicy = file\npath = /x\nwrite-back = 30s\n" \
	"[region b/heap]\niova = 0\nlength = 1M\n" \
	"[device d]\naddress = sim\nspace = a\npasid = 5:b\npasid = 6:a\n" \
	"[device e]\naddress = sim\nspace = b\n"

static struct config_diff diff;

/* Valid until the next one. */
static const char *plan_since(const struct config *started, const struct config *old, const char *new)
{
	scoped c = t_load_text(new);

	config_diff_free(&diff);
	T_OK(config_diff(started, old, c, &t_config_hooks, &diff));
	return diff.text;
}

static const char *plan(const char *old, const char *new)
{
	scoped c = t_load_text(old);

	return plan_since(c, c, new);
}

/* BASE with one part in place of another; valid until the next one. */
static const char *base_with(const char *from, const char *to)
{
	static char text[2048];
	const char *at = strstr(BASE, from);

	T_ASSERT(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - BASE), BASE, to, at + strlen(from));
	return text;
}

#define CHANGE(from, to) plan(BASE, base_with(from, to))

static void every_default_is_its_own_text(void)
{
	for (size_t i = 0; i < key_table_size; i++) {
		const struct key *key = &key_table[i];
		union section_values values = { 0 };
		void *field = (char *)&values + key->offset;
		struct key_problem why;
		char text[KEY_TEXT_MAX];

		T_ASSERT(key->format || key->repeatable);
		if (!key->fallback)
			continue;
		T_OK(key->parse(key, key->fallback, &t_config_hooks, field, &why));
		key->format(field, text);
		T_STREQ(text, key->fallback);
	}
}

static void texts_of_values(void)
{
	static const struct {
		enum section_kind kind;
		const char *key, *written, *text;
	} cases[] = {
		{ SECTION_DAEMON, "workers", "0x10", "16" },
		{ SECTION_DAEMON, "cpus", "0-3,6", "0-3,6" },
		{ SECTION_DAEMON, "spin", "20us", "20us" },
		{ SECTION_DAEMON, "spin", "0", "0" },
		{ SECTION_DAEMON, "memory-budget", "1024M", "1G" },
		{ SECTION_DAEMON, "memory-budget", "80%", "80%" },
		{ SECTION_DAEMON, "deadline", "120s", "2min" },
		{ SECTION_DAEMON, "deadline", "7200", "2h" },
		{ SECTION_DAEMON, "deadline", "1500ms", "1500ms" },
		{ SECTION_SPACE, "numa-node", "3", "3" },
		{ SECTION_REGION, "iova", "4G", "0x100000000" },
		{ SECTION_REGION, "granule", "65536", "64K" },
		{ SECTION_REGION, "on-fault", "deny", "deny" },
		{ SECTION_REGION, "on-fault", "prefault", "prefault" },
		{ SECTION_REGION, "access", "w", "w" },
		{ SECTION_REGION, "pinned", "TRUE", "yes" },
		{ SECTION_DEVICE, "spin", "auto", "auto" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct key *key = key_find(cases[i].kind, cases[i].key);
		union section_values values = { 0 };
		void *field = (char *)&values + key->offset;
		char text[KEY_TEXT_MAX], again[KEY_TEXT_MAX];
		struct key_problem why;

		T_OK(key->parse(key, cases[i].written, &t_config_hooks, field, &why));
		key->format(field, text);
		T_STREQ(text, cases[i].text);
		T_OK(key->parse(key, text, &t_config_hooks, field, &why));
		key->format(field, again);
		T_STREQ(again, text);
	}
}

static void writing_is_no_change(void)
{
	T_STREQ(plan(BASE, BASE), "");
	T_STREQ(CHANGE("iova = 4G", "iova = 0x100000000"), "");
	T_STREQ(CHANGE("length = 1G", "length = 1024M\ngranule = 65536\non-fault = demand"), "");
	T_STREQ(CHANGE("budget = 64M", "budget = 1G\nbudget = 67108864"), "");
	T_STREQ(CHANGE("pasid = 5:b\npasid = 6:a", "pasid = 0x6:a\npasid = 5:b\nbus-master = off"), "");
	T_STREQ(CHANGE("path = /x\nwrite-back = 30s", "write-back = 30s\npath = /x"), "");
	T_STREQ(CHANGE("[region b/heap]", "[space b]\nnuma-node = none\n[region b/heap]"), "");
	T_STREQ(CHANGE("address = sim\nspace = b", "space = b\naddress = sim"), "");
	T_EQ(diff.spaces[0], CONFIG_SAME);
	T_EQ(diff.devices[1], CONFIG_SAME);
}

static void a_region(void)
{
	T_STREQ(CHANGE("length = 1G\n", "length = 1G\ngranule = 2M\n"),
		"region a/heap: granule: 64K -> 2M\n"
		"region a/heap: gets new memory\n"
		"device d: detached and attached again, because space a changes\n");
	T_EQ(diff.spaces[0], CONFIG_CHANGED);
	T_EQ(diff.spaces[1], CONFIG_SAME);
	T_EQ(diff.devices[0], CONFIG_SAME);
	T_EQ(diff.devices[1], CONFIG_SAME);
	T_STREQ(CHANGE("length = 1G\n", "length = 1G\nfault-around = 1M\nmerge = 256K\n"),
		"region a/heap: fault-around: 0 -> 1M\n"
		"region a/heap: merge: 0 -> 256K\n"
		"device d: detached and attached again, because space a changes\n");
	T_STREQ(CHANGE("path = /x", "path = /y\nextend = yes"),
		"region a/ring: extend: yes added\n"
		"region a/ring: path: /x -> /y\n"
		"region a/ring: gets new memory\n"
		"device d: detached and attached again, because space a changes\n");
	T_STREQ(CHANGE("policy = file\npath = /x\nwrite-back = 30s\n", "discard = yes\n"),
		"region a/ring: discard: yes added\n"
		"region a/ring: path: /x removed\n"
		"region a/ring: policy: file -> anon\n"
		"region a/ring: write-back: 30s removed\n"
		"region a/ring: gets new memory\n"
		"device d: detached and attached again, because space a changes\n");
	T_STREQ(CHANGE("[region b/heap]\niova = 0\n", "[region b/other]\niova = 2G\n"),
		"region b/heap: removed\n"
		"region b/other: added\n"
		"device d: detached and attached again, because space b changes\n"
		"device e: detached and attached again, because space b changes\n");
}

static void a_space(void)
{
	T_STREQ(CHANGE("budget = 64M", "budget = 10%"), "space a: budget: 64M -> 10%\n");
	T_EQ(diff.spaces[0], CONFIG_RETUNED);
	T_STREQ(CHANGE("budget = 64M", "numa-node = 0"),
		"space a: budget: 64M -> none\n"
		"space a: numa-node: none -> 0\n"
		"region a/heap: gets new memory\n"
		"region a/ring: gets new memory\n"
		"device d: detached and attached again, because space a changes\n");
	T_EQ(diff.spaces[0], CONFIG_CHANGED);
	T_STREQ(CHANGE("[device e]", "[region c/x]\niova = 0\nlength = 1M\n[device e]"), "space c: added\n");
	T_EQ(diff.spaces[2], CONFIG_ADDED);
	T_STREQ(CHANGE("[device e]\naddress = sim\nspace = b", "[device e]\naddress = sim"),
		"space e: added\n"
		"device e: space: b -> e\n"
		"device e: detached and attached again\n");
}

static void a_device(void)
{
	T_STREQ(CHANGE("pasid = 5:b", "pasid = 5:a\nbus-master = yes\npasids = yes"),
		"device d: bus-master: no -> yes\n"
		"device d: pasid: 5:a added\n"
		"device d: pasid: 5:b removed\n"
		"device d: pasids: no -> yes\n"
		"device d: detached and attached again\n");
	T_EQ(diff.devices[0], CONFIG_CHANGED);
	T_EQ(diff.spaces[0], CONFIG_SAME);
	T_STREQ(CHANGE("[device e]", "[device f]"), "device e: removed\ndevice f: added\n");
	T_EQ(diff.devices[1], CONFIG_ADDED);
	/* Its space is of the kernel's devices then: another kind of space. */
	T_STREQ(CHANGE("address = sim\nspace = a\npasid = 5:b\npasid = 6:a", "address = mock\nspace = a\n"),
		"device d: address: sim -> mock\n"
		"device d: pasid: 5:b removed\n"
		"device d: pasid: 6:a removed\n"
		"device d: detached and attached again\n");
	T_EQ(diff.spaces[0], CONFIG_CHANGED);
	T_EQ(diff.spaces[1], CONFIG_SAME);
}

static void the_daemon(void)
{
	scoped started = t_load_text(BASE);
	scoped second = t_load_text(base_with("workers = 2", "workers = 3"));

	T_STREQ(CHANGE("workers = 2", "workers = 2\ndeadline = 1s\nmemory-budget = 1G\nspin = 10us\n"),
		"daemon: deadline: 0 -> 1s\n"
		"daemon: memory-budget: 75% -> 1G\n"
		"daemon: spin: auto -> 10us (for devices that are attached later)\n");
	T_STREQ(CHANGE("workers = 2", "event-loop = libevent\nplugin-dir = /p"),
		"daemon: event-loop: auto -> libevent (needs a restart)\n"
		"daemon: plugin-dir: " IOPFD_PLUGIN_DIR " -> /p (needs a restart)\n"
		"daemon: workers: 2 -> auto (needs a restart)\n");
	/* It still does after a reload, until it is taken back. */
	T_STREQ(plan_since(started, second, base_with("workers = 2", "workers = 3")),
		"daemon: workers: 2 -> 3 (needs a restart)\n");
	T_STREQ(plan_since(started, second, BASE), "");
}

static bool keeps(const char *from, const char *to)
{
	scoped old = t_load_text(BASE);
	scoped new = t_load_text(base_with(from, to));

	return config_keeps_memory(&old->spaces[0], &new->spaces[0], "ring");
}

static void memory(void)
{
	T_ASSERT(keeps("workers = 2", "workers = 3"));
	T_ASSERT(keeps("iova = 4G", "iova = 2G"));
	T_ASSERT(keeps("iova = 8G", "iova = 8G\nmerge = 1M\non-fault = prefault"));
	T_ASSERT(keeps("path = /x\nwrite-back = 30s", "write-back = 30s\npath = /x"));
	T_ASSERT(!keeps("path = /x", "path = /y"));
	T_ASSERT(!keeps("write-back = 30s", "extend = no"));
	T_ASSERT(!keeps("write-back = 30s\n", "write-back = 30s\nextend = no\n"));
	T_ASSERT(!keeps("length = 64M", "length = 32M"));
	T_ASSERT(!keeps("iova = 8G", "iova = 16G"));
	T_ASSERT(!keeps("iova = 8G", "iova = 8G\ngranule = 4K"));
	T_ASSERT(!keeps("iova = 8G", "iova = 8G\naccess = r"));
	T_ASSERT(!keeps("budget = 64M", "numa-node = 1"));
	T_ASSERT(!keeps("[region a/ring]", "[region a/other]"));
}

/* A text in place of files, which may name what is there already. */
static int load_text(const char *text, struct config **ret)
{
	static const char *const known[] = { "there", "too", NULL };
	struct config_source source = { .file = "bus", .text = text, .strict = true, .known_spaces = known };

	return t_load_source(&source, ret);
}

static void loaded_text(void)
{
	static const char shared[] = "[device t]\naddress = sim\nspace = there\npasid = 5:too\npasid = 6:t\n"
				     "[region t/x]\niova = 0\nlength = 1M\n";
	scoped c = NULL;

	T_OK(load_text(shared, &c));
	T_EQ(t_diagnostics.n_items, 0);
	T_EQ(c->n_spaces, 3);
	T_STREQ(c->spaces[0].name, "there");
	T_STREQ(c->spaces[1].name, "too");
	T_ASSERT(c->spaces[0].is_known && c->spaces[1].is_known && !c->spaces[2].is_known);
	T_EQ(c->spaces[c->devices[0].space].n_regions, 0);
	T_ASSERT(c->devices[0].uses_pasids);
	T_STREQ(c->devices[0].source, "bus:1");
	T_STREQ(c->files[0], "bus");
}

static void wrong_text(void)
{
	struct config *c;

	T_EQ(load_text("[device t]\naddress = sim\nspace = elsewhere\n", &c), -EINVAL);
	T_STREQ(t_diagnostic_text(0),
		"bus:3: [device t] space: no space 'elsewhere', expected one that has a [space] or [region]");
	T_EQ(load_text("[device t]\naddress = sim\nspace = there\n[region there/x]\niova = 0\nlength = 1M\n", &c), -EINVAL);
	T_STREQ(t_diagnostic_text(0),
		"bus:4: [region there/x] the space 'there' exists, expected no regions and no budget for it");
	T_EQ(load_text("[device there]\naddress = sim\n[space there]\nbudget = 1G\n", &c), -EINVAL);
	T_EQ(t_diagnostics.n_errors, 1);
	T_EQ(load_text("[device t]\nadress = sim\n", &c), -EINVAL);
	T_EQ(t_diagnostics.n_errors, 2);
	T_EQ(load_text("[device t]\naddress = sim\nbroken line\n", &c), -EINVAL);
	T_EQ(load_text("", &c), 0);
	config_free(c);
}

int main(void)
{
	t_run(every_default_is_its_own_text);
	t_run(texts_of_values);
	t_run(writing_is_no_change);
	t_run(a_region);
	t_run(a_space);
	t_run(a_device);
	t_run(the_daemon);
	t_run(memory);
	t_run(loaded_text);
	t_run(wrong_text);
	config_diff_free(&diff);
	t_diagnostics_free();
	return 0;
}
