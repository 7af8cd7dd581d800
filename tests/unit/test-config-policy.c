/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What belongs to a policy: its keys, in whichever order and file they come, plugins, and
 * what budgets say about regions. Errors are test-config-bad's.
 */
#include "config/config.h"

#include "base/util.h"
#include "t-config.h"
#include "t.h"

#define REGION "[region d/r]\niova = 0\nlength = 64M\n"
#define DEVICE "[device d]\naddress = sim\n"

static void expect_setting(const struct config_region *r, size_t i, const char *key, const char *value)
{
	T_ASSERT(i < r->n_settings);
	T_STREQ(r->settings[i].key, key);
	T_STREQ(r->settings[i].value, value);
}

static void settings_are_kept(void)
{
	scoped c = t_load_text(DEVICE REGION "path = /srv/disk.img\nwrite-back = on-evict\npolicy = file\nextend = yes\n");
	const struct config_region *r = &c->spaces[0].regions[0];

	T_EQ(t_diagnostics.n_items, 0);
	T_STREQ(r->policy, "file");
	T_EQ(r->n_settings, 3);
	expect_setting(r, 0, "path", "/srv/disk.img");
	expect_setting(r, 1, "write-back", "on-evict");
	expect_setting(r, 2, "extend", "yes");
	T_ASSERT(strstr(r->settings[0].source, ".conf:6"));
	T_ASSERT(strstr(r->settings[2].source, ".conf:9"));
	T_EQ(r->write_back_ns, 0);
	t_expect_round_trip(c);
}

/* The last one counts, an empty one takes back, also for another policy. */
static void settings_merge(void)
{
	scoped c = t_load_text(DEVICE REGION "policy = file\npath = /a\nwrite-back = 30s\nextend = no\n"
			       "[region d/r]\npath = /b\nextend =\n");
	scoped other = t_load_text(DEVICE REGION "policy = file\npath = /a\n[region d/r]\npath =\npolicy = anon\n"
				   "discard = yes\n");
	const struct config_region *r = &c->spaces[0].regions[0];

	T_EQ(r->n_settings, 2);
	expect_setting(r, 0, "write-back", "30s");
	expect_setting(r, 1, "path", "/b");
	T_EQ(r->write_back_ns, 30000000000);
	t_expect_round_trip(c);

	r = &other->spaces[0].regions[0];
	T_EQ(t_diagnostics.n_items, 0);
	T_STREQ(r->policy, "anon");
	T_EQ(r->n_settings, 1);
	expect_setting(r, 0, "discard", "yes");
}

/* A plugin knows its keys when it is opened. The folder may be given last. */
static void plugins_take_any_key(void)
{
	scoped c = t_load_text(DEVICE REGION "policy = pattern\nseed = 5\nwrite-back = 2min\nempty =\nanything goes = here\n"
			       "[daemon]\nplugin-dir = /opt/policies\n");
	const struct config_region *r = &c->spaces[0].regions[0];

	T_EQ(t_diagnostics.n_items, 0);
	T_STREQ(r->policy, "pattern");
	T_EQ(r->n_settings, 3);
	expect_setting(r, 0, "seed", "5");
	expect_setting(r, 1, "write-back", "2min");
	expect_setting(r, 2, "anything goes", "here");
	T_EQ(r->write_back_ns, 120000000000);
	t_expect_round_trip(c);
}

/* A policy that is replaced was never asked for. */
static void only_the_last_policy_counts(void)
{
	scoped c = t_load_text(DEVICE REGION "policy = gone\n[region d/r]\npolicy = fd\n");

	T_EQ(t_diagnostics.n_items, 0);
	T_STREQ(c->spaces[0].regions[0].policy, "fd");
}

