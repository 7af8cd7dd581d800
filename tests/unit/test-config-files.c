/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files are read and in which order, below a root of the test's own, and the dump,
 * which must read back as it was.
 */
#include "config/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "t-config.h"
#include "t.h"

static void make_link(const char *target, const char *path)
{
	char whole[4200];

	snprintf(whole, sizeof(whole), "%s/%s", t_tmpdir(), path);
	if (symlink(target, whole) < 0)
		t_fail(__FILE__, __LINE__, "symlink %s: %s", whole, strerror(errno));
}

/* The names of the files that were read, relative to the root, in one string. */
static void expect_files(const struct config *c, const char *root, const char *expected)
{
	char list[4096] = "";

	for (char **f = c->files; *f; f++) {
		T_ASSERT(strncmp(*f, root, strlen(root)) == 0);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? " " : "", *f + strlen(root));
	}
	T_STREQ(list, expected);
}

static void search_path(void)
{
	char root[4200];
	const struct config_source source = { .root = root, .strict = true };
	scoped c = NULL;

	snprintf(root, sizeof(root), "%s/search", t_tmpdir());
	t_write_conf("search/usr/lib/iopfd/iopfd.conf", "[daemon]\nworkers = 1\nevent-loop = libevent\n");
	t_write_conf("search/usr/lib/iopfd/iopfd.conf.d/10-vendor.conf", "[daemon]\nworkers = 10\n");
	t_write_conf("search/usr/lib/iopfd/iopfd.conf.d/20-hidden.conf", "broken");
	t_write_conf("search/usr/lib/iopfd/iopfd.conf.d/30-off.conf", "broken");
	t_write_conf("search/run/iopfd/iopfd.conf.d/20-hidden.conf", "broken");
	t_write_conf("search/run/iopfd/iopfd.conf.d/50-run.conf", "[daemon]\nworkers = 50\n");
	t_write_conf("search/etc/iopfd/iopfd.conf.d/20-hidden.conf", "[daemon]\nworkers = 20\n");
	t_write_conf("search/etc/iopfd/iopfd.conf.d/40-admin.conf", "[daemon]\nworkers = 40\n");
	t_write_conf("search/etc/iopfd/iopfd.conf.d/60-backup.conf~", "broken");
	t_write_conf("search/etc/iopfd/iopfd.conf.d/.60-hidden.conf", "broken");
	make_link("/dev/null", "search/etc/iopfd/iopfd.conf.d/30-off.conf");

	T_OK(t_load_source(&source, &c));
	expect_files(c, root, "/usr/lib/iopfd/iopfd.conf /usr/lib/iopfd/iopfd.conf.d/10-vendor.conf "
			      "/etc/iopfd/iopfd.conf.d/20-hidden.conf /etc/iopfd/iopfd.conf.d/40-admin.conf "
			      "/run/iopfd/iopfd.conf.d/50-run.conf");
	T_EQ(c->workers, 50);
	T_STREQ(c->event_loop, "libevent");

	/* The first iopfd.conf is the only one; a link to /dev/null hides it all the same. */
	t_write_conf("search/run/iopfd/iopfd.conf", "[daemon]\n");
	config_free(TAKE_PTR(c));
	T_OK(t_load_source(&source, &c));
	T_STREQ(c->files[0] + strlen(root), "/run/iopfd/iopfd.conf");
	T_STREQ(c->event_loop, "auto");

	make_link("/dev/null", "search/etc/iopfd/iopfd.conf");
	config_free(TAKE_PTR(c));
	T_OK(t_load_source(&source, &c));
	T_STREQ(c->files[0] + strlen(root), "/usr/lib/iopfd/iopfd.conf.d/10-vendor.conf");
}

