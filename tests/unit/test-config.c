/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a good configuration means: values and defaults, merging and precedence, the search
 * path below a root of the test's own, and the dump, which must read back as it was. Broken
 * files are test-config-bad's.
 */
#include "t.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config-hooks.h"

static struct config_diagnostics diagnostics;

/* t_write_file() hands out paths for ever; so that they are not taken for leaks. */
static const char *write_conf(const char *path, const char *text)
{
	static const char *volatile paths[256];
	static size_t n_paths;

	T_ASSERT(n_paths < 256);
	paths[n_paths] = t_write_file(path, text);
	return paths[n_paths++];
}

static int load_source(const struct config_source *source, struct config **ret)
{
	config_diagnostics_free(&diagnostics);
	*ret = NULL;
	return config_load(source, &t_config_hooks, ret, &diagnostics);
}

static const char *diagnostic_text(size_t i)
{
	static char text[1024];

	T_ASSERT(i < diagnostics.n_items);
	config_diagnostic_format(&diagnostics.items[i], text, sizeof(text));
	return text;
}

/* A file of its own with this text; it must load. */
static struct config *load_text(const char *text)
{
	static unsigned n;
	struct config_source source = { .strict = true };
	struct config *c;
	char name[32];

	snprintf(name, sizeof(name), "text-%u.conf", n++);
	source.file = write_conf(name, text);
	if (load_source(&source, &c) < 0)
		t_fail(__FILE__, __LINE__, "does not load: %s", diagnostic_text(0));
	return c;
}

/* A config that goes with its scope. */
#define scoped _cleanup_(config_freep) struct config *

#define SIMPLE "[space dma0]\n[region dma0/heap]\niova = 0x100000000\nlength = 1G\n[device nvme0]\naddress = sim\nspace = dma0\n"

static void defaults(void)
{
	scoped c = load_text(SIMPLE);
	const struct config_region *region = &c->spaces[0].regions[0];

	T_EQ(diagnostics.n_items, 0);
	T_STREQ(c->event_loop, "auto");
	T_EQ(c->workers, 0);
	T_EQ(c->n_spaces, 1);
	T_STREQ(c->spaces[0].name, "dma0");
	T_EQ(c->spaces[0].n_regions, 1);
	T_STREQ(region->name, "heap");
	T_EQ(region->iova, 0x100000000);
	T_EQ(region->length, 1 << 30);
	T_EQ(region->granule, 64 << 10);
	T_STREQ(region->policy, "anon");
	T_EQ(region->on_fault, CONFIG_ON_FAULT_DEMAND);
	T_EQ(region->access, CONFIG_ACCESS_READ | CONFIG_ACCESS_WRITE);
	T_EQ(c->n_devices, 1);
	T_STREQ(c->devices[0].name, "nvme0");
	T_STREQ(c->devices[0].address, "sim");
	T_EQ(c->devices[0].space, 0);
	T_EQ(c->devices[0].n_pasids, 0);
	T_EQ(c->devices[0].bus_master, false);
	T_ASSERT(strstr(c->devices[0].source, ".conf:5"));
}

