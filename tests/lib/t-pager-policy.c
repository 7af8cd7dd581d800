/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-pager-policy.h"

#include "base/util.h"
#include "fault/swap.h"
#include "policy/policy.h"
#include "t.h"

int policy_error;
struct iopfd_memory policy_answer;
const struct iopfd_host *policy_host_seen;
struct iopfd_request *pending[64];
unsigned n_pending, n_released, n_released_dirty, n_flushed, n_fills, n_submits;
struct t_hint hints[16];
unsigned n_hints;
bool swapped;
unsigned n_swap_asked;

bool swap_holds(struct swap *s, uint64_t now_ns, int fd, uint64_t offset, uint64_t length)
{
	T_ASSERT(s && now_ns && fd >= 0 && length);
	(void)offset;
	n_swap_asked++;
	return swapped;
}

static int fickle_create(const struct iopfd_host *host, void **ret_instance)
{
	policy_host_seen = host;
	*ret_instance = NULL;
	return 0;
}

static int fickle_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	(void)instance;
	(void)why;
	(void)why_size;
	T_ASSERT(region->length);
	return 0;
}

static int fickle_answer(struct iopfd_request *request)
{
	if (policy_error == IOPFD_PENDING)
		pending[n_pending++] = request;
	return policy_error;
}

static int fickle_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		       struct iopfd_memory *ret)
{
	(void)instance;
	(void)length;
	(void)access;
	n_fills++;
	*ret = policy_answer;
	ret->offset += offset;
	return fickle_answer(request);
}

static int fickle_release(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty)
{
	(void)instance;
	(void)offset;
	(void)length;
	n_released++;
	n_released_dirty += dirty;
	return fickle_answer(request);
}

static int fickle_flush(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length)
{
	(void)instance;
	(void)request;
	(void)offset;
	n_flushed += length > 0;
	return 0;
}

static void fickle_submit(void *instance)
{
	(void)instance;
	T_ASSERT(n_pending > 0);
	n_submits++;
}

static void fickle_prefetch(void *instance, uint64_t offset, uint64_t length)
{
	(void)instance;
	T_ASSERT(n_hints < ARRAY_SIZE(hints));
	hints[n_hints].offset = offset;
	hints[n_hints++].length = length;
}

static void fickle_close(void *instance)
{
	(void)instance;
}

static const struct iopfd_policy fickle = {
	.size = sizeof(fickle),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "fickle",
	.flags = IOPFD_POLICY_TRACKS_DIRTY | IOPFD_POLICY_SUBMITS,
	.create = fickle_create,
	.open = fickle_open,
	.fill = fickle_fill,
	.release = fickle_release,
	.flush = fickle_flush,
	.prefetch = fickle_prefetch,
	.close = fickle_close,
	.submit = fickle_submit,
};
const struct policy_builtin policy_table[] = { { .ops = &policy_anon }, { .ops = &fickle }, { .ops = NULL } };
