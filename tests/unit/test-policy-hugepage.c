/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "hugepage", with whatever the machine's pool has: nothing of it is taken for
 * granted, and nothing changed. Tests of an empty pool ask for more than there is, those
 * of a full one are left out, and said so, where it is empty; tests/vm/test-hugepage.sh
 * runs them where there are pages.
 *
 * usage: test-policy-hugepage [all]	with all, nothing may be left out
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/hugepool.h"
#include "t-host.h"
#include "t-hugepages.h"
#include "t.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define PAGE (2 * MIB)

extern const struct iopfd_policy policy_hugepage;

static const struct iopfd_region region = {
	.size = sizeof(region),
	.access = IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE,
	.name = "space/region",
	.iova = 1ull << 32,
	.length = 64 * PAGE,
	.granule = PAGE,
	.numa_node = -1,
};

static bool all;

static long long pool(const char *size, const char *file)
{
	long long value = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%s/%s", size, file);
	f = fopen(path, "re");
	if (f) {
		T_EQ(fscanf(f, "%lld", &value), 1);
		fclose(f);
	}
	return value;
}

static uint64_t free_pages(void)
{
	return (uint64_t)pool("2048kB", "free_hugepages");
}

/* True: there are not so many. */
static bool left_out(uint64_t n_pages)
{
	if (free_pages() >= n_pages)
		return false;
	printf("    LEFT OUT: the pool has less than %" PRIu64 " free pages of 2M\n", n_pages);
	T_ASSERT(!all);
	return true;
}

/* One that has more granules than the pool has pages. */
static struct iopfd_region too_large(void)
{
	struct iopfd_region r = region;

	r.length = (free_pages() + (uint64_t)pool("2048kB", "nr_overcommit_hugepages") + 4) * PAGE;
	return r;
}

static bool is_huge(int fd)
{
	struct stat st;

	T_EQ(fstat(fd, &st), 0);
	return st.st_blksize == PAGE;
}

static char *map(const struct iopfd_memory *memory, uint64_t length)
{
	char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory->fd,
			(off_t)memory->offset);

	T_ASSERT(at != MAP_FAILED);
	return at;
}

static void keys_are_checked(void)
{
	char why[128] = "";
	void *h;

	T_OK(policy_hugepage.create(&t_host, &h));
	T_EQ(policy_hugepage.config(h, "page-size", "4K", why, sizeof(why)), -EINVAL);
	T_STREQ(why, "expected 2M or 1G");
	T_EQ(policy_hugepage.config(h, "fallback", "none", why, sizeof(why)), -EINVAL);
	T_STREQ(why, "expected anon or invalid");
	T_EQ(policy_hugepage.config(h, "size", "2M", why, sizeof(why)), -ENOENT);
	T_OK(policy_hugepage.config(h, "page-size", "1G", why, sizeof(why)));
	T_OK(policy_hugepage.config(h, "fallback", "anon", why, sizeof(why)));
	policy_hugepage.close(h);
}

static void regions_are_checked(void)
{
	struct iopfd_region r = region;

	r.granule = MIB;
	t_policy_refuses(&policy_hugepage, &r, -EINVAL, "set granule = 2M", NULL);
	r = region;
	r.iova += MIB;
	t_policy_refuses(&policy_hugepage, &r, -EINVAL, "make them multiples of 2M", NULL);
	r = region;
	t_policy_refuses(&policy_hugepage, &r, -EINVAL, "set granule = 1G", "page-size", "1G", NULL);
}

/* A machine without 1G or 2M. */
static int no_pages(const char *name, uint64_t length, uint64_t page_size, int32_t numa_node)
{
	(void)name;
	(void)length;
	(void)page_size;
	(void)numa_node;
	return -ENODEV;
}