static void given_file(void)
{
	const char *file = t_write_conf("given/my.conf", "[daemon]\nworkers = 1\n[device a]\naddress = sim\n");
	const struct config_source source = { .file = file, .root = "/nowhere", .strict = true };
	scoped c = NULL;

	T_OK(t_load_source(&source, &c));
	expect_files(c, t_tmpdir(), "/given/my.conf");
	config_free(TAKE_PTR(c));

	t_write_conf("given/my.conf.d/b.conf", "[daemon]\nworkers = 3\n[device b]\naddress = sim\n");
	t_write_conf("given/my.conf.d/a.conf", "[daemon]\nworkers = 2\n[region a/r]\niova = 0\nlength = 64K\n");
	T_OK(t_load_source(&source, &c));
	expect_files(c, t_tmpdir(), "/given/my.conf /given/my.conf.d/a.conf /given/my.conf.d/b.conf");
	T_EQ(c->workers, 3);
	T_EQ(c->n_devices, 2);
	T_EQ(c->spaces[0].n_regions, 1);

	/* Errors name the file that they are in. */
	t_write_conf("given/my.conf.d/c.conf", "[region a/s]\niova = 0\nlength = 64K\n");
	T_EQ(t_load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_ASSERT(strstr(t_diagnostic_text(0), "/my.conf.d/c.conf:2: [region a/s] iova: 0x0-0xffff overlaps [region a/r] at "));
	T_ASSERT(strstr(t_diagnostic_text(0), "/my.conf.d/a.conf:4 (0x0-0xffff)"));
}

static void no_file(void)
{
	const struct config_source nothing = { .root = t_tmpdir(), .strict = true };
	char missing[4200];
	const struct config_source given = { .file = missing };
	scoped c = NULL;

	T_OK(t_load_source(&nothing, &c));
	T_EQ(c->n_devices, 0);
	T_STREQ(c->event_loop, "auto");
	T_ASSERT(!c->files[0]);
	T_EQ(t_diagnostics.n_items, 1);
	T_EQ(t_diagnostics.items[0].severity, CONFIG_WARNING);
	T_ASSERT(strstr(t_diagnostic_text(0), "/etc/iopfd/iopfd.conf: warning: no configuration file"));

	snprintf(missing, sizeof(missing), "%s/missing.conf", t_tmpdir());
	T_EQ(t_load_source(&given, &(struct config *){ NULL }), -EINVAL);
	T_EQ(t_diagnostics.n_items, 1);
	T_ASSERT(strstr(t_diagnostic_text(0), "/missing.conf: No such file or directory"));
	T_EQ(t_diagnostics.unreadable, false);
}

static void expect_refused(const char *file, const char *text)
{
	const struct config_source source = { .file = file };

	T_EQ(t_load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_EQ(t_diagnostics.n_items, 1);
	T_ASSERT(strncmp(t_diagnostic_text(0), file, strlen(file)) == 0);
	if (!strstr(t_diagnostic_text(0), text))
		t_fail(__FILE__, __LINE__, "'%s' is not in '%s'", text, t_diagnostic_text(0));
}

static void not_a_file(void)
{
	char path[4200];
	char *large = malloc((1 << 20) + 2);

	T_ASSERT(large);
	expect_refused(t_tmpdir(), ": is a directory, expected a regular file");
	expect_refused("/dev/null", ": is a device, socket or pipe");
	snprintf(path, sizeof(path), "%s/fifo", t_tmpdir());
	T_EQ(mkfifo(path, 0600), 0);
	expect_refused(path, ": is a device, socket or pipe");
	make_link("missing", "dangling");
	snprintf(path, sizeof(path), "%s/dangling", t_tmpdir());
	expect_refused(path, ": No such file or directory");
	/* It can be opened, and reading it fails with EIO or EINVAL. */
	expect_refused("/proc/self/mem", ": ");

	memset(large, '\n', (1 << 20) + 1);
	large[(1 << 20) + 1] = 0;
	expect_refused(t_write_conf("large.conf", large), ": is too large, expected at most 1 MiB");
	large[1 << 20] = 0;
	config_free(t_load_text(large));
	free(large);
}

/* What cannot be read is told apart, and does not make up errors of what is missing. */
static void unreadable(void)
{
	const char *file = t_write_conf("secret/my.conf", "[device d]\n");
	const char *drop_in = t_write_conf("secret/my.conf.d/a.conf", "[device d]\naddress = sim\n");
	const struct config_source source = { .file = file };

	T_EQ(chmod(drop_in, 0), 0);
	T_EQ(chmod(t_tmpdir(), 0755), 0);
	/* Root may read everything, so it becomes somebody else for a moment. */
	if (getuid() == 0 && seteuid(65534) < 0) {
		printf("skipped: no other user to be: %s\n", strerror(errno));
		return;
	}
	T_EQ(t_load_source(&source, &(struct config *){ NULL }), -EACCES);
	T_EQ(seteuid(getuid()), 0);
	T_EQ(t_diagnostics.unreadable, true);
	T_ASSERT(t_diagnostics.n_items > 0);
	for (size_t i = 0; i < t_diagnostics.n_items; i++)
		T_ASSERT(strstr(t_diagnostic_text(i), ": Permission denied"));
}

static void dump_says_where_from(void)
{
	const struct config_source source = {
		.file = t_write_conf("dump.conf", "[device d]\naddress = sim\n[region d/r]\niova=0\nlength = 64K\n"
						  "[device d]\npasid=1:d\npasid=2:d\n[region d/r]\ndiscard=yes\n"),
		.strict = true,
	};
	_cleanup_free_ char *text = NULL, *expected = NULL;
	scoped c = NULL;

	T_OK(t_load_source(&source, &c));
	text = t_dump(c);
	T_ASSERT(asprintf(&expected,
			  "[daemon] ; default\nevent-loop = auto ; default\nworkers = auto ; default\n"
			  "cpus = any ; default\nspin = auto ; default\n"
			  "memory-budget = 75%% ; default\ndeadline = 0 ; default\n"
			  "plugin-dir = " IOPFD_PLUGIN_DIR " ; default\n\n"
			  "[space d] ; default\nbudget = none ; default\nnuma-node = none ; default\n\n"
			  "[region d/r] ; %1$s:3\niova = 0 ; %1$s:4\nlength = 64K ; %1$s:5\npolicy = anon ; default\n"
			  "granule = 64K ; default\non-fault = demand ; default\naccess = rw ; default\n"
			  "merge = 0 ; default\nfault-around = 0 ; default\npopulate-ahead = 2M ; default\npinned = no ; default\n"
			  "discard = yes ; %1$s:10\n\n"
			  "[device d] ; %1$s:1\naddress = sim ; %1$s:2\nspace = d ; default\nrid = yes ; default\npasid = 1:d ; %1$s:7\n"
			  "pasid = 2:d ; %1$s:8\npasids = no ; default\nbus-master = no ; default\nspin = default ; default\n\n", source.file) > 0);
	T_STREQ(text, expected);
	t_expect_round_trip(c);
}

static void dump_reads_back(void)
{
	char text[2048];
	scoped c = t_load_text("[device z]\naddress = sim:a;b\nspace = s2\npasid = 7:z2\n[device z2]\naddress = sim\n"
			   "[region s2/b]\niova = 1M\nlength = 1M\n[region s2/a]\niova = 0\nlength = 64K\naccess = w\n"
			   "[space empty]\n[daemon]\nworkers = 0x10\n");

	t_expect_round_trip(c);

	/* Values and paths that leave no room for what the dump adds. */
	for (int length = 150; length <= 190; length++) {
		struct config_source source = { .strict = true };
		scoped longest = NULL;

		snprintf(text, sizeof(text), "[device d]\naddress=sim:%0*d\n", length - 4, 0);
		source.file = t_write_conf("a-rather-long-name-in-gr\303\266\303\237e-\001-of-a-file.conf", text);
		T_OK(t_load_source(&source, &longest));
		T_EQ(strlen(longest->devices[0].address), length);
		t_expect_round_trip(longest);
	}
}

int main(void)
{
	t_run(search_path);
	t_run(given_file);
	t_run(no_file);
	t_run(not_a_file);
	t_run(unreadable);
	t_run(dump_says_where_from);
	t_run(dump_reads_back);
	t_diagnostics_free();
	return 0;
}