static void every_key(void)
{
	scoped c = load_text("[daemon]\n"
			   "event-loop = libevent ; not io_uring\n"
			   "workers = 64\n"
			   "\n"
			   "  ; indented comments are fine\n"
			   "# of both kinds\n"
			   "[region a/high]\n"
			   "iova=0x7fffc0000000\n"
			   "length\t=\t1G\n"
			   "policy = anon\n"
			   "granule = 1G\n"
			   "on-fault = prefault\n"
			   "access = r\n"
			   "[region a/low] ; sorted before it\n"
			   "iova = 0\n"
			   "length = 4096\n"
			   "granule = 4K\n"
			   "on-fault = deny\n"
			   "access = w\n"
			   "[device d]\n"
			   "address = 0000:3d:00.0\n"
			   "space = a\n"
			   "pasid = 5:a\n"
			   "pasid = 0xfffff:b\n"
			   "bus-master = ON\n"
			   "[space b]\n");
	const struct config_space *a = &c->spaces[0];

	T_STREQ(c->event_loop, "libevent");
	T_EQ(c->workers, 64);
	T_EQ(c->n_spaces, 2);
	T_STREQ(a->name, "a");
	T_STREQ(c->spaces[1].name, "b");
	T_EQ(a->n_regions, 2);
	T_STREQ(a->regions[0].name, "low");
	T_EQ(a->regions[0].access, CONFIG_ACCESS_WRITE);
	T_EQ(a->regions[0].on_fault, CONFIG_ON_FAULT_DENY);
	T_EQ(a->regions[0].length, 4096);
	T_STREQ(a->regions[1].name, "high");
	T_EQ(a->regions[1].iova + a->regions[1].length, 1ll << 47);
	T_EQ(a->regions[1].access, CONFIG_ACCESS_READ);
	T_EQ(a->regions[1].on_fault, CONFIG_ON_FAULT_PREFAULT);
	T_EQ(a->regions[1].granule, 1 << 30);
	T_STREQ(c->devices[0].address, "0000:3d:00.0");
	T_EQ(c->devices[0].n_pasids, 2);
	T_EQ(c->devices[0].pasids[0].pasid, 5);
	T_EQ(c->devices[0].pasids[0].space, 0);
	T_EQ(c->devices[0].pasids[1].pasid, 1048575);
	T_EQ(c->devices[0].pasids[1].space, 1);
	T_EQ(c->devices[0].bus_master, true);
	/* b has no region. */
	T_EQ(diagnostics.n_items, 1);
	T_EQ(diagnostics.n_errors, 0);
	T_ASSERT(strstr(diagnostic_text(0), ":26: warning: [space b] the space 'b' has no region"));
}

static void sections_merge(void)
{
	scoped c = load_text("[daemon]\nworkers = 2\n[daemon]\nworkers = 3\nevent-loop = libevent\n"
			   "[region a/r]\niova = 64K\nlength = 64K\naccess = r\n"
			   "[device d]\naddress = sim\nspace = b\npasid = 1:a\npasid = 2:a\n"
			   "[region a/r]\nlength = 128K\naccess =\n"
			   "[daemon]\nevent-loop =\n"
			   "[device d]\npasid =\npasid = 3:a\nspace =\n"
			   "[device d]\npasid = 4:a\n");

	T_EQ(c->workers, 3);
	T_STREQ(c->event_loop, "auto");
	T_EQ(c->spaces[0].n_regions, 1);
	T_EQ(c->spaces[0].regions[0].length, 128 << 10);
	T_EQ(c->spaces[0].regions[0].access, CONFIG_ACCESS_READ | CONFIG_ACCESS_WRITE);
	T_EQ(c->n_devices, 1);
	T_EQ(c->devices[0].n_pasids, 2);
	T_EQ(c->devices[0].pasids[0].pasid, 3);
	T_EQ(c->devices[0].pasids[1].pasid, 4);
	T_EQ(c->n_spaces, 2);
	T_STREQ(c->spaces[c->devices[0].space].name, "d");
}

static void spaces_are_implied(void)
{
	scoped c = load_text("[device x]\naddress = sim\n[device y]\naddress = sim\nspace = x\npasid = 1:y\n"
			   "[region y/r]\niova = 0\nlength = 64K\n[space z]\n");

	T_EQ(c->n_spaces, 3);
	T_STREQ(c->spaces[0].name, "x");
	T_STREQ(c->spaces[1].name, "y");
	T_STREQ(c->spaces[2].name, "z");
	T_EQ(c->devices[1].space, 0);
	T_EQ(c->devices[1].pasids[0].space, 1);
	T_EQ(diagnostics.n_items, 2);
	T_ASSERT(strstr(diagnostic_text(0), ":1: warning: [device x] space: the space 'x' has no region"));
	T_ASSERT(strstr(diagnostic_text(1), ":10: warning: [space z] no device uses the space 'z'"));
}