static void a_size_that_is_missing_is_told(void)
{
	struct iopfd_host host = t_host;
	struct iopfd_region r = region;
	char why[128] = "";
	void *h;

	host.make_memory = no_pages;
	T_OK(policy_hugepage.create(&host, &h));
	T_EQ(policy_hugepage.open(h, &region, why, sizeof(why)), -EOPNOTSUPP);
	T_STREQ(why, "this machine has no pages of 2M; use another policy");
	policy_hugepage.close(h);
	T_OK(policy_hugepage.create(&host, &h));
	T_OK(policy_hugepage.config(h, "page-size", "1G", why, sizeof(why)));
	r.granule = r.length = GIB;
	T_EQ(policy_hugepage.open(h, &r, why, sizeof(why)), -EOPNOTSUPP);
	T_ASSERT(strstr(why, "this machine has no pages of 1G; "));
	policy_hugepage.close(h);
}

static void a_small_pool_is_told(void)
{
	struct iopfd_region r = too_large();
	const char *log;
	void *h;

	t_host_log();
	h = t_policy_open(&policy_hugepage, &r, NULL);
	log = t_host_log();
	T_ASSERT(strstr(log, "<4>region space/region: needs "));
	T_ASSERT(strstr(log, "vm.nr_hugepages"));
	T_ASSERT(strstr(log, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"));
	T_ASSERT(strstr(log, "INVALID"));
	policy_hugepage.close(h);
	h = t_policy_open(&policy_hugepage, &r, "fallback", "anon", NULL);
	log = t_host_log();
	T_ASSERT(strstr(log, "<5>region space/region: needs "));
	T_ASSERT(strstr(log, "ordinary memory"));
	policy_hugepage.close(h);
}

/* Regions that fit one by one, but not together. */
static void regions_are_added_up(void)
{
	char message[320];

	if (left_out(3))
		return;
	hugepool_claim(PAGE, free_pages() - 2);
	T_ASSERT(hugepool_has(PAGE, 2, message, sizeof(message)));
	T_ASSERT(!hugepool_has(PAGE, 3 + (uint64_t)pool("2048kB", "nr_overcommit_hugepages"), message, sizeof(message)));
	T_ASSERT(strstr(message, "are left for it"));
	hugepool_unclaim(PAGE, free_pages() - 2);
}

static void an_empty_pool_is_an_error(void)
{
	struct iopfd_region r = too_large();
	struct iopfd_memory memory;
	uint64_t n = 0;
	void *h = t_policy_open(&policy_hugepage, &r, NULL);
	int result = 0;

	for (uint64_t at = 0; at < r.length && !result; at += PAGE, n++)
		result = t_policy_fill(&policy_hugepage, h, at, PAGE, IOPFD_ACCESS_WRITE, &memory, NULL);
	T_EQ(result, -ENOSPC);
	T_EQ(t_policy_counter(&policy_hugepage, h, "HugePages"), n - 1);
	T_EQ(t_policy_counter(&policy_hugepage, h, "Fallbacks"), 1);
	T_EQ(policy_hugepage.backed_bytes(h), (n - 1) * PAGE);
	policy_hugepage.close(h);
}

static void an_empty_pool_falls_back(void)
{
	struct iopfd_region r = too_large();
	uint64_t n = r.length / PAGE, n_free = free_pages();
	void *h = t_policy_open(&policy_hugepage, &r, "fallback", "anon", NULL);
	struct iopfd_memory memory, again;
	bool pending;
	char *bytes;

	T_EQ(policy_hugepage.memory(h, &memory), -EOPNOTSUPP);
	for (uint64_t at = 0; at < r.length; at += PAGE) {
		T_OK(t_policy_fill(&policy_hugepage, h, at, PAGE, IOPFD_ACCESS_WRITE, &memory, NULL));
		T_EQ(memory.offset, at);
	}
	T_EQ(free_pages(), 0);
	T_ASSERT(!is_huge(memory.fd));
	T_EQ(t_policy_counter(&policy_hugepage, h, "HugePages") + t_policy_counter(&policy_hugepage, h, "Fallbacks"), n);
	T_ASSERT(t_policy_counter(&policy_hugepage, h, "HugePages") >= n_free);
	/* It stays where it is, and is found without a second look. */
	bytes = map(&memory, PAGE);
	T_EQ(bytes[12345], 0);
	bytes[12345] = 1;
	T_OK(t_policy_fill(&policy_hugepage, h, r.length - PAGE, PAGE, IOPFD_ACCESS_READ, &again, &pending));
	T_ASSERT(!pending && again.fd == memory.fd && again.offset == memory.offset);
	T_EQ(bytes[12345], 1);
	munmap(bytes, PAGE);
	policy_hugepage.close(h);
	T_EQ(free_pages(), n_free);
}

/* A run of granules has to be in one file: what is huge is moved, with its bytes. */
static void a_run_is_in_one_file(void)
{
	struct iopfd_region r = too_large();
	void *h = t_policy_open(&policy_hugepage, &r, "fallback", "anon", NULL);
	uint64_t n_pages = free_pages();
	struct iopfd_memory memory;
	char *bytes;

	if (!left_out(2)) {
		T_OK(t_policy_fill(&policy_hugepage, h, PAGE, PAGE, IOPFD_ACCESS_WRITE, &memory, NULL));
		T_ASSERT(is_huge(memory.fd));
		bytes = map(&memory, PAGE);
		memset(bytes, 55, PAGE);
		munmap(bytes, PAGE);
		T_OK(t_policy_fill(&policy_hugepage, h, 0, r.length, IOPFD_ACCESS_WRITE, &memory, NULL));
		T_EQ(memory.offset, 0);
		T_ASSERT(!is_huge(memory.fd));
		bytes = map(&memory, 3 * PAGE);
		T_EQ(bytes[PAGE - 1], 0);
		T_EQ(bytes[2 * PAGE], 0);
		for (uint64_t i = 0; i < PAGE; i++)
			T_EQ(bytes[PAGE + i], 55);
		munmap(bytes, 3 * PAGE);
		T_EQ(free_pages(), n_pages); /* nothing of the part is kept */
		T_EQ(t_policy_counter(&policy_hugepage, h, "HugePages"), 0);
		T_EQ(t_policy_counter(&policy_hugepage, h, "Fallbacks"), r.length / PAGE);
	}
	policy_hugepage.close(h);
}

static void pages_are_huge(void)
{
	uint64_t n_pages = free_pages();
	struct iopfd_region r = region;
	struct iopfd_memory memory, again, shared;
	bool pending;
	char *bytes;
	void *h;

	if (left_out(4))
		return;
	r.length = 4 * PAGE;
	r.granule = 2 * PAGE;
	t_host_log();
	h = t_policy_open(&policy_hugepage, &r, NULL);
	T_STREQ(t_host_log(), "");
	T_EQ(free_pages(), n_pages); /* nothing is taken, and nothing reserved */
	T_EQ(pool("2048kB", "resv_hugepages"), 0);
	T_OK(t_policy_fill(&policy_hugepage, h, 2 * PAGE, 2 * PAGE, IOPFD_ACCESS_WRITE, &memory, &pending));
	T_ASSERT(pending && is_huge(memory.fd));
	T_EQ(memory.offset, 2 * PAGE);
	T_EQ(free_pages(), n_pages - 2);
	bytes = map(&memory, 2 * PAGE);
	for (uint64_t i = 0; i < 2 * PAGE; i++)
		T_EQ(bytes[i], 0);
	bytes[3 * MIB] = 1;
	T_OK(t_policy_fill(&policy_hugepage, h, 2 * PAGE, 2 * PAGE, IOPFD_ACCESS_READ, &again, &pending));
	T_ASSERT(!pending && again.fd == memory.fd && again.offset == memory.offset);
	T_EQ(bytes[3 * MIB], 1);
	munmap(bytes, 2 * PAGE);
	T_OK(policy_hugepage.memory(h, &shared));
	T_ASSERT(shared.fd == memory.fd && shared.offset == 0);
	T_EQ(t_policy_counter(&policy_hugepage, h, "HugePages"), 2);
	T_EQ(policy_hugepage.backed_bytes(h), 2 * PAGE);
	policy_hugepage.close(h);
	T_EQ(free_pages(), n_pages);
}

/* Ahead of demand, which then need not wait; the rest of the pool stays for others. */
static void what_is_wished_for_is_there(void)
{
	struct iopfd_region r = region;
	struct iopfd_memory memory;
	bool pending;
	char *bytes;
	void *h;

	if (left_out(4))
		return;
	r.length = 4 * PAGE;
	h = t_policy_open(&policy_hugepage, &r, NULL);
	T_OK(t_policy_fill(&policy_hugepage, h, 0, PAGE, IOPFD_ACCESS_WRITE, &memory, NULL));
	bytes = map(&memory, PAGE);
	bytes[5] = 5;
	policy_hugepage.prefetch(h, 0, 3 * PAGE);
	T_WAIT(t_policy_counter(&policy_hugepage, h, "HugePages") == 3);
	T_EQ(bytes[5], 5);
	munmap(bytes, PAGE);
	/* It is noted after it was allocated: the first look may be too early. */
	T_OK(t_policy_fill(&policy_hugepage, h, 2 * PAGE, PAGE, IOPFD_ACCESS_WRITE, &memory, NULL));
	T_OK(t_policy_fill(&policy_hugepage, h, PAGE, 2 * PAGE, IOPFD_ACCESS_WRITE, &memory, &pending));
	T_ASSERT(!pending && is_huge(memory.fd));
	bytes = map(&memory, 2 * PAGE);
	for (uint64_t i = 0; i < 2 * PAGE; i++)
		T_EQ(bytes[i], 0);
	munmap(bytes, 2 * PAGE);
	policy_hugepage.prefetch(h, 0, 2 * PAGE); /* nothing to do */
	T_EQ(t_policy_counter(&policy_hugepage, h, "HugePages"), 3);
	policy_hugepage.close(h);
	T_ASSERT(hugepool_is_ample(PAGE));
}

static void nothing_is_made_ahead_of_a_small_pool(void)
{
	struct iopfd_region r = too_large();
	void *h = t_policy_open(&policy_hugepage, &r, "fallback", "anon", NULL);
	struct iopfd_memory memory;

	T_ASSERT(!hugepool_is_ample(PAGE));
	for (uint64_t i = 0; i < 3; i++) {
		policy_hugepage.prefetch(h, 3 * PAGE, r.length - 3 * PAGE);
		T_OK(t_policy_fill(&policy_hugepage, h, i * PAGE, PAGE, IOPFD_ACCESS_WRITE, &memory, NULL));
	}
	T_EQ(policy_hugepage.backed_bytes(h), 3 * PAGE - t_policy_counter(&policy_hugepage, h, "Fallbacks") * PAGE);
	policy_hugepage.close(h);
}

/* What a process that shares the memory wrote before a device came stays, even when the
 * run that it is part of cannot be filled. */
static void the_bytes_of_others_stay(void)
{
	struct iopfd_region r = too_large();
	void *h = t_policy_open(&policy_hugepage, &r, NULL);
	struct iopfd_memory shared, memory;
	char *bytes;

	if (!left_out(1)) {
		T_OK(policy_hugepage.memory(h, &shared));
		bytes = map(&shared, PAGE);
		bytes[7] = 7;
		T_EQ(t_policy_fill(&policy_hugepage, h, 0, r.length, IOPFD_ACCESS_READ, &memory, NULL), -ENOSPC);
		T_OK(t_policy_fill(&policy_hugepage, h, 0, PAGE, IOPFD_ACCESS_READ, &memory, NULL));
		T_EQ(bytes[7], 7);
		munmap(bytes, PAGE);
	}
	policy_hugepage.close(h);
}

/* A region can be touched again once the pool has pages. */
static void a_failed_granule_is_tried_again(void)
{
	uint64_t n_pages = free_pages();
	struct iopfd_region r = region;
	struct iopfd_memory memory;
	void *hog, *h;

	if (left_out(1))
		return;
	r.length = n_pages * PAGE;
	hog = t_policy_open(&policy_hugepage, &r, NULL);
	T_OK(t_policy_fill(&policy_hugepage, hog, 0, r.length, IOPFD_ACCESS_READ, &memory, NULL));
	h = t_policy_open(&policy_hugepage, &region, NULL);
	T_EQ(t_policy_fill(&policy_hugepage, h, 0, PAGE, IOPFD_ACCESS_READ, &memory, NULL), -ENOSPC);
	policy_hugepage.close(hog);
	T_OK(t_policy_fill(&policy_hugepage, h, 0, PAGE, IOPFD_ACCESS_READ, &memory, NULL));
	T_EQ(t_policy_counter(&policy_hugepage, h, "Fallbacks"), 1);
	policy_hugepage.close(h);
	T_EQ(free_pages(), n_pages);
}

static void many_at_once(void)
{
	struct iopfd_memory memories[16];
	uint64_t offsets[16];
	int results[16];
	void *h = t_policy_open(&policy_hugepage, &region, "fallback", "anon", NULL);

	for (uint64_t i = 0; i < 16; i++)
		offsets[i] = (i * 5 % 16) * PAGE;
	t_policy_fill_many(&policy_hugepage, h, offsets, 16, PAGE, results, memories);
	for (size_t i = 0; i < 16; i++) {
		T_OK(results[i]);
		T_EQ(memories[i].offset, offsets[i]);
	}
	T_EQ(t_policy_counter(&policy_hugepage, h, "HugePages") + t_policy_counter(&policy_hugepage, h, "Fallbacks"), 16);
	policy_hugepage.close(h);
}

/* Asked of the kernel on the helper's thread. One that does not exist was told by the host's
 * make_memory() and costs nothing but itself. Where pages are: tests/conformance/policy-numa.c. */
static void nodes_are_asked_for(void)
{
	struct iopfd_region r = region;
	struct iopfd_memory memory;
	void *h;

	for (int i = 0; i < 2; i++) {
		r.numa_node = i ? 1000 : 0;
		h = t_policy_open(&policy_hugepage, &r, "fallback", "anon", NULL);
		t_host_log();
		T_OK(t_policy_fill(&policy_hugepage, h, 0, PAGE, IOPFD_ACCESS_READ, &memory, NULL));
		T_OK(t_policy_fill(&policy_hugepage, h, PAGE, PAGE, IOPFD_ACCESS_READ, &memory, NULL));
		if (syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0) == 0) /* else nobody may */
			T_STREQ(t_host_log(), "");
		policy_hugepage.close(h);
	}
}

static void a_gigabyte(void)
{
	struct iopfd_region r = region;
	struct iopfd_memory memory;
	struct stat st;
	void *h;

	if (!pool("1048576kB", "free_hugepages")) {
		printf("    LEFT OUT: the pool has no free page of 1G\n");
		return;
	}
	r.granule = r.length = GIB;
	h = t_policy_open(&policy_hugepage, &r, "page-size", "1G", NULL);
	T_OK(t_policy_fill(&policy_hugepage, h, 0, GIB, IOPFD_ACCESS_WRITE, &memory, NULL));
	T_EQ(fstat(memory.fd, &st), 0);
	T_EQ(st.st_blksize, GIB);
	policy_hugepage.close(h);
}

int main(int argc, char **argv)
{
	all = argc > 1 && !strcmp(argv[1], "all");
	t_hugepages_lock();
	t_run(keys_are_checked);
	t_run(regions_are_checked);
	t_run(a_size_that_is_missing_is_told);
	if (!hugepool_exists(PAGE))
		t_skip("this kernel has no huge pages of 2M");
	t_run(a_small_pool_is_told);
	t_run(regions_are_added_up);
	t_run(an_empty_pool_is_an_error);
	t_run(an_empty_pool_falls_back);
	t_run(a_run_is_in_one_file);
	t_run(pages_are_huge);
	t_run(what_is_wished_for_is_there);
	t_run(nothing_is_made_ahead_of_a_small_pool);
	t_run(the_bytes_of_others_stay);
	t_run(a_failed_granule_is_tried_again);
	t_run(many_at_once);
	t_run(nodes_are_asked_for);
	t_run(a_gigabyte);
	return 0;
}
