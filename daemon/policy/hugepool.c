/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/hugepool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/util.h"

#define GIB (1ull << 30)

/* Wanted by open regions and not yet taken from the pool: of 2M, of 1G. */
static atomic_llong claimed[2];

struct pool {
	long long size;
	long long available; /* negative: regions want more than there is */
};

const char *hugepool_size_name(uint64_t page_size)
{
	return page_size == GIB ? "1G" : "2M";
}

void hugepool_claim(uint64_t page_size, uint64_t n_pages)
{
	atomic_fetch_add_explicit(&claimed[page_size == GIB], (long long)n_pages, memory_order_relaxed);
}

void hugepool_unclaim(uint64_t page_size, uint64_t n_pages)
{
	atomic_fetch_sub_explicit(&claimed[page_size == GIB], (long long)n_pages, memory_order_relaxed);
}

static void path_of(uint64_t page_size, const char *file, char *path, size_t size)
{
	snprintf(path, size, "/sys/kernel/mm/hugepages/hugepages-%llukB/%s", (unsigned long long)page_size >> 10, file);
}

static int read_number(uint64_t page_size, const char *file, long long *ret)
{
	char path[128];
	FILE *f;
	int n;

	path_of(page_size, file, path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%lld", ret);
	fclose(f);
	return n == 1 ? 0 : -EIO;
}

bool hugepool_exists(uint64_t page_size)
{
	long long ignored;

	return read_number(page_size, "nr_hugepages", &ignored) == 0;
}

/* What nobody has and nobody was promised, and what the kernel may add to the pool. */
static int look(uint64_t page_size, struct pool *ret)
{
	long long free_pages, reserved, overcommit, surplus, others;

	if (read_number(page_size, "nr_hugepages", &ret->size) < 0 ||
	    read_number(page_size, "free_hugepages", &free_pages) < 0 ||
	    read_number(page_size, "resv_hugepages", &reserved) < 0 ||
	    read_number(page_size, "nr_overcommit_hugepages", &overcommit) < 0 ||
	    read_number(page_size, "surplus_hugepages", &surplus) < 0)
		return -ENODATA;
	others = atomic_load_explicit(&claimed[page_size == GIB], memory_order_relaxed);
	ret->available = MAX(free_pages - reserved, 0) + MAX(overcommit - surplus, 0) - others;
	return 0;
}

bool hugepool_is_ample(uint64_t page_size)
{
	struct pool p;

	return look(page_size, &p) == 0 && p.available >= 0;
}

/* The sysctl is about the default size only, which is 2M unless the kernel was told. */
bool hugepool_has(uint64_t page_size, uint64_t n_pages, char *message, size_t size)
{
	long long needed = (long long)n_pages;
	char file[128];
	struct pool p;

	if (look(page_size, &p) < 0 || p.available >= needed)
		return true;
	p.available = MAX(p.available, 0);
	path_of(page_size, "nr_hugepages", file, sizeof(file));
	snprintf(message, size, "needs %lld huge pages of %s, %lld are left for it: set %s%s to %lld or more", needed,
		 hugepool_size_name(page_size), p.available, page_size == GIB ? "" : "vm.nr_hugepages, that is ", file,
		 p.size + needed - p.available);
	return false;
}
