/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much memory may be pinned, and what is reserved in huge pages. The kernel counts pinned
 * pages against RLIMIT_MEMLOCK of the user, but not with CAP_IPC_LOCK. The unit's limit comes
 * from its file and the drop-ins, as systemd reads them: a file in /etc hides its namesake in
 * /run and /usr/lib, drop-ins apply in the order of their names, the last assignment counts.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/probe-files.h"
#include "ctl/probe.h"

#define UNIT "iopfd.service"
#define CAP_IPC_LOCK_BIT 14
#define MIB (1ull << 20)
/* Below that nothing useful can be resident; distributions' default is 8 MiB. */
#define MEMLOCK_LEAST (64 * MIB)
#define MEMLOCK_DEFAULT (8 * MIB)

static const char *const unit_dirs[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system",
					 "/lib/systemd/system" };

/* As systemd reads sizes: infinity, or a number with a suffix; of SOFT:HARD the first. */
static unsigned long long parse_limit(const char *text)
{
	static const char suffixes[] = "KMGT";
	unsigned long long value;
	const char *suffix;
	char *end;

	if (strncmp(text, "infinity", strlen("infinity")) == 0)
		return ULLONG_MAX;
	value = strtoull(text, &end, 10);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	return suffix ? value << 10 * (suffix - suffixes + 1) : value;
}

/* The last LimitMEMLOCK= of a file. */
static void limit_of(char *text, unsigned long long *limit)
{
	static const char key[] = "LimitMEMLOCK=";
	char *line;

	while ((line = files_line(&text)))
		if (strncmp(line, key, strlen(key)) == 0)
			*limit = line[strlen(key)] ? parse_limit(line + strlen(key)) : MEMLOCK_DEFAULT;
}

static bool read_limit(const char *dir, const char *file, unsigned long long *limit)
{
	_cleanup_free_ char *text = NULL;

	if (files_slurp(&text, "%s/%s", dir, file) < 0)
		return false;
	limit_of(text, limit);
	return true;
}

/* The first folder that has it counts. */
static bool read_first(const char *file, unsigned long long *limit)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++)
		if (read_limit(unit_dirs[i], file, limit))
			return true;
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of all drop-ins, each once. */
static void list_drop_ins(struct files_names *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++) {
		_cleanup_(files_names_deinit) struct files_names names = { 0 };
		char **more;

		files_list(&names, "%s/" UNIT ".d", unit_dirs[i]);
		more = reallocarray(ret->names, ret->n + names.n + 1, sizeof(*more));
		if (!more)
			return;
		ret->names = more;
		for (size_t k = 0; k < names.n; k++)
			if (strlen(names.names[k]) > 5 && strcmp(strrchr(names.names[k], 0) - 5, ".conf") == 0)
				ret->names[ret->n++] = TAKE_PTR(names.names[k]);
	}
	qsort(ret->names, ret->n, sizeof(*ret->names), compare_names);
}

static bool unit_limit(unsigned long long *ret)
{
	_cleanup_(files_names_deinit) struct files_names drop_ins = { 0 };
	char file[NAME_MAX + sizeof(UNIT) + 4];

	*ret = MEMLOCK_DEFAULT;
	if (!read_first(UNIT, ret))
		return false;
	list_drop_ins(&drop_ins);
	for (size_t i = 0; i < drop_ins.n; i++) {
		snprintf(file, sizeof(file), UNIT ".d/%s", drop_ins.names[i]);
		read_first(file, ret);
	}
	return true;
}

void probe_memlock_unit(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	unsigned long long limit;

	(void)p;
	(void)t;
	if (!unit_limit(&limit)) {
		probe_says(ret, PROBE_PASS, UNIT " is not installed: the limit of who starts iopfd counts");
		return;
	}
	if (limit == ULLONG_MAX) {
		probe_says(ret, PROBE_PASS, UNIT " may pin memory without a limit");
		return;
	}
	probe_says(ret, limit < MEMLOCK_LEAST ? PROBE_FAIL : PROBE_PASS, UNIT " may pin %llu MiB", limit / MIB);
	if (limit < MEMLOCK_LEAST)
		probe_remedy(ret, "set LimitMEMLOCK=infinity in a drop-in: systemctl edit iopfd");
	else
		probe_remedy(ret, "keep the sum of the budgets below it, or set LimitMEMLOCK=infinity: systemctl edit "
			     "iopfd");
}

/* The soft limit of this process; false: does not show. */
static bool own_limit(unsigned long long *ret)
{
	static const char key[] = "Max locked memory";
	_cleanup_free_ char *text = NULL;
	const char *at;

	if (files_slurp(&text, "/proc/self/limits") < 0 || !(at = strstr(text, key)))
		return false;
	at += strlen(key);
	at += strspn(at, " ");
	*ret = isdigit((unsigned char)*at) ? strtoull(at, NULL, 10) : ULLONG_MAX;
	return true;
}

static bool is_exempt(void)
{
	_cleanup_free_ char *text = NULL;
	const char *at;

	if (files_slurp(&text, "/proc/self/status") < 0 || !(at = strstr(text, "CapEff:")))
		return false;
	return strtoull(at + strlen("CapEff:"), NULL, 16) >> CAP_IPC_LOCK_BIT & 1;
}

void probe_memlock(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	unsigned long long limit, unit;

	(void)p;
	(void)t;
	if (is_exempt()) {
		probe_says(ret, PROBE_PASS, "this user may pin memory without a limit (CAP_IPC_LOCK)");
		return;
	}
	if (!own_limit(&limit)) {
		probe_says(ret, PROBE_UNKNOWN, "/proc/self/limits cannot be read");
		probe_remedy(ret, "mount /proc");
		return;
	}
	if (limit == ULLONG_MAX) {
		probe_says(ret, PROBE_PASS, "this user may pin memory without a limit");
		return;
	}
	/* What ordinary users may is of no interest where the unit runs the daemon. */
	probe_says(ret, limit < MEMLOCK_LEAST && !unit_limit(&unit) ? PROBE_FAIL : PROBE_PASS,
		   "this user may pin %llu MiB", limit / MIB);
	if (limit < MEMLOCK_LEAST)
		probe_remedy(ret, "to start iopfd by hand, raise the limit before: ulimit -l unlimited, or "
			     "/etc/security/limits.conf");
}

void probe_hugepages(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	char pages[32], unused[32] = "0";
	long total, n_free;

	(void)p;
	(void)t;
	if (files_read(pages, sizeof(pages), "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages") < 0) {
		probe_says(ret, PROBE_PASS, "the kernel has no pool of huge pages");
		probe_remedy(ret, "policy \"hugepage\" needs CONFIG_HUGETLBFS=y");
		return;
	}
	files_read(unused, sizeof(unused), "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	total = strtol(pages, NULL, 10);
	n_free = strtol(unused, NULL, 10);
	probe_says(ret, PROBE_PASS, "%ld huge pages of 2M, %ld of them free", total, n_free);
	if (!n_free)
		probe_remedy(ret, "policy \"hugepage\" needs some: sysctl vm.nr_hugepages=%ld for one GiB more",
			     total + 512);
}
