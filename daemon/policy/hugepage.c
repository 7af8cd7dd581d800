/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "hugepage": memory from the kernel's pool of 2M or 1G pages, one sparse hugetlb
 * memfd for the region; the offset in the file is the offset in the region. Nothing is
 * reserved: pages are taken from the pool as granules are touched, and stay in the file
 * when a granule is evicted. What the pool has is compared with the region once, at open.
 *
 * MAP would take pages from the pool as well, but then an empty pool would be its error and
 * not ours, and zeroing (200 us for 2M, a second for 1G) would be done by the thread that
 * serves faults. So the first fill of a granule allocates, on a helper thread. What is
 * prefetched is allocated there as well, while no fill waits, and only as long as the pool
 * has enough for all that the regions of this process may still touch.
 *
 * fallback = anon: a granule that finds the pool empty is in an ordinary memfd from then
 * on. No other process can have the memory then, as no single file has all of it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <iopfd/policy.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "policy/blocks.h"
#include "policy/helper.h"
#include "policy/hugepool.h"
#include "policy/hugetlb.h"

#define MIB2 (2ull << 20)
#define GIB (1ull << 30)
#define PAGE_SIZE_DEFAULT MIB2

/* A demand that comes while so much is zeroed ahead waits 200 us. */
#define PREFETCH_STEP_MAX MIB2

/* Where a granule is. The helper's to change; the shard looks at what no fill is pending for. */
enum { NOWHERE, IN_HUGE, IN_ORDINARY };

struct hugepage {
	const struct iopfd_host *host;
	struct helper *helper;
	uint64_t page_size;
	bool falls_back;
	int huge;
	int ordinary; /* -1 unless falls_back */
	uint64_t granule;
	int32_t numa_node;
	bool node_is_set; /* the helper's */
	atomic_uchar *where; /* one for each granule */
	uint64_t n_claimed; /* pages that were not taken yet; the helper's */
	atomic_uint_fast64_t n_fallbacks;
};

static int hugepage_create(const struct iopfd_host *host, void **ret_instance)
{
	struct hugepage *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*h = (struct hugepage){ .host = host, .page_size = PAGE_SIZE_DEFAULT, .huge = -1, .ordinary = -1 };
	*ret_instance = h;
	return 0;
}

static void hugepage_close(void *instance)
{
	struct hugepage *h = instance;

	helper_free(h->helper);
	hugepool_unclaim(h->page_size, h->n_claimed);
	close_fd(&h->huge);
	close_fd(&h->ordinary);
	free(h->where);
	free(h);
}

static int parse_page_size(const char *value, uint64_t *ret)
{
	if (strcmp(value, "2M") != 0 && strcmp(value, "1G") != 0)
		return -EINVAL;
	*ret = *value == '2' ? MIB2 : GIB;
	return 0;
}

uint64_t hugepage_min_granule(const char *key, const char *value);
uint64_t hugepage_min_granule(const char *key, const char *value)
{
	uint64_t size = key ? 0 : PAGE_SIZE_DEFAULT;

	if (key && !strcmp(key, "page-size"))
		parse_page_size(value, &size);
	return size;
}

static int hugepage_config(void *instance, const char *key, const char *value, char *why, size_t why_size)
{
	struct hugepage *h = instance;

	if (!strcmp(key, "page-size")) {
		if (parse_page_size(value, &h->page_size) == 0)
			return 0;
		snprintf(why, why_size, "expected 2M or 1G");
		return -EINVAL;
	}
	if (!strcmp(key, "fallback")) {
		if (strcmp(value, "anon") != 0 && strcmp(value, "invalid") != 0) {
			snprintf(why, why_size, "expected anon or invalid");
			return -EINVAL;
		}
		h->falls_back = *value == 'a';
		return 0;
	}
	return -ENOENT;
}

/* A pool that is too small now may be filled later, and a region is not always touched
 * whole: both are told, and neither is an error. */
static void check_pool(struct hugepage *h, const struct iopfd_region *region)
{
	char lacking[320], message[512];
	uint64_t n_pages = region->length / h->page_size;

	if (!hugepool_has(h->page_size, n_pages, lacking, sizeof(lacking))) {
		snprintf(message, sizeof(message), "region %s: %s; what the pool lacks is %s", region->name, lacking,
			 h->falls_back ? "taken from ordinary memory" : "answered INVALID");
		h->host->log(h->falls_back ? LOG_NOTICE : LOG_WARNING, message);
	}
	hugepool_claim(h->page_size, n_pages);
	h->n_claimed = n_pages;
}

