/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One contract for all policies, that of include/iopfd/policy.h, kept by each of them bare,
 * in a wrapper that answers everything later, and in one that fails. What the machine does
 * not have is left out, and said so.
 *
 * usage: test-policy [all | numa]	with all, no policy may be left out; with numa, just where
 *					memory is, and there must be several nodes
 * timeout: 300
 */
#include <ctype.h>
#include <dirent.h>
#include <sys/stat.h>

#include "base/util.h"
#include "policy-drive.h"
#include "policy-numa.h"
#include "policy-stress.h"
#include "t-hugepages.h"
#include "t.h"

static const struct policy_fixture *const fixtures[] = {
	&policy_anon_fixture,
	&policy_anon_discard_fixture,
	&policy_file_uring_fixture,
	&policy_file_threads_fixture,
	&policy_file_never_fixture,
	&policy_file_tmpfs_fixture,
	&policy_file_hugetlbfs_fixture,
	&policy_hugepage_fallback_fixture,
	&policy_hugepage_fixture,
	&policy_fd_fixture,
	&policy_pattern_fixture,
	&policy_trouble_fixture,
};

static const char *const wrap_names[WRAP_MAX] = { "bare", "delayed", "failing" };

static const struct policy_fixture *fixture;
static enum wrap wrap;
static struct drive d;
static char why[512];

static void open_region(uint32_t access)
{
	T_ASSERT(drive_open(&d, fixture, wrap, access, -1, why, sizeof(why)));
}

static uint32_t read_access(void)
{
	return drive_read_access(&d);
}

static void nothing_is_asked(void)
{
	open_region(READ | WRITE);
	drive_close(&d);
}

static void what_nobody_touched(void)
{
	open_region(READ | WRITE);
	for (uint64_t g = d.n_granules; g-- > 0;)
		drive_fill(&d, g, 1, read_access());
	drive_check(&d, 0, d.n_granules);
	drive_release(&d, 0, d.n_granules);
	drive_fill(&d, 0, d.n_granules, read_access());
	drive_check(&d, 0, d.n_granules);
	drive_close(&d);
}

/* Without a thread in between. */
static void filled_is_found_at_once(void)
{
	const struct drive_call *c;

	open_region(READ | WRITE);
	drive_fill(&d, 1, 2, READ | WRITE);
	for (uint64_t g = 1; g < 3; g++) {
		c = drive_start(&d, WRAP_FILL, g, 1, READ);
		T_EQ(c->returned, 0);
		c = drive_start(&d, WRAP_FILL, g, 1, READ | WRITE);
		T_EQ(c->returned, 0);
	}
	drive_close(&d);
}

static void written_comes_back(void)
{
	open_region(READ | WRITE);
	for (uint64_t g = 1; g < d.n_granules; g += 2) {
		drive_fill(&d, g, 1, READ | WRITE);
		drive_write(&d, g);
	}
	for (uint64_t g = 1; g < d.n_granules; g += 2)
		drive_release(&d, g, 1);
	for (uint64_t g = 0; g < d.n_granules; g++) {
		drive_fill(&d, g, 1, read_access());
		drive_check(&d, g, 1);
		drive_release(&d, g, 1);
	}
	drive_sync(&d);
	drive_check_durable(&d);
	drive_close(&d);
}

/* Filled together and released one by one, and the other way round. */
static void ranges(void)
{
	open_region(READ | WRITE);
	drive_fill(&d, 0, 4, READ | WRITE);
	for (uint64_t g = 0; g < 4; g++) {
		T_EQ(d.memory[g].fd, d.memory[0].fd);
		drive_write(&d, g);
	}
	drive_check(&d, 0, 4);
	drive_release(&d, 1, 1);
	drive_fill(&d, 1, 1, read_access());
	drive_check(&d, 0, 4);
	for (uint64_t g = 0; g < 4; g++)
		drive_release(&d, g, 1);
	drive_fill(&d, 1, 3, READ | WRITE);
	drive_check(&d, 1, 3);
	drive_write(&d, 2);
	drive_release(&d, 1, 3);
	drive_fill(&d, 0, d.n_granules, read_access());
	drive_check(&d, 0, d.n_granules);
	drive_close(&d);
}

/* A granule that was only read becomes writable, where it is. */
static void upgrades(void)
{
	open_region(READ | WRITE);
	if (policy_tracks_dirty(d.policy)) {
		drive_fill(&d, 2, 1, READ);
		drive_check(&d, 2, 1);
		drive_fill(&d, 2, 1, READ | WRITE);
		drive_write(&d, 2);
		drive_check(&d, 2, 1);
		drive_release(&d, 2, 1);
		drive_fill(&d, 2, 1, READ);
		drive_check(&d, 2, 1);
	}
	drive_close(&d);
}

/* The files of these regions cannot be written, and must not be. */
static void reads_need_no_rights_to_write(void)
{
	struct iopfd_memory memory;

	open_region(READ);
	drive_fill(&d, 0, d.n_granules, READ);
	drive_check(&d, 0, d.n_granules);
	if (policy_memory(d.policy, &memory) == 0)
		T_EQ(memory.offset, d.memory[0].offset);
	drive_sync(&d);
	drive_release(&d, 0, d.n_granules);
	drive_check_durable(&d);
	drive_close(&d);
}

