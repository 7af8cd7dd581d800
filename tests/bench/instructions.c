/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What callgrind looks at in instructions.sh: a pager on a simulated space, given batches of
 * 64 single-page groups at a 4 KiB granule, each for a page that is not mapped yet.
 *
 * usage: instructions BATCHES
 */
#include <stdio.h>
#include <stdlib.h>

#include "device/sim/iommu.h"
#include "device/sim/sim.h"
#include "fault/pager.h"
#include "fault/worker.h"
#include "t.h"

#define BATCH 64u
#define PAGE 4096ull
#define START 0x100000000ull

static struct stats own, orphans, counted;

static struct ioas *open_ioas(uint64_t length)
{
	struct iova_range range = { START, length };
	struct reason why;
	struct ioas *ioas;

	T_OK(device_sim_ops.ioas_open(NULL, &range, 1, &ioas, &why));
	return ioas;
}

static struct policy *add_region(struct pager *p, uint64_t length)
{
	struct iopfd_region info = { .size = sizeof(info), .name = "bench/heap", .access = ACCESS_READ | ACCESS_WRITE,
				     .iova = START, .length = length, .granule = PAGE };
	struct region region = { .name = (char *)"heap", .iova = START, .length = length, .granule_shift = 12,
				 .access = ACCESS_READ | ACCESS_WRITE, .merge = 1, .around = 1, .populate = 512 };

	char why[256];

	T_OK(policy_open(&policy_anon, &info, NULL, 0, &region.policy, why, sizeof(why)));
	T_OK(space_add_region(&p->space, &region));
	return region.policy;
}

static void inject_batch(struct ioas *ioas, uint32_t dev_id, uint64_t first_page)
{
	for (uint64_t i = 0; i < BATCH; i++) {
		struct uapi_fault_record record = {
			.flags = UAPI_FAULT_LAST_PAGE,
			.dev_id = dev_id,
			.perm = UAPI_PERM_WRITE,
			.addr = START + (first_page + i) * PAGE,
		};
		struct sim_injection *injection;

		T_OK(sim_ioas_inject(sim_space_ioas(ioas), &record, 1, &injection));
	}
}

struct bench {
	struct loop *loop;
	struct ioas *ioas;
	struct device *device;
	uint64_t n_batches;
	uint64_t n_done;
};

/* A batch is injected when all answers of the one before are out. */
static int on_next(struct loop_source *s, uint32_t events, void *userdata)
{
	struct bench *b = userdata;

	(void)events;
	if (counted.values.responses_success == b->n_done * BATCH && b->n_done == b->n_batches) {
		loop_stop(b->loop, 0);
		return 0;
	}
	if (counted.values.responses_success == b->n_done * BATCH)
		inject_batch(b->ioas, b->device->dev_id, b->n_done++ * BATCH);
	return loop_set_timer(s, 1);
}

static void on_stopped(void *userdata, int result)
{
	T_EQ(result, 0);
	loop_stop(userdata, 0);
}

int main(int argc, char **argv)
{
	struct bench b = { .n_batches = argc == 2 ? strtoull(argv[1], NULL, 10) : 0 };
	uint64_t length = b.n_batches * BATCH * PAGE;
	struct loop_source *next;
	struct workers *workers;
	struct budget budget;
	struct inbox inbox;
	struct reason why;
	struct pager pager;
	struct policy *policy;

	if (!b.n_batches) {
		fprintf(stderr, "usage: instructions BATCHES\n");
		return 2;
	}
	b.ioas = open_ioas(length);
	T_OK(loop_new("libevent", &b.loop));
	budget_init(&budget, BUDGET_NONE, 1);
	T_OK(workers_new(1, &workers));
	T_OK(inbox_init(&inbox, pager_on_op));
	T_OK(inbox_receive(&inbox, b.loop));
	T_OK(pager_init(&pager, &(struct pager_setup){ .name = "bench", .n_regions = 1, .may_populate = true, .stats = &own,
						       .orphans = &orphans, .budget = &budget, .limit = BUDGET_NONE,
						       .workers = workers }));
	policy = add_region(&pager, length);
	T_OK(device_new("bench", "sim", &b.device, &why));
	T_OK(b.device->ops->open(b.device, NULL, &why));
	T_OK(pager_start(&pager, b.loop, &inbox, b.ioas, &why));
	T_OK(pager_attach(&pager, b.device, PASID_NONE, &counted, &why));
	T_OK(loop_add_timer(b.loop, on_next, &b, &next));
	T_OK(loop_set_timer(next, 1));
	T_OK(loop_run(b.loop));
	printf("%" PRIu64 "\n", counted.values.faults_total);
	T_OK(pager_detach(&pager, b.device, PASID_NONE));
	pager_stop(&pager, on_stopped, b.loop);
	T_OK(loop_run(b.loop));
	pager_deinit(&pager);
	policy_close(policy);
	device_free(b.device);
	inbox_deinit(&inbox);
	loop_free(b.loop);
	workers_free(workers);
	return 0;
}
