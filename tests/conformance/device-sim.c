/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated device: groups are put on its queue as if it had made them. */
#include "device-fixture.h"
#include "device/sim/iommu.h"
#include "device/sim/sim.h"
#include "t.h"

#define MAX_GROUPS 4096

static struct sim_injection *injections[MAX_GROUPS];
static size_t n_injections;

static void set_up(struct iommufd **ret)
{
	*ret = NULL;
	n_injections = 0;
}

static void tear_down(struct iommufd *iommufd)
{
	(void)iommufd;
}

static void trigger(struct device *d, struct ioas *a, uint32_t pasid, const struct request *requests, size_t n)
{
	struct uapi_fault_record records[64] = { 0 };

	T_ASSERT(n <= 64 && n_injections < MAX_GROUPS);
	for (size_t i = 0; i < n; i++) {
		records[i].dev_id = d->dev_id;
		records[i].perm = requests[i].perm;
		records[i].addr = requests[i].addr;
		if (pasid != PASID_NONE) {
			records[i].flags = UAPI_FAULT_PASID_VALID;
			records[i].pasid = pasid;
		}
	}
	records[n - 1].flags |= UAPI_FAULT_LAST_PAGE;
	T_OK(sim_ioas_inject(sim_space_ioas(a), records, n, &injections[n_injections++]));
}

static void answers(struct ioas *a, uint64_t *ret_success, uint64_t *ret_invalid)
{
	*ret_success = *ret_invalid = 0;
	for (size_t i = 0; i < n_injections; i++) {
		int r = sim_injection_answer(sim_space_ioas(a), injections[i]);

		*ret_success += r == UAPI_ANSWER_SUCCESS;
		*ret_invalid += r == UAPI_ANSWER_INVALID || r == -ECANCELED;
	}
}

const struct device_fixture device_sim_fixture = {
	.name = "sim",
	.address = "sim",
	.ops = &device_sim_ops,
	.iova = 16ull << 20,
	.length = 1ull << 30,
	.outside = 0,
	.set_up = set_up,
	.tear_down = tear_down,
	.trigger = trigger,
	.answers = answers,
};
