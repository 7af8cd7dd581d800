/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plugins that are loaded and then refused, or just not: each -DMISFIT_... is one of them.
 */
#include <errno.h>

#include <iopfd/policy.h>

#if defined(MISFIT_function)
int iopfd_policy(void);
int iopfd_policy(void)
{
	return 0;
}
#elif defined(MISFIT_symbol)
extern const int no_policy;
const int no_policy = 1;
#else

static int misfit_create(const struct iopfd_host *host, void **ret_instance)
{
	(void)host;
	*ret_instance = NULL;
	return 0;
}

static int misfit_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	(void)instance;
	(void)region;
	(void)why;
	(void)why_size;
	return 0;
}

#ifndef MISFIT_fill
static int misfit_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length,
		       uint32_t access, struct iopfd_memory *ret_memory)
{
	(void)instance;
	(void)request;
	(void)offset;
	(void)length;
	(void)access;
	(void)ret_memory;
	return -EIO;
}
#endif

static void misfit_close(void *instance)
{
	(void)instance;
}

/* As a later header may have it. */
struct larger {
	struct iopfd_policy policy;
	void (*later)(void);
};

extern const struct larger iopfd_policy;
const struct larger iopfd_policy = {
	.policy = {
#if defined(MISFIT_small)
		.size = offsetof(struct iopfd_policy, close),
#elif defined(MISFIT_first)
		.size = offsetof(struct iopfd_policy, submit),
#elif defined(MISFIT_lie)
		.size = sizeof(iopfd_policy) + 65536,
#else
		.size = sizeof(iopfd_policy),
#endif
#ifdef MISFIT_version
		.abi_version = IOPFD_POLICY_ABI_VERSION + 1,
#else
		.abi_version = IOPFD_POLICY_ABI_VERSION,
#endif
#ifndef MISFIT_name
		.name = "misfit",
#endif
#ifdef MISFIT_flags
		.flags = IOPFD_POLICY_TRACKS_DIRTY | 1u << 31,
#elif defined(MISFIT_submits)
		.flags = IOPFD_POLICY_SUBMITS,
#endif
		.create = misfit_create,
		.open = misfit_open,
#ifndef MISFIT_fill
		.fill = misfit_fill,
#endif
		.close = misfit_close,
	},
};
#endif
