/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-pager.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "fault/evict.h"
#include "fault/worker.h"
#include "t.h"

struct fake_ioas fake;
struct fake_device one, two;
struct pager pager;
struct stats own, orphans, stats_one, stats_pasid, stats_two;
int memory_fd;
uint32_t cookie;

int64_t budget_total = BUDGET_NONE;
uint64_t deadline_ns;
unsigned merge = 1, around = 1, fickle_shift = 12, populate;
bool ahead, pinned;
bool drained;

static struct policy *policies[6];
static struct workers *workers;
static struct budget budget;
static bool sampling, stopped;

static void add_region(size_t i, const char *name, uint64_t iova, unsigned shift, uint32_t access,
		       enum region_mode mode, const char *policy)
{
	struct region region = { .name = (char *)name, .iova = iova, .length = 4 * MIB, .granule_shift = shift,
				 .access = access, .mode = mode, .merge = merge, .around = around, .populate = populate,
				 .pinned = pinned && i == 0 };
	struct iopfd_region info = { .size = sizeof(info), .name = name, .iova = iova, .length = 4 * MIB,
				     .granule = 1ull << shift, .access = access };
	const struct iopfd_policy *ops;
	char why[256];

	T_OK(policy_find(policy, "/nowhere", &ops, why, sizeof(why)));
	T_OK(policy_open(ops, &info, NULL, 0, &policies[i], why, sizeof(why)));
	region.policy = policies[i];
	T_OK(space_add_region(&pager.space, &region));
}

void prepare(void)
{
	log_set_max_level(LOG_CRIT);
	cookie = policy_error = 0;
	memory_fd = memfd_create("fickle", MFD_CLOEXEC);
	policy_answer = (struct iopfd_memory){ .fd = memory_fd };
	n_pending = n_released = n_released_dirty = n_flushed = n_fills = n_submits = n_hints = 0;
	budget_init(&budget, budget_total, 1);
	T_OK(workers_new(1, &workers));
	T_OK(inbox_init(&inbox, pager_on_op));
	T_OK(inbox_receive(&inbox, NULL));
	own = orphans = stats_one = stats_two = stats_pasid = (struct stats){ 0 };
	fake_ioas_init(&fake);
	fake_device_init(&one, "one", 11);
	fake_device_init(&two, "two", 12);
	T_OK(pager_init(&pager, &(struct pager_setup){
		.name = "space", .n_regions = 6, .stats = &own, .orphans = &orphans, .budget = &budget,
		.limit = BUDGET_NONE, .deadline_ns = deadline_ns, .workers = workers, .may_populate = true,
	}));
	add_region(0, "heap", HEAP, 12, ACCESS_READ | ACCESS_WRITE, REGION_DEMAND, "anon");
	add_region(1, "ro", READ_ONLY, 16, ACCESS_READ, REGION_DEMAND, "anon");
	add_region(2, "no", DENIED, 12, ACCESS_READ | ACCESS_WRITE, REGION_DENY, "anon");
	add_region(3, "fickle", FICKLE, fickle_shift, ACCESS_READ | ACCESS_WRITE, REGION_DEMAND, "fickle");
	add_region(4, "ahead", AHEAD, 16, ACCESS_READ | ACCESS_WRITE, ahead ? REGION_PREFAULT : REGION_DEMAND, "anon");
	add_region(5, "wo", WRITE_ONLY, 12, ACCESS_WRITE, REGION_DEMAND, "anon");
}

void attach_all(void)
{
	struct reason why;

	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	T_OK(pager_attach(&pager, &one.device, 5, &stats_pasid, &why));
	T_OK(pager_attach(&pager, &two.device, PASID_NONE, &stats_two, &why));
}

void setup(void)
{
	struct reason why;

	prepare();
	T_OK(pager_start(&pager, NULL, &inbox, &fake.ioas, &why));
	attach_all();
}

void check_equation(const struct stats *s)
{
	struct stats_values v;

	stats_read(s, &v);
	T_EQ(v.fault_groups_total, v.responses_success + v.responses_invalid + v.responses_stale + v.faults_pending);
	T_EQ(v.faults_pending, 0);
}

uint64_t n_in_stage(const struct stats *s, enum stage stage, uint64_t at_least_ns)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_COARSE_BUCKETS; i++)
		if ((i ? 1ull << (i - 1) : 0) >= at_least_ns)
			n += s->values.stages[stage].buckets[i];
	return n;
}

/* Whatever became of its group: every sample that was begun was counted, once. */
static void check_stages(const struct stats *s)
{
	uint64_t n = n_in_stage(s, STAGE_ANSWER, 0);

	T_EQ(n_in_stage(s, STAGE_QUEUE, 0), n);
	T_ASSERT(n <= s->values.fault_groups_total);
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		T_ASSERT(n_in_stage(s, i, 0) <= n);
	T_ASSERT(!stages_is_on(&pager.stages) && !pager.stages.n_answered);
}

static void on_stopped(void *userdata, int result)
{
	T_ASSERT(userdata == &pager);
	T_EQ(result, 0);
	stopped = true;
}

void detach_all(void)
{
	T_OK(pager_detach(&pager, &one.device, 5));
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_OK(pager_detach(&pager, &two.device, PASID_NONE));
}

void clean_up(void)
{
	pager_deinit(&pager);
	for (size_t i = 0; i < 6; i++)
		policies[i] = policy_close(policies[i]);
	workers = workers_free(workers);
	inbox_deinit(&inbox);
	close(memory_fd);
	budget_total = BUDGET_NONE;
	deadline_ns = 0;
	merge = around = 1;
	fickle_shift = 12;
	populate = 0;
	ahead = pinned = false;
	fake_device_deinit(&one);
	fake_device_deinit(&two);
	fake_ioas_deinit(&fake);
}

void teardown(void)
{
	detach_all();
	stopped = false;
	pager_stop(&pager, on_stopped, &pager);
	while (!stopped) {
		arrive();
		if (timer.at_ns)
			tick();
	}
	T_ASSERT(fake.closed);
	T_EQ(pager.share.leased, 0);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 0);
	check_equation(&stats_one);
	check_equation(&stats_pasid);
	check_equation(&stats_two);
	check_equation(&orphans);
	check_stages(&stats_one);
	check_stages(&stats_pasid);
	check_stages(&stats_two);
	clean_up();
}

int turn(void)
{
	if (sampling)
		pager.stages.left = 1;
	return readable.events ? readable.fn(&readable, LOOP_READ, readable.userdata) : 0;
}

int serve(uint64_t iova, size_t n, uint32_t perm)
{
	fake_group(&fake, ++cookie, 11, PASID_NONE, iova, n, perm);
	T_EQ(turn(), LOOP_FOUND);
	return fake_answer(&fake, cookie);
}

void complete(unsigned i, int result)
{
	struct iopfd_memory memory = { .fd = memory_fd };

	policy_host_seen->complete(pending[i], result, result ? NULL : &memory);
	arrive();
}

void age(void)
{
	t_sleep_ms(2 * EVICT_GRACE_MS + 1);
}

void on_drained(void *userdata)
{
	T_ASSERT(userdata == &pager);
	drained = true;
}

void run_twice(void (*all)(void))
{
	all();
	sampling = true;
	all();
}