/* At boot an unknown key is left out, of the dump too; the wrong policy's is not forgiven. */
static void unknown_at_boot(void)
{
	struct config_source source = { .file = t_write_conf("newer.conf", DEVICE REGION "discard = no\ncolour = red\n") };
	_cleanup_free_ char *text = NULL;
	scoped c = NULL;

	T_OK(t_load_source(&source, &c));
	T_EQ(t_diagnostics.n_items, 1);
	T_ASSERT(strstr(t_diagnostic_text(0), "newer.conf:7: warning: [region d/r] colour: unknown key, expected one of: "));
	T_EQ(c->spaces[0].regions[0].n_settings, 1);
	text = t_dump(c);
	T_ASSERT(strstr(text, "\ndiscard = no ; "));
	T_ASSERT(!strstr(text, "colour"));

	source.file = t_write_conf("mixed.conf", DEVICE REGION "page-size = 2M\n");
	T_EQ(t_load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_ASSERT(strstr(t_diagnostic_text(0), "mixed.conf:6: [region d/r] page-size: a key of the policy 'hugepage'"));
}

/* As large as the pages that the policy takes, also in what is dumped; larger is fine. */
static void granules_follow_the_policy(void)
{
#define HUGE(...) "[device d]\naddress = sim\n[region d/r]\niova = 0\nlength = 2G\npolicy = hugepage\n" __VA_ARGS__
	static const struct {
		const char *text;
		uint64_t granule;
		const char *line;
	} cases[] = {
		{ HUGE(), 2ull << 20, "\ngranule = 2M ; default\n" },
		{ HUGE("page-size = 2M\n"), 2ull << 20, "\ngranule = 2M ; default\n" },
		{ HUGE("page-size = 1G\nfallback = anon\n"), 1ull << 30, "\ngranule = 1G ; default\n" },
		{ HUGE("granule = 16M\n"), 16ull << 20, "\ngranule = 16M ; " },
		{ HUGE("page-size = 1G\n[region d/r]\npage-size =\n"), 2ull << 20, "\ngranule = 2M ; default\n" },
		{ HUGE("page-size = 1G\ngranule = 1G\n[region d/r]\npage-size =\npolicy =\n"), 1ull << 30, "\ngranule = 1G ; " },
		{ DEVICE REGION, 64ull << 10, "\ngranule = 64K ; default\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scoped c = t_load_text(cases[i].text);
		_cleanup_free_ char *text = t_dump(c);

		T_EQ(t_diagnostics.n_items, 0);
		T_EQ(c->spaces[0].regions[0].granule, cases[i].granule);
		T_ASSERT(strstr(text, cases[i].line));
		t_expect_round_trip(c);
	}
}

/* Loads; with this one warning, NULL: with none. */
static void expect_warning(const char *text, const char *warning)
{
	config_free(t_load_text(text));
	T_EQ(t_diagnostics.n_errors, 0);
	T_EQ(t_diagnostics.n_items, warning ? 1 : 0);
	if (warning && !strstr(t_diagnostic_text(0), warning))
		t_fail(__FILE__, __LINE__, "'%s' is not in '%s'", warning, t_diagnostic_text(0));
}

static void budgets(void)
{
#define BUDGET(value) "[space d]\nbudget = " value "\n" DEVICE REGION
	expect_warning(BUDGET("64K"), ":2: warning: [space d] budget: less than 64 granules of 64K for [region d/r] (");
	expect_warning(BUDGET("4095K"), ": it will thrash, expected at least 4M");
	expect_warning(BUDGET("4M"), NULL);
	expect_warning(BUDGET("1M") "granule = 16K\n", NULL);
	expect_warning(BUDGET("1%") "granule = 64M\n", NULL);
	expect_warning(BUDGET("none") "granule = 64M\n", NULL);
	/* Nothing to evict for, or nothing that must be evicted. */
	expect_warning(BUDGET("4K") "on-fault = deny\n", NULL);
	expect_warning(BUDGET("64M") "granule = 2M\n", NULL);
	/* What is pinned leaves less to the others, and may take all. */
	expect_warning(BUDGET("64M") "pinned = yes\n", NULL);
	expect_warning(BUDGET("66M") "pinned = yes\n[region d/s]\niova = 1G\nlength = 64M\n",
		       "less than 64 granules of 64K for [region d/s] (");
	expect_warning(BUDGET("66M") "pinned = yes\n[region d/s]\niova = 1G\nlength = 64M\n", "expected at least 68M");
	expect_warning("[daemon]\nmemory-budget = 1M\n" DEVICE REGION, ":2: warning: [daemon] memory-budget: less than 64");
	/* The space's regions only. */
	expect_warning(BUDGET("4M") "[device e]\naddress = sim\n[region e/r]\niova = 0\nlength = 64M\ngranule = 1M\n", NULL);
}

int main(void)
{
	t_run(settings_are_kept);
	t_run(settings_merge);
	t_run(plugins_take_any_key);
	t_run(only_the_last_policy_counts);
	t_run(unknown_at_boot);
	t_run(granules_follow_the_policy);
	t_run(budgets);
	t_diagnostics_free();
	return 0;
}
