/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of one policy instance, and the check of every answer it gives: an fd that is
 * none, or memory that is not aligned as the region is, would otherwise only show as a
 * refused MAP, far from its cause.
 */
#include "policy/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define POLICIES_MAX 16

struct policy {
	const struct iopfd_policy *ops;
	void *instance;
	uint64_t length;
	uint64_t granule;
};

const struct iopfd_policy *policy_find(const char *name)
{
	for (size_t i = 0; policy_table[i]; i++)
		if (!strcmp(policy_table[i]->name, name))
			return policy_table[i];
	return NULL;
}

const char *const *policy_names(void)
{
	static const char *names[POLICIES_MAX + 1];

	for (size_t i = 0; policy_table[i]; i++) {
		assert(i < POLICIES_MAX);
		names[i] = policy_table[i]->name;
	}
	return names;
}

int policy_open(const struct iopfd_policy *ops, const struct iopfd_region *region, struct policy **ret)
{
	_cleanup_free_ struct policy *p = NULL;
	int r;

	if (ops->size < sizeof(*ops) || ops->abi_version != IOPFD_POLICY_ABI_VERSION)
		return -EPROTONOSUPPORT;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->ops = ops;
	p->length = region->length;
	p->granule = region->granule;
	r = ops->open(region, &p->instance);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

struct policy *policy_close(struct policy *p)
{
	if (p) {
		p->ops->close(p->instance);
		free(p);
	}
	return NULL;
}

int policy_fill(struct policy *p, uint64_t offset, uint64_t length, uint32_t access, struct iopfd_memory *ret_memory)
{
	struct iopfd_memory memory = { .fd = -1 };
	int r;

	assert(!(offset % p->granule) && length && !(length % p->granule));
	assert(offset < p->length && length <= p->length - offset);
	r = p->ops->fill(p->instance, offset, length, access, &memory);
	if (r < 0)
		return r;
	if (memory.fd < 0 || memory.offset % p->granule || memory.offset + length < length)
		return -EBADE;
	*ret_memory = memory;
	return 0;
}

int policy_memory(struct policy *p, struct iopfd_memory *ret_memory)
{
	return p->ops->memory ? p->ops->memory(p->instance, ret_memory) : -EOPNOTSUPP;
}