/* On the helper. */
static void follow_node(struct hugepage *h)
{
	char message[192];
	int r;

	if (h->node_is_set)
		return;
	h->node_is_set = true;
	r = hugetlb_prefer_node(h->numa_node);
	if (r < 0) {
		snprintf(message, sizeof(message), "numa-node = %d has no effect on huge pages: %s%s", h->numa_node,
			 strerror(-r), r == -EPERM ? " (in the unit's sandbox use NUMAPolicy= instead)" : "");
		h->host->log(LOG_WARNING, message);
	}
}

static unsigned where_of(const struct hugepage *h, uint64_t offset)
{
	return atomic_load_explicit(&h->where[offset / h->granule], memory_order_acquire);
}

/* From here on the granule is there: another region may have what is left of the pool. */
static void settle(struct hugepage *h, uint64_t offset, uint8_t where)
{
	uint64_t n_pages = h->granule / h->page_size;

	if (where_of(h, offset) == NOWHERE) {
		hugepool_unclaim(h->page_size, n_pages);
		h->n_claimed -= n_pages;
	}
	atomic_store_explicit(&h->where[offset / h->granule], where, memory_order_release);
}

static int fall_back(struct hugepage *h, uint64_t offset, uint64_t length)
{
	for (uint64_t at = offset; at < offset + length; at += h->granule) {
		/* No device has it mapped: the range is being filled. */
		unsigned where = where_of(h, at);
		int r = where == IN_HUGE ? hugetlb_move(h->huge, h->ordinary, at, h->granule) : 0;

		if (r < 0)
			return r;
		if (where == IN_ORDINARY)
			continue;
		settle(h, at, IN_ORDINARY);
		atomic_fetch_add_explicit(&h->n_fallbacks, 1, memory_order_relaxed);
	}
	return 0;
}

/* All of the range, or nothing that was not there before. But where other processes may
 * have the memory, what we find may be theirs: then a part stays for the next try. */
static int take_huge(struct hugepage *h, uint64_t offset, uint64_t length)
{
	int r = hugetlb_allocate(h->huge, offset, length);

	for (uint64_t at = offset; at < offset + length; at += h->granule)
		if (r == 0)
			settle(h, at, IN_HUGE);
		else if (h->falls_back && where_of(h, at) == NOWHERE)
			hugetlb_give_back(h->huge, at, h->granule);
	return r;
}

/* NOWHERE: not all of it at one of them. */
static unsigned where_is(const struct hugepage *h, uint64_t offset, uint64_t length)
{
	unsigned where = where_of(h, offset);

	for (uint64_t at = offset + h->granule; at < offset + length; at += h->granule)
		if (where_of(h, at) != where)
			return NOWHERE;
	return where;
}

static void answer(const struct hugepage *h, unsigned where, uint64_t offset, struct iopfd_memory *ret)
{
	if (where == IN_HUGE)
		*ret = (struct iopfd_memory){ .fd = h->huge, .offset = offset, .flags = IOPFD_MEMORY_POPULATED };
	else
		*ret = (struct iopfd_memory){ .fd = h->ordinary, .offset = offset };
}

static bool has_ordinary(const struct hugepage *h, uint64_t offset, uint64_t length)
{
	for (uint64_t at = offset; at < offset + length; at += h->granule)
		if (where_of(h, at) == IN_ORDINARY)
			return true;
	return false;
}

static int fill_on_helper(void *instance, uint64_t offset, uint64_t length, struct iopfd_memory *ret)
{
	struct hugepage *h = instance;
	int r = -ENOSPC;

	follow_node(h);
	if (!has_ordinary(h, offset, length))
		r = take_huge(h, offset, length);
	if (r == -ENOSPC && h->falls_back)
		r = fall_back(h, offset, length);
	else if (r == -ENOSPC)
		atomic_fetch_add_explicit(&h->n_fallbacks, length / h->granule, memory_order_relaxed);
	if (r == 0)
		answer(h, where_is(h, offset, length), offset, ret);
	return r;
}

/* Wished for, on the helper: a granule. */
static void prefetch_on_helper(void *instance, uint64_t offset)
{
	struct hugepage *h = instance;

	follow_node(h);
	if (where_of(h, offset) == NOWHERE && hugepool_is_ample(h->page_size))
		take_huge(h, offset, h->granule);
}

static void hugepage_prefetch(void *instance, uint64_t offset, uint64_t length)
{
	struct hugepage *h = instance;

	while (length && where_of(h, offset) != NOWHERE) {
		offset += h->granule;
		length -= h->granule;
	}
	if (length && h->granule <= PREFETCH_STEP_MAX)
		helper_wish(h->helper, offset, length);
}