static void text_forms(void)
{
	scoped c = load_text("\xef\xbb\xbf[daemon]\r\n"
			   "workers = 2\r\n"
			   "\r\n"
			   "[ region\t a/r ] ; blanks in a header, a comment behind\n"
			   "iova = 0xfef00000 ; just behind the MSI window\n"
			   "length = 64K ;\n"
			   "policy = ;\n"
			   "[device d]\n"
			   "address = sim:a;b:c=d ; ';' and ':' belong to the value\n"
			   "space = a");

	T_EQ(c->workers, 2);
	T_EQ(c->spaces[0].regions[0].iova, 0xfef00000);
	T_EQ(c->spaces[0].regions[0].length, 64 << 10);
	T_STREQ(c->spaces[0].regions[0].policy, "anon");
	T_STREQ(c->devices[0].address, "sim:a;b:c=d");
	T_EQ(diagnostics.n_items, 0);
}

static void longest_line(void)
{
	char address[256], text[1024];

	memset(address, 'x', sizeof(address));
	memcpy(address, "address=sim:", 12);
	address[198] = 0;
	snprintf(text, sizeof(text), "# %0300d\n[device d]\n%s\nspace = q\n[space q]\n", 0, address);

	scoped c = load_text(text);

	T_STREQ(c->devices[0].address, address + 8);
	/* The line after it is still there. */
	T_STREQ(c->spaces[0].name, "q");
	T_EQ(c->n_spaces, 1);
}

/* What stands beside a region, a granule or a number without touching it. */
static void exact_limits(void)
{
	scoped c = load_text("[region a/1]\niova = 0xfede0000\nlength = 128K\n"
			   "[region a/2]\niova = 0xfef00000\nlength = 64K\n"
			   "[region a/3]\niova = 0xfef10000\nlength = 64K\n"
			   "[region b/1]\niova = 0xfede0000\nlength = 128K\n"
			   "[device 1]\naddress = sim\nspace = a\npasid = 1:a\npasid = 2:a\n"
			   "[device 2]\naddress = sim\nspace = b\n"
			   "[device ABCDEFGHIJKLMNOPQRSTUVWXYZ_45678]\naddress = mock\n"
			   "[device m]\naddress = mock\nspace = ABCDEFGHIJKLMNOPQRSTUVWXYZ_45678\n"
			   "[device p]\naddress = 0000:3d:00.0\nspace = m\n[space m]\n"
			   "[device s]\naddress = /sys/bus/pci/devices/0000:3d:00.1/\nspace = m\n"
			   "[device t]\naddress = /sys/bus/pci/devices/0000:3d:00.2/\nspace = m\n");

	T_EQ(diagnostics.n_errors, 0);
	T_EQ(c->spaces[0].n_regions, 3);
	T_EQ(c->n_devices, 7);
}

static void granule_is_a_page_at_least(void)
{
	static const struct { const char *granule; int result; } rows[] = {
		{ "4K", -EINVAL }, { "32K", -EINVAL }, { "64K", 0 }, { "1M", 0 }, { "", 0 },
	};
	struct config_hooks hooks = t_config_hooks;

	hooks.page_size = 64 << 10;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_source source = { .strict = true };
		scoped c = NULL;
		char text[256];

		snprintf(text, sizeof(text), SIMPLE "[region dma0/heap]\ngranule = %s\n", rows[i].granule);
		source.file = write_conf("page.conf", text);
		config_diagnostics_free(&diagnostics);
		T_EQ(config_load(&source, &hooks, &c, &diagnostics), rows[i].result);
		T_EQ(diagnostics.n_errors, rows[i].result < 0);
		if (i == 0)
			T_ASSERT(strstr(diagnostic_text(0), ":9: [region dma0/heap] granule: '4K' is less than a page "
							    "of this machine, expected at least 64K"));
	}
}

