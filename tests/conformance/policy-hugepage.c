/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pages of 2M: of the pool, where it has enough, and what is taken instead where not. */
#include "policy-fixture.h"
#include "policy/hugepool.h"
#include "t.h"

#define GRANULE (2ull << 20)
#define N 6
#define FOLDER "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static long long pool_before = -1;

static long long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long long n = 0;

	if (f && fscanf(f, "%lld", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static bool write_number(const char *path, long long n)
{
	FILE *f = fopen(path, "we");
	bool ok = f && fprintf(f, "%lld\n", n) > 0;

	return f && fclose(f) == 0 && ok;
}

static void put_pool_back(void)
{
	write_number(FOLDER "nr_hugepages", pool_before);
}

bool fixture_huge_pages(uint64_t n, char *why, size_t why_size)
{
	long long missing = (long long)n - read_number(FOLDER "free_hugepages") + read_number(FOLDER "resv_hugepages");
	long long size = read_number(FOLDER "nr_hugepages");

	if (missing <= 0)
		return true;
	if (write_number(FOLDER "nr_hugepages", size + missing) && pool_before < 0) {
		pool_before = size;
		atexit(put_pool_back);
	}
	if (read_number(FOLDER "nr_hugepages") >= size + missing)
		return true;
	snprintf(why, why_size, "the pool lacks %lld pages of 2M", missing);
	return false;
}

static bool set_up(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	(void)access;
	*ret = (struct policy_case){ &policy_hugepage, { { "page-size", "2M" } }, 1 };
	return fixture_huge_pages(N, why, why_size);
}

/* With whatever the pool has. */
static bool set_up_fallback(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	(void)access;
	*ret = (struct policy_case){ &policy_hugepage, { { "fallback", "anon" } }, 1 };
	if (!hugepool_exists(GRANULE))
		snprintf(why, why_size, "this kernel has no pages of 2M");
	return hugepool_exists(GRANULE);
}

const struct policy_fixture policy_hugepage_fixture = {
	.name = "hugepage",
	.granule = GRANULE,
	.n_granules = N,
	.is_private = true,
	.backing = BACKING_KEPT,
	.amount = "HugePages",
	.set_up = set_up,
};

const struct policy_fixture policy_hugepage_fallback_fixture = {
	.name = "hugepage, fallback",
	.granule = GRANULE,
	.n_granules = N,
	.is_private = true,
	.backing = BACKING_KEPT,
	.amount = "HugePages",
	.set_up = set_up_fallback,
};