static int hugepage_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length,
			 uint32_t access, struct iopfd_memory *ret_memory)
{
	struct hugepage *h = instance;
	unsigned where = where_is(h, offset, length);

	(void)access;
	if (where == NOWHERE)
		return helper_submit(h->helper, request, offset, length);
	answer(h, where, offset, ret_memory);
	return 0;
}

static int check_region(const struct hugepage *h, const struct iopfd_region *region, char *why, size_t why_size)
{
	const char *name = hugepool_size_name(h->page_size);

	if (region->granule < h->page_size) {
		snprintf(why, why_size, "the granule is smaller than a page of %s; set granule = %s or more", name, name);
		return -EINVAL;
	}
	if (region->iova % h->page_size || region->length % h->page_size) {
		snprintf(why, why_size, "iova and length are not multiples of the page size; make them multiples of %s", name);
		return -EINVAL;
	}
	return 0;
}

static int no_such_size(const struct hugepage *h, char *why, size_t why_size)
{
	bool has_small = h->page_size != MIB2 && hugepool_exists(MIB2);

	snprintf(why, why_size, "this machine has no pages of %s; %s", hugepool_size_name(h->page_size),
		 has_small ? "set page-size = 2M" : "use another policy");
	return -EOPNOTSUPP;
}

static int make_memory(struct hugepage *h, const struct iopfd_region *region, char *why, size_t why_size)
{
	h->huge = h->host->make_memory(region->name, region->length, h->page_size, region->numa_node);
	/* ENODEV: not this size. EINVAL, ENOSYS: a kernel without huge pages. */
	if (h->huge == -ENODEV || h->huge == -EINVAL || h->huge == -ENOSYS)
		return no_such_size(h, why, why_size);
	if (h->huge >= 0 && h->falls_back)
		h->ordinary = h->host->make_memory(region->name, region->length, 0, region->numa_node);
	if (h->huge < 0 || (h->falls_back && h->ordinary < 0)) {
		int r = h->huge < 0 ? h->huge : h->ordinary;

		snprintf(why, why_size, "no memory can be made for it: %s", strerror(-r));
		return r;
	}
	return 0;
}

static int hugepage_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	struct hugepage *h = instance;
	int r = check_region(h, region, why, why_size);

	if (r < 0)
		return r;
	r = make_memory(h, region, why, why_size);
	if (r < 0)
		return r;
	h->granule = region->granule;
	h->numa_node = region->numa_node;
	h->where = calloc(region->length / region->granule, sizeof(h->where[0]));
	if (!h->where)
		return -ENOMEM;
	r = helper_new("iopfd-hugepage", h->host, fill_on_helper, h, &h->helper);
	if (r >= 0)
		helper_take_wishes(h->helper, prefetch_on_helper, h->granule);
	if (r < 0) {
		snprintf(why, why_size, "no thread can be made for it: %s", strerror(-r));
		return r;
	}
	check_pool(h, region);
	return 0;
}

static void hugepage_submit(void *instance)
{
	struct hugepage *h = instance;

	helper_begin(h->helper);
}

static int hugepage_memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct hugepage *h = instance;

	if (h->falls_back)
		return -EOPNOTSUPP;
	*ret_memory = (struct iopfd_memory){ .fd = h->huge };
	return 0;
}

static uint64_t hugepage_backed_bytes(void *instance)
{
	struct hugepage *h = instance;

	return blocks_bytes(h->huge) + blocks_bytes(h->ordinary);
}

static size_t hugepage_stats(void *instance, struct iopfd_counter *ret, size_t n)
{
	struct hugepage *h = instance;
	const struct iopfd_counter counters[] = {
		{ "HugePages", blocks_bytes(h->huge) / h->page_size },
		{ "Fallbacks", atomic_load_explicit(&h->n_fallbacks, memory_order_relaxed) },
	};

	for (size_t i = 0; i < MIN(n, ARRAY_SIZE(counters)); i++)
		ret[i] = counters[i];
	return ARRAY_SIZE(counters);
}

extern const struct iopfd_policy policy_hugepage;
const struct iopfd_policy policy_hugepage = {
	.size = sizeof(policy_hugepage),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.flags = IOPFD_POLICY_SUBMITS,
	.name = "hugepage",
	.create = hugepage_create,
	.config = hugepage_config,
	.open = hugepage_open,
	.fill = hugepage_fill,
	.prefetch = hugepage_prefetch,
	.memory = hugepage_memory,
	.backed_bytes = hugepage_backed_bytes,
	.stats = hugepage_stats,
	.close = hugepage_close,
	.submit = hugepage_submit,
};
