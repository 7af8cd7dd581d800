/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy in a page of code: memory that is full of numbers before a device touches it,
 * made from a key of the region, `seed = N`. Word i of the region is mix(seed + i).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iopfd/policy.h>

struct pattern {
	const struct iopfd_host *host;
	uint64_t seed, granule;
	int fd;
	char *made; /* one for each granule: what a device has written since must stay */
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static int pattern_create(const struct iopfd_host *host, void **ret_instance)
{
	struct pattern *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->host = host;
	p->fd = -1;
	*ret_instance = p;
	return 0;
}

static int pattern_config(void *instance, const char *key, const char *value, char *why, size_t why_size)
{
	struct pattern *p = instance;
	char *end;

	if (strcmp(key, "seed") != 0)
		return -ENOENT;
	p->seed = strtoull(value, &end, 0);
	if (end == value || *end) {
		snprintf(why, why_size, "expected a number");
		return -EINVAL;
	}
	return 0;
}

static int pattern_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	struct pattern *p = instance;

	p->granule = region->granule;
	p->made = calloc(region->length / region->granule, 1);
	p->fd = p->host->make_memory(region->name, region->length, 0, region->numa_node);
	if (p->made && p->fd >= 0)
		return 0;
	snprintf(why, why_size, "not enough memory");
	return p->fd < 0 ? p->fd : -ENOMEM;
}

static int make(struct pattern *p, uint64_t offset)
{
	uint64_t words[512];

	for (uint64_t at = offset; at < offset + p->granule; at += sizeof(words)) {
		for (size_t i = 0; i < 512; i++)
			words[i] = mix(p->seed + at / 8 + i);
		if (pwrite(p->fd, words, sizeof(words), (off_t)at) != (ssize_t)sizeof(words))
			return -ENOMEM;
	}
	p->made[offset / p->granule] = 1;
	return 0;
}

/* At once, as 64K take some 20 us; with granules of megabytes this would be for a thread. */
static int pattern_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length,
			uint32_t access, struct iopfd_memory *ret_memory)
{
	struct pattern *p = instance;
	int r = 0;

	(void)request;
	(void)access;
	for (uint64_t at = offset; !r && at < offset + length; at += p->granule)
		if (!p->made[at / p->granule])
			r = make(p, at);
	ret_memory->fd = p->fd;
	ret_memory->offset = offset;
	return r;
}

static void pattern_close(void *instance)
{
	struct pattern *p = instance;

	if (p->fd >= 0)
		close(p->fd);
	free(p->made);
	free(p);
}

extern const struct iopfd_policy iopfd_policy;
const struct iopfd_policy iopfd_policy = {
	.size = sizeof(iopfd_policy),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "pattern",
	.create = pattern_create,
	.config = pattern_config,
	.open = pattern_open,
	.fill = pattern_fill,
	.close = pattern_close,
};