static void flush_brings_it_to_safety(void)
{
	open_region(READ | WRITE);
	drive_fill(&d, 0, 4, READ | WRITE);
	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t g = 0; g < 4; g++)
			drive_write(&d, g);
		drive_flush(&d, 0, 2);
		drive_flush(&d, 2, 2);
		drive_sync(&d);
		drive_check_durable(&d);
		/* It stays filled, and may be written again. */
		drive_check(&d, 0, 4);
		drive_fill(&d, 0, 4, READ | WRITE);
	}
	drive_write(&d, 3);
	drive_release(&d, 0, 4);
	drive_sync(&d);
	drive_check_durable(&d);
	drive_fill(&d, 0, 4, read_access());
	drive_check(&d, 0, 4);
	drive_close(&d);
}

static void ask_all(enum wrap_call kind, uint32_t access, struct drive_call *calls[])
{
	for (uint64_t g = 0; g < d.n_granules; g++)
		calls[g] = drive_start(&d, kind, g, 1, access);
}

static void many_at_once(void)
{
	struct drive_call *calls[DRIVE_GRANULES_MAX];

	open_region(READ | WRITE);
	for (unsigned round = 0; round < 4; round++) {
		ask_all(WRAP_FILL, READ | WRITE, calls);
		for (uint64_t g = 0; g < d.n_granules; g++) {
			if (drive_wait(calls[g]) != 0)
				drive_fill(&d, g, 1, READ | WRITE);
			drive_check(&d, g, 1);
			drive_write(&d, g);
		}
		ask_all(WRAP_FLUSH, 0, calls);
		for (uint64_t g = 0; g < d.n_granules; g++)
			if (drive_wait(calls[g]) < 0)
				drive_flush(&d, g, 1);
		ask_all(WRAP_RELEASE, 0, calls);
		for (uint64_t g = 0; g < d.n_granules; g++)
			if (drive_wait(calls[g]) < 0) {
				drive_fill(&d, g, 1, read_access());
				drive_release(&d, g, 1);
			}
		drive_sync(&d);
		drive_check_durable(&d);
	}
	drive_close(&d);
}

/* The bytes at every moment, for others as for the device: filled, or not at all. */
static void memory_is_the_truth(void)
{
	struct iopfd_memory memory;
	struct stat a, b;
	uint8_t *shadow;
	int r;

	open_region(READ | WRITE);
	r = policy_memory(d.policy, &memory);
	T_EQ(r, r == 0 ? 0 : -EOPNOTSUPP);
	T_ASSERT(r < 0 || !d.fixture->discards);
	for (uint64_t g = 0; r == 0 && g < d.n_granules; g += 3, memory.offset += 3 * d.granule) {
		drive_fill(&d, g, 1, READ | WRITE);
		T_ASSERT(fstat(memory.fd, &a) == 0 && fstat(d.memory[g].fd, &b) == 0);
		T_EQ(a.st_ino, b.st_ino);
		T_EQ(a.st_dev, b.st_dev);
		T_EQ(d.memory[g].offset, memory.offset);
		shadow = d.shadow + g * d.granule;
		memset(shadow + 8, 0x5a, 100);
		drive_poke(&d, &memory, 8, shadow + 8, 100);
		drive_check(&d, g, 1);
		drive_release(&d, g, 1);
		memset(shadow + 16, 0xa5, 100);
		drive_poke(&d, &memory, 16, shadow + 16, 100);
		drive_fill(&d, g, 1, read_access());
		drive_check(&d, g, 1);
	}
	drive_close(&d);
}

/* Where shmem is made of huge pages there may be more than was touched. */
static bool is_backed(uint64_t bytes)
{
	uint64_t says = policy_backed_bytes(d.policy);
	char setting[128] = "";
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "re");
	bool rounds = f && fgets(setting, sizeof(setting), f) && !strstr(setting, "[never]");

	if (f)
		fclose(f);
	if (says != bytes && (!rounds || says < bytes || says > d.length))
		t_fail(__FILE__, __LINE__, "%" PRIu64 " bytes are backed, not %" PRIu64, says, bytes);
	return true;
}

static void backed_bytes_are_true(void)
{
	static const char zero;
	enum backing backing = fixture->backing;

	open_region(READ | WRITE);
	T_ASSERT(is_backed(backing == BACKING_WHOLE ? d.length : 0));
	for (uint64_t n = 1; n <= 4; n++) {
		drive_fill(&d, n, 1, READ | WRITE);
		for (uint64_t at = 0; at < d.granule; at += 4096)
			drive_poke(&d, &d.memory[n], at, &zero, 1);
		T_ASSERT(is_backed(backing == BACKING_UNKNOWN ? 0 : backing == BACKING_WHOLE ? d.length : n * d.granule));
	}
	drive_release(&d, 1, 4);
	T_ASSERT(is_backed(backing == BACKING_WHOLE ? d.length : backing == BACKING_KEPT ? 4 * d.granule : 0));
	drive_close(&d);
}

