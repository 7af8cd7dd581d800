/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies for a daemon that is wrong on purpose ($BUILD/tests/iopfd-faulty): wrappers
 * around anon. `faulty` refuses every 50th fill, so that some page requests are answered
 * INVALID; `wrong` shows every 50th granule the memory of the first one, so that data
 * written there is found changed; `stuck` does not come back from its first fill for four
 * seconds, and its shard with it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "policy/policy.h"

#define EVERY 50u

static atomic_uint n_fills;

static int faulty_create(const struct iopfd_host *host, void **ret_instance)
{
	return policy_anon.create(host, ret_instance);
}

static int faulty_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	return policy_anon.open(instance, region, why, why_size);
}

static int faulty_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		       struct iopfd_memory *ret)
{
	if (atomic_fetch_add(&n_fills, 1) % EVERY == EVERY - 1)
		return -EIO;
	return policy_anon.fill(instance, request, offset, length, access, ret);
}

static int wrong_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		      struct iopfd_memory *ret)
{
	if (atomic_fetch_add(&n_fills, 1) % EVERY == EVERY - 1)
		offset = 0;
	return policy_anon.fill(instance, request, offset, length, access, ret);
}

static int stuck_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		      struct iopfd_memory *ret)
{
	if (atomic_fetch_add(&n_fills, 1) == 0)
		sleep(4);
	return policy_anon.fill(instance, request, offset, length, access, ret);
}

static void faulty_close(void *instance)
{
	policy_anon.close(instance);
}

static const struct iopfd_policy faulty = {
	.size = sizeof(faulty),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "faulty",
	.create = faulty_create,
	.open = faulty_open,
	.fill = faulty_fill,
	.close = faulty_close,
};

static const struct iopfd_policy wrong = {
	.size = sizeof(wrong),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "wrong",
	.create = faulty_create,
	.open = faulty_open,
	.fill = wrong_fill,
	.close = faulty_close,
};

static const struct iopfd_policy stuck = {
	.size = sizeof(stuck),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "stuck",
	.create = faulty_create,
	.open = faulty_open,
	.fill = stuck_fill,
	.close = faulty_close,
};

const struct policy_builtin policy_table[] = {
	{ .ops = &policy_anon },
	{ .ops = &faulty },
	{ .ops = &wrong },
	{ .ops = &stuck },
	{ .ops = NULL },
};