static void unknown_is_a_warning_at_boot(void)
{
	struct config_source source = {
		.file = write_conf("newer.conf", SIMPLE "budgets = 4G\n[rules r]\nspace = none\n[daemon]\nworkers = 3\n"),
	};
	scoped c = NULL;

	T_OK(load_source(&source, &c));
	T_EQ(c->workers, 3);
	T_EQ(diagnostics.n_items, 2);
	T_ASSERT(strstr(diagnostic_text(0), "newer.conf:8: warning: [device nvme0] budgets: unknown key"));
	T_ASSERT(strstr(diagnostic_text(1), "newer.conf:9: warning: [rules r] unknown kind of section 'rules'"));

	source.strict = true;
	T_EQ(load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_EQ(diagnostics.n_errors, 2);
}

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
	write_conf("search/usr/lib/iopfd/iopfd.conf", "[daemon]\nworkers = 1\nevent-loop = libevent\n");
	write_conf("search/usr/lib/iopfd/iopfd.conf.d/10-vendor.conf", "[daemon]\nworkers = 10\n");
	write_conf("search/usr/lib/iopfd/iopfd.conf.d/20-hidden.conf", "broken");
	write_conf("search/usr/lib/iopfd/iopfd.conf.d/30-off.conf", "broken");
	write_conf("search/run/iopfd/iopfd.conf.d/20-hidden.conf", "broken");
	write_conf("search/run/iopfd/iopfd.conf.d/50-run.conf", "[daemon]\nworkers = 50\n");
	write_conf("search/etc/iopfd/iopfd.conf.d/20-hidden.conf", "[daemon]\nworkers = 20\n");
	write_conf("search/etc/iopfd/iopfd.conf.d/40-admin.conf", "[daemon]\nworkers = 40\n");
	write_conf("search/etc/iopfd/iopfd.conf.d/60-backup.conf~", "broken");
	write_conf("search/etc/iopfd/iopfd.conf.d/.60-hidden.conf", "broken");
	make_link("/dev/null", "search/etc/iopfd/iopfd.conf.d/30-off.conf");

	T_OK(load_source(&source, &c));
	expect_files(c, root, "/usr/lib/iopfd/iopfd.conf /usr/lib/iopfd/iopfd.conf.d/10-vendor.conf "
			      "/etc/iopfd/iopfd.conf.d/20-hidden.conf /etc/iopfd/iopfd.conf.d/40-admin.conf "
			      "/run/iopfd/iopfd.conf.d/50-run.conf");
	T_EQ(c->workers, 50);
	T_STREQ(c->event_loop, "libevent");

	/* The first iopfd.conf is the only one; a link to /dev/null hides it all the same. */
	write_conf("search/run/iopfd/iopfd.conf", "[daemon]\n");
	config_free(TAKE_PTR(c));
	T_OK(load_source(&source, &c));
	T_STREQ(c->files[0] + strlen(root), "/run/iopfd/iopfd.conf");
	T_STREQ(c->event_loop, "auto");

	make_link("/dev/null", "search/etc/iopfd/iopfd.conf");
	config_free(TAKE_PTR(c));
	T_OK(load_source(&source, &c));
	T_STREQ(c->files[0] + strlen(root), "/usr/lib/iopfd/iopfd.conf.d/10-vendor.conf");
}