static void take_stats(struct iopfd_counter *ret, size_t *n)
{
	*n = policy_stats(d.policy, ret, 16);
	T_EQ(policy_stats(d.policy, ret, 0), 0);
	for (size_t i = 0; i < *n; i++) {
		T_ASSERT(isalpha(*ret[i].name));
		for (const char *c = ret[i].name; *c; c++)
			T_ASSERT(isalnum(*c));
		for (size_t j = 0; j < i; j++)
			T_ASSERT(strcmp(ret[i].name, ret[j].name) != 0);
	}
}

static void counters_never_go_down(void)
{
	struct iopfd_counter before[16], after[16];
	size_t n_before, n_after;

	open_region(READ | WRITE);
	take_stats(before, &n_before);
	for (uint64_t round = 0; round < 8; round++) {
		drive_fill(&d, round % 4, 1, READ | WRITE);
		drive_write(&d, round % 4);
		if (round % 2)
			drive_release(&d, round % 4, 1);
		take_stats(after, &n_after);
		T_EQ(n_after, n_before);
		for (size_t i = 0; i < n_after; i++) {
			T_STREQ(after[i].name, before[i].name);
			if (!fixture->amount || strcmp(after[i].name, fixture->amount) != 0)
				T_ASSERT(after[i].value >= before[i].value);
			before[i] = after[i];
		}
	}
	drive_close(&d);
}

static void prefetch_changes_nothing(void)
{
	open_region(READ | WRITE);
	policy_prefetch(d.policy, 0, d.length);
	drive_fill(&d, 0, 1, READ | WRITE);
	drive_write(&d, 0);
	policy_prefetch(d.policy, 0, 2 * d.granule);
	drive_check(&d, 0, 1);
	drive_release(&d, 0, 1);
	policy_prefetch(d.policy, 0, d.granule);
	drive_fill(&d, 0, 2, read_access());
	drive_check(&d, 0, 2);
	drive_close(&d);
}

static void unknown_keys_are_refused(void)
{
	struct policy_case c;
	struct policy *policy = NULL;
	struct iopfd_region region = { .size = sizeof(region), .access = READ | WRITE, .name = "space/region",
				       .length = fixture->granule * fixture->n_granules, .granule = fixture->granule,
				       .numa_node = -1 };

	T_ASSERT(fixture->set_up(READ | WRITE, &c, why, sizeof(why)));
	c.settings[c.n_settings++] = (struct policy_setting){ "no such key", "1" };
	T_EQ(policy_open(wrap_policy(c.ops, wrap), &region, c.settings, c.n_settings, &policy, why, sizeof(why)), -EINVAL);
	T_ASSERT(!policy && strstr(why, "has no key no such key"));
	if (fixture->tear_down)
		fixture->tear_down();
}

static void every_trouble_once(void)
{
	open_region(READ | WRITE);
	policy_stress_troubles(&d);
	drive_close(&d);
}

static void anything_at_random(void)
{
	open_region(READ | WRITE);
	policy_stress_random(&d);
	drive_close(&d);
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	T_ASSERT(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void run(const char *name, void (*test)(void))
{
	char text[128];

	snprintf(text, sizeof(text), "%s, %s: %s", fixture->name, wrap_names[wrap], name);
	t_run_named(text, test);
}
#define RUN(test) run(#test, test)

static void run_all(void)
{
	unsigned n_fds = count_fds();

	RUN(nothing_is_asked);
	RUN(what_nobody_touched);
	RUN(filled_is_found_at_once);
	RUN(written_comes_back);
	RUN(ranges);
	RUN(upgrades);
	RUN(reads_need_no_rights_to_write);
	RUN(flush_brings_it_to_safety);
	RUN(many_at_once);
	RUN(memory_is_the_truth);
	RUN(backed_bytes_are_true);
	RUN(counters_never_go_down);
	RUN(prefetch_changes_nothing);
	RUN(unknown_keys_are_refused);
	RUN(anything_at_random);
	if (wrap == WRAP_FAIL)
		RUN(every_trouble_once);
	T_EQ(count_fds(), n_fds);
}

/* Plugins are loaded by this, too. */
static bool is_possible(void)
{
	struct policy_case c;
	bool possible = fixture->set_up(READ | WRITE, &c, why, sizeof(why));

	if (fixture->tear_down)
		fixture->tear_down();
	return possible;
}

int main(int argc, char **argv)
{
	bool all = argc > 1 && !strcmp(argv[1], "all"), numa = argc > 1 && !strcmp(argv[1], "numa");

	t_hugepages_lock();
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		fixture = fixtures[i];
		if (!is_possible()) {
			printf("LEFT OUT: %s: %s\n", fixture->name, why);
			T_ASSERT(!all);
			continue;
		}
		for (wrap = WRAP_NONE; wrap < WRAP_MAX && !numa; wrap++)
			run_all();
		if (fixture->is_private)
			policy_numa_test(fixture, numa);
	}
	return 0;
}