static void given_file(void)
{
	const char *file = write_conf("given/my.conf", "[daemon]\nworkers = 1\n[device a]\naddress = sim\n");
	const struct config_source source = { .file = file, .root = "/nowhere", .strict = true };
	scoped c = NULL;

	T_OK(load_source(&source, &c));
	expect_files(c, t_tmpdir(), "/given/my.conf");
	config_free(TAKE_PTR(c));

	write_conf("given/my.conf.d/b.conf", "[daemon]\nworkers = 3\n[device b]\naddress = sim\n");
	write_conf("given/my.conf.d/a.conf", "[daemon]\nworkers = 2\n[region a/r]\niova = 0\nlength = 64K\n");
	T_OK(load_source(&source, &c));
	expect_files(c, t_tmpdir(), "/given/my.conf /given/my.conf.d/a.conf /given/my.conf.d/b.conf");
	T_EQ(c->workers, 3);
	T_EQ(c->n_devices, 2);
	T_EQ(c->spaces[0].n_regions, 1);

	/* Errors name the file that they are in. */
	write_conf("given/my.conf.d/c.conf", "[region a/s]\niova = 0\nlength = 64K\n");
	T_EQ(load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_ASSERT(strstr(diagnostic_text(0), "/my.conf.d/c.conf:2: [region a/s] iova: 0x0-0xffff overlaps [region a/r] at "));
	T_ASSERT(strstr(diagnostic_text(0), "/my.conf.d/a.conf:4 (0x0-0xffff)"));
}

static void no_file(void)
{
	const struct config_source nothing = { .root = t_tmpdir(), .strict = true };
	char missing[4200];
	const struct config_source given = { .file = missing };
	scoped c = NULL;

	T_OK(load_source(&nothing, &c));
	T_EQ(c->n_devices, 0);
	T_STREQ(c->event_loop, "auto");
	T_ASSERT(!c->files[0]);
	T_EQ(diagnostics.n_items, 1);
	T_EQ(diagnostics.items[0].severity, CONFIG_WARNING);
	T_ASSERT(strstr(diagnostic_text(0), "/etc/iopfd/iopfd.conf: warning: no configuration file"));

	snprintf(missing, sizeof(missing), "%s/missing.conf", t_tmpdir());
	T_EQ(load_source(&given, &(struct config *){ NULL }), -EINVAL);
	T_EQ(diagnostics.n_items, 1);
	T_ASSERT(strstr(diagnostic_text(0), "/missing.conf: No such file or directory"));
	T_EQ(diagnostics.unreadable, false);
}

static void expect_refused(const char *file, const char *text)
{
	const struct config_source source = { .file = file };

	T_EQ(load_source(&source, &(struct config *){ NULL }), -EINVAL);
	T_EQ(diagnostics.n_items, 1);
	T_ASSERT(strncmp(diagnostic_text(0), file, strlen(file)) == 0);
	if (!strstr(diagnostic_text(0), text))
		t_fail(__FILE__, __LINE__, "'%s' is not in '%s'", text, diagnostic_text(0));
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
	expect_refused(write_conf("large.conf", large), ": is too large, expected at most 1 MiB");
	large[1 << 20] = 0;
	config_free(load_text(large));
	free(large);
}

/* What cannot be read is told apart, and does not make up errors of what is missing. */
static void unreadable(void)
{
	const char *file = write_conf("secret/my.conf", "[device d]\n");
	const char *drop_in = write_conf("secret/my.conf.d/a.conf", "[device d]\naddress = sim\n");
	const struct config_source source = { .file = file };

	T_EQ(chmod(drop_in, 0), 0);
	T_EQ(chmod(t_tmpdir(), 0755), 0);
	/* Root may read everything, so it becomes somebody else for a moment. */
	if (getuid() == 0 && seteuid(65534) < 0) {
		printf("skipped: no other user to be: %s\n", strerror(errno));
		return;
	}
	T_EQ(load_source(&source, &(struct config *){ NULL }), -EACCES);
	T_EQ(seteuid(getuid()), 0);
	T_EQ(diagnostics.unreadable, true);
	T_ASSERT(diagnostics.n_items > 0);
	for (size_t i = 0; i < diagnostics.n_items; i++)
		T_ASSERT(strstr(diagnostic_text(i), ": Permission denied"));
}

/* Without the comments, which name other places each time. */
static char *dump(const struct config *c)
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

static void expect_round_trip(const struct config *c)
{
	_cleanup_free_ char *first = dump(c), *second = NULL;
	scoped again = load_text(first);

	T_EQ(diagnostics.n_errors, 0);
	second = dump(again);
	strip_comments(first);
	strip_comments(second);
	T_STREQ(first, second);

	T_EQ(again->n_spaces, c->n_spaces);
	T_EQ(again->n_devices, c->n_devices);
	for (size_t i = 0; i < c->n_spaces; i++) {
		T_STREQ(again->spaces[i].name, c->spaces[i].name);
		T_EQ(again->spaces[i].n_regions, c->spaces[i].n_regions);
		for (size_t j = 0; j < c->spaces[i].n_regions; j++) {
			T_EQ(again->spaces[i].regions[j].iova, c->spaces[i].regions[j].iova);
			T_EQ(again->spaces[i].regions[j].access, c->spaces[i].regions[j].access);
		}
	}
	for (size_t i = 0; i < c->n_devices; i++) {
		T_STREQ(again->devices[i].address, c->devices[i].address);
		T_EQ(again->devices[i].space, c->devices[i].space);
		T_EQ(again->devices[i].n_pasids, c->devices[i].n_pasids);
	}
}

static void dump_says_where_from(void)
{
	const struct config_source source = {
		.file = write_conf("dump.conf", "[device d]\naddress = sim\n[region d/r]\niova=0\nlength = 64K\n"
						  "[device d]\npasid=1:d\npasid=2:d\n"),
		.strict = true,
	};
	_cleanup_free_ char *text = NULL, *expected = NULL;
	scoped c = NULL;

	T_OK(load_source(&source, &c));
	text = dump(c);
	T_ASSERT(asprintf(&expected,
			  "[daemon] ; default\nevent-loop = auto ; default\nworkers = auto ; default\n\n"
			  "[space d] ; default\n\n"
			  "[region d/r] ; %1$s:3\niova = 0 ; %1$s:4\nlength = 64K ; %1$s:5\npolicy = anon ; default\n"
			  "granule = 64K ; default\non-fault = demand ; default\naccess = rw ; default\n\n"
			  "[device d] ; %1$s:1\naddress = sim ; %1$s:2\nspace = d ; default\npasid = 1:d ; %1$s:7\n"
			  "pasid = 2:d ; %1$s:8\nbus-master = no ; default\n\n", source.file) > 0);
	T_STREQ(text, expected);
	expect_round_trip(c);
}

static void dump_reads_back(void)
{
	char text[2048];
	scoped c = load_text("[device z]\naddress = sim:a;b\nspace = s2\npasid = 7:z2\n[device z2]\naddress = sim\n"
			   "[region s2/b]\niova = 1M\nlength = 1M\n[region s2/a]\niova = 0\nlength = 64K\naccess = w\n"
			   "[space empty]\n[daemon]\nworkers = 0x10\n");

	expect_round_trip(c);

	/* Values and paths that leave no room for what the dump adds. */
	for (int length = 150; length <= 190; length++) {
		struct config_source source = { .strict = true };
		scoped longest = NULL;

		snprintf(text, sizeof(text), "[device d]\naddress=sim:%0*d\n", length - 4, 0);
		source.file = write_conf("a-rather-long-name-in-gr\303\266\303\237e-\001-of-a-file.conf", text);
		T_OK(load_source(&source, &longest));
		T_EQ(strlen(longest->devices[0].address), length);
		expect_round_trip(longest);
	}
}

static void diagnostics_are_one_line(void)
{
	struct config_diagnostic d = {
		.severity = CONFIG_ERROR, .file = "a\nb", .line = 0, .section = "", .key = "", .message = "m\033[1m",
	};
	char text[64], small[8];

	T_EQ(config_diagnostic_format(&d, text, sizeof(text)), 10);
	T_STREQ(text, "a?b: m?[1m");
	d = (struct config_diagnostic){ CONFIG_WARNING, "f", 12, "device x", "key", "what" };
	T_EQ(config_diagnostic_format(&d, text, sizeof(text)), 35);
	T_STREQ(text, "f:12: warning: [device x] key: what");
	T_EQ(config_diagnostic_format(&d, small, sizeof(small)), 35);
	T_STREQ(small, "f:12: w");
}

int main(void)
{
	t_run(defaults);
	t_run(every_key);
	t_run(sections_merge);
	t_run(spaces_are_implied);
	t_run(text_forms);
	t_run(longest_line);
	t_run(exact_limits);
	t_run(granule_is_a_page_at_least);
	t_run(unknown_is_a_warning_at_boot);
	t_run(search_path);
	t_run(given_file);
	t_run(no_file);
	t_run(not_a_file);
	t_run(unreadable);
	t_run(dump_says_where_from);
	t_run(dump_reads_back);
	t_run(diagnostics_are_one_line);
	config_diagnostics_free(&diagnostics);
	return 0;
}
