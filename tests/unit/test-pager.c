/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The story of a fault, step by step: a fake ioas below, a loop that the test turns by
 * hand, and real policies in the middle.
 */
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "fake-ioas.h"
#include "fault/evict.h"
#include "fault/job.h"
#include "fault/pager.h"
#include "fault/worker.h"
#include "t.h"

/* A loop with two sources: the queue's fd and the pager's timer. And another one, to move to. */
struct loop_source {
	loop_fn fn;
	void *userdata;
	uint32_t events;
	uint64_t at_ns;
};

static struct loop_source readable, timer, arrivals;
static struct loop_source readable_there, timer_there;
static struct loop *const there = (struct loop *)&readable_there;
static int add_error, modify_error;
static struct inbox inbox;

int loop_add(struct loop *l, int fd, uint32_t events, loop_fn fn, void *userdata, struct loop_source **ret)
{
	struct loop_source *s = fd == inbox.wake_fd ? &arrivals : l == there ? &readable_there : &readable;

	if (add_error)
		return add_error;
	*s = (struct loop_source){ .fn = fn, .userdata = userdata, .events = events };
	*ret = s;
	return 0;
}

void loop_set_spin(struct loop_source *s, int64_t ns)
{
	(void)s;
	(void)ns;
}

int loop_modify(struct loop_source *s, uint32_t events)
{
	if (modify_error && events)
		return modify_error;
	s->events = events;
	return 0;
}

struct loop_source *loop_remove(struct loop_source *s)
{
	if (s)
		*s = (struct loop_source){ 0 };
	return NULL;
}

int loop_add_timer(struct loop *l, loop_fn fn, void *userdata, struct loop_source **ret)
{
	*ret = l == there ? &timer_there : &timer;
	**ret = (struct loop_source){ .fn = fn, .userdata = userdata };
	return 0;
}

static unsigned n_timer_calls;

int loop_set_timer(struct loop_source *s, uint64_t at_ns)
{
	n_timer_calls++;
	s->at_ns = at_ns;
	return 0;
}

/* A round ends at once, or when the test says so. */
static bool rounds_last, rounds_are_shared;
static struct round_end *listed;

uint64_t round_now_ns(struct loop *l)
{
	(void)l;
	return clock_now_ns();
}

void round_at_end(struct loop *l, struct round_end *e, uint64_t spent_ns)
{
	(void)l;
	(void)spent_ns;
	if (rounds_last)
		listed = e;
	else
		e->fn(e, clock_now_ns());
}

void round_forget(struct loop *l, struct round_end *e)
{
	(void)l;
	if (listed == e)
		listed = NULL;
}

bool round_is_shared(const struct loop *l)
{
	(void)l;
	return rounds_are_shared;
}

/* Everything that is allocated, but by libraries. */
static unsigned n_allocated;
static bool no_memory; /* for anything new */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	n_allocated++;
	return no_memory ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	n_allocated++;
	return no_memory ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	n_allocated++;
	return no_memory ? NULL : __real_realloc(old, size);
}

void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	n_allocated++;
	return no_memory ? NULL : __real_reallocarray(old, n, size);
}

/* As if something were in swap. */
static bool swapped;
static unsigned n_swap_asked;

bool swap_holds(struct swap *s, uint64_t now_ns, int fd, uint64_t offset, uint64_t length)
{
	T_ASSERT(s && now_ns && fd >= 0 && length);
	(void)offset;
	n_swap_asked++;
	return swapped;
}

/* A policy that tracks what is dirty, and answers as it is told. */
static int policy_error;
static struct iopfd_memory policy_answer;
static const struct iopfd_host *policy_host_seen;
static struct iopfd_request *pending[64];
static unsigned n_pending, n_released, n_released_dirty, n_flushed, n_fills, n_submits;

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

static struct { uint64_t offset, length; } hints[16];
static unsigned n_hints;

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

/* The world: one space with regions of all kinds, two devices, one of them with a PASID. */
#define HEAP 0x100000000ull
#define READ_ONLY 0x200000000ull
#define DENIED 0x300000000ull
#define FICKLE 0x400000000ull
#define AHEAD 0x500000000ull
#define WRITE_ONLY 0x600000000ull
#define MIB (1ull << 20)

static struct fake_ioas fake;
static struct fake_device one, two;
static struct pager pager;
static struct stats own, orphans, stats_one, stats_pasid, stats_two;
static struct policy *policies[6];
static struct workers *workers;
static struct budget budget;
static int memory_fd;

/* The first group of each turn has a sample of its stages. */
static bool sampling;

/* Set before setup(); its regions' keys and the budgets. */
static int64_t budget_total = BUDGET_NONE;
static uint64_t deadline_ns;
static unsigned merge = 1, around = 1, fickle_shift = 12, populate;
static bool ahead, pinned;
static uint32_t cookie;

static void add_region(size_t i, const char *name, uint64_t iova, unsigned shift, uint32_t access, enum region_mode mode,
		       const char *policy)
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

static void prepare(void)
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
	T_OK(pager_init(&pager, &(struct pager_setup){ .name = "space", .n_regions = 6, .stats = &own, .orphans = &orphans,
						       .budget = &budget, .limit = BUDGET_NONE, .deadline_ns = deadline_ns,
						       .workers = workers, .may_populate = true }));
	add_region(0, "heap", HEAP, 12, ACCESS_READ | ACCESS_WRITE, REGION_DEMAND, "anon");
	add_region(1, "ro", READ_ONLY, 16, ACCESS_READ, REGION_DEMAND, "anon");
	add_region(2, "no", DENIED, 12, ACCESS_READ | ACCESS_WRITE, REGION_DENY, "anon");
	add_region(3, "fickle", FICKLE, fickle_shift, ACCESS_READ | ACCESS_WRITE, REGION_DEMAND, "fickle");
	add_region(4, "ahead", AHEAD, 16, ACCESS_READ | ACCESS_WRITE, ahead ? REGION_PREFAULT : REGION_DEMAND, "anon");
	add_region(5, "wo", WRITE_ONLY, 12, ACCESS_WRITE, REGION_DEMAND, "anon");
}

static void attach_all(void)
{
	struct reason why;

	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	T_OK(pager_attach(&pager, &one.device, 5, &stats_pasid, &why));
	T_OK(pager_attach(&pager, &two.device, PASID_NONE, &stats_two, &why));
}

static void setup(void)
{
	struct reason why;

	prepare();
	T_OK(pager_start(&pager, NULL, &inbox, &fake.ioas, &why));
	attach_all();
}

static void check_equation(const struct stats *s)
{
	struct stats_values v;

	stats_read(s, &v);
	T_EQ(v.fault_groups_total, v.responses_success + v.responses_invalid + v.responses_stale + v.faults_pending);
	T_EQ(v.faults_pending, 0);
}

/* Samples that were in a stage, and all of those for so long that their bucket begins there. */
static uint64_t n_in_stage(const struct stats *s, enum stage stage, uint64_t at_least_ns)
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

static bool stopped;

static void on_stopped(void *userdata, int result)
{
	T_ASSERT(userdata == &pager);
	T_EQ(result, 0);
	stopped = true;
}

static void detach_all(void)
{
	T_OK(pager_detach(&pager, &one.device, 5));
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_OK(pager_detach(&pager, &two.device, PASID_NONE));
}

static void arrive(void)
{
	arrivals.fn(&arrivals, LOOP_READ, arrivals.userdata);
}

static void tick(void)
{
	T_ASSERT(timer.at_ns);
	while (clock_now_ns() < timer.at_ns)
		t_sleep_ms(1);
	timer.at_ns = 0;
	timer.fn(&timer, LOOP_READ, timer.userdata);
}

static void clean_up(void)
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

static void teardown(void)
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

static int turn(void)
{
	if (sampling)
		pager.stages.left = 1;
	return readable.events ? readable.fn(&readable, LOOP_READ, readable.userdata) : 0;
}

/* One group from device one's RID, served; its answer. */
static int serve(uint64_t iova, size_t n, uint32_t perm)
{
	fake_group(&fake, ++cookie, 11, PASID_NONE, iova, n, perm);
	T_EQ(turn(), LOOP_FOUND);
	return fake_answer(&fake, cookie);
}

#define SUCCESS ((int)UAPI_ANSWER_SUCCESS)
#define INVALID ((int)UAPI_ANSWER_INVALID)

static void a_fault_maps_one_granule_at_the_region_s_offset(void)
{
	setup();
	T_EQ(serve(HEAP + 3 * 4096 + 8, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.maps[0].iova, HEAP + 3 * 4096);
	T_EQ(fake.maps[0].length, 4096);
	T_EQ(fake.maps[0].offset, 3 * 4096);
	T_EQ(fake.maps[0].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(READ_ONLY + 0x1f000, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(fake.maps[1].iova, READ_ONLY + 0x10000);
	T_EQ(fake.maps[1].length, 0x10000);
	T_EQ(fake.maps[1].access, ACCESS_READ);
	T_EQ(stats_one.values.bytes_mapped, 4096 + 65536);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4096 + 65536);
	teardown();
}

/* No event announces it. */
static void what_a_read_left_behind_is_found(void)
{
	setup();
	fake.ioas.largest_group = QUEUE_BATCH_RECORDS;
	fake.read_at_most = 1;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 2, 11, PASID_NONE, HEAP + 4096, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake.n_answers, 1);
	fake.read_at_most = 0;
	while (fake.n_answers < 2)
		tick();
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	/* Seen to be empty: then nobody looks any more */
	tick();
	T_EQ(timer.at_ns, 0);
	T_EQ(pager.look_at_ns, 0);
	teardown();
}

/* Beside its maps, the wait of the loop, and a timer for all of a second. */
static void a_batch_is_one_read_and_one_write(void)
{
	setup();
	fake.ioas.largest_group = QUEUE_BATCH_RECORDS;
	fake.n_reads = fake.n_writes = n_timer_calls = 0;
	for (uint32_t batch = 0; batch < 3; batch++) {
		for (uint32_t i = 0; i < 64; i++)
			fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + (batch * 64 + i) * 4096, 1, UAPI_PERM_WRITE);
		T_EQ(turn(), LOOP_FOUND);
	}
	T_EQ(fake.n_answers, 3 * 64);
	T_EQ(fake.n_reads, 3);
	T_EQ(fake.n_writes, 3);
	T_EQ(n_timer_calls, 1);
	teardown();
}

static void a_present_page_is_not_mapped_again(void)
{
	setup();
	for (int i = 0; i < 5; i++)
		T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 1);
	teardown();
}

static void duplicates_in_one_batch_map_once(void)
{
	setup();
	for (uint32_t i = 1; i <= 60; i++)
		fake_group(&fake, i, i & 1 ? 11 : 12, PASID_NONE, HEAP + 4096, 1, UAPI_PERM_READ);
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.n_answers, 60);
	T_EQ(fake.n_writes, 1);
	T_EQ(stats_one.values.responses_success, 30);
	T_EQ(stats_two.values.responses_success, 30);
	teardown();
}

static void a_group_gets_one_answer_after_all_its_pages(void)
{
	setup();
	T_EQ(serve(HEAP, 64, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 64);
	T_EQ(fake.n_answers, 1);
	T_EQ(stats_one.values.faults_total, 64);
	T_EQ(stats_one.values.faults_write, 64);
	T_EQ(stats_one.values.fault_groups_total, 1);
	teardown();
}

static void what_is_not_allowed_is_invalid(void)
{
	setup();
	T_EQ(serve(0x1000, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(HEAP - 1, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(HEAP + 4 * MIB, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(UINT64_MAX, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(READ_ONLY, 1, UAPI_PERM_WRITE), INVALID);
	T_EQ(serve(READ_ONLY, 1, UAPI_PERM_WRITE | UAPI_PERM_READ), INVALID);
	T_EQ(serve(WRITE_ONLY, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(DENIED, 1, UAPI_PERM_READ), INVALID);
	T_EQ(serve(HEAP + 4 * MIB - 4096, 2, UAPI_PERM_READ), INVALID); /* the second page is outside */
	T_EQ(stats_one.values.responses_invalid, 9);
	T_EQ(stats_one.values.records_malformed, 0);
	T_EQ(serve(WRITE_ONLY, 1, UAPI_PERM_WRITE), SUCCESS);
	teardown();
}

static void odd_permissions_ask_for_read(void)
{
	setup();
	T_EQ(serve(READ_ONLY, 1, 0), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x10000, 1, UAPI_PERM_EXEC), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x20000, 1, UAPI_PERM_PRIV), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x30000, 1, 0x80), SUCCESS);
	T_EQ(serve(READ_ONLY + 0x40000, 1, UAPI_PERM_EXEC | UAPI_PERM_WRITE), INVALID);
	T_EQ(stats_one.values.faults_exec, 2);
	T_EQ(stats_one.values.faults_read, 0);
	T_EQ(stats_one.values.faults_write, 1);
	teardown();
}

static void unknown_flag_bits_do_not_matter(void)
{
	setup();
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake.records[0].flags |= 0xfffffffc;
	turn();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	teardown();
}

static void attachments_are_counted_apart(void)
{
	setup();
	fake_group(&fake, 1, 11, 5, HEAP, 3, UAPI_PERM_WRITE);
	fake_group(&fake, 2, 12, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(stats_pasid.values.faults_total, 3);
	T_EQ(stats_pasid.values.faults_pasid, 3);
	T_EQ(stats_two.values.faults_total, 1);
	T_EQ(stats_one.values.faults_total, 0);
	teardown();
}

static void strangers_are_invalid_and_counted_apart(void)
{
	setup();
	fake_group(&fake, 1, 99, PASID_NONE, HEAP, 2, UAPI_PERM_READ);
	fake_group(&fake, 2, 11, 6, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 3, 11, PASID_NONE, HEAP, 2, UAPI_PERM_READ);
	fake.records[4].dev_id = 12; /* a group of two devices */
	turn();
	T_EQ(fake_answer(&fake, 1), INVALID);
	T_EQ(fake_answer(&fake, 2), INVALID);
	T_EQ(fake_answer(&fake, 3), INVALID);
	T_EQ(orphans.values.records_malformed, 3);
	T_EQ(orphans.values.faults_total, 3);
	T_EQ(stats_one.values.records_malformed, 1);
	T_EQ(fake.n_maps, 0);
	teardown();
}

static void a_failing_policy_is_invalid_and_the_next_fault_tries_again(void)
{
	setup();
	policy_error = -EIO;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), INVALID);
	T_EQ(fake.n_maps, 0);
	T_EQ(own.values.fill_errors, 1);
	policy_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void nonsense_fails_the_region_and_nothing_else(void)
{
	static const struct iopfd_memory answers[] = { { .fd = -1 }, { .offset = 512 }, { .offset = -4096ull } };

	for (size_t i = 0; i < 3; i++) {
		setup();
		policy_answer.offset = answers[i].offset;
		if (answers[i].fd < 0)
			policy_answer.fd = -1;
		T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), INVALID);
		policy_answer = (struct iopfd_memory){ .fd = memory_fd };
		T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), INVALID);
		T_EQ(n_fills, 1); /* it is not asked again */
		T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);
		teardown();
	}
}

static void complete(unsigned i, int result)
{
	struct iopfd_memory memory = { .fd = memory_fd };

	policy_host_seen->complete(pending[i], result, result ? NULL : &memory);
	arrive();
}

static void a_slow_fill_holds_up_nobody_else(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(serve(FICKLE + 100, 1, UAPI_PERM_READ), -1); /* the same page: one fill */
	T_EQ(n_fills, 1);
	T_EQ(stats_one.values.faults_pending, 2);
	complete(0, 0);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_EQ(fake.n_maps, 2);
	T_EQ(pager.ops.n_busy, 0);
	policy_error = 0;
	teardown();
}

static void a_group_waits_for_all_its_fills(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 4, UAPI_PERM_READ), -1);
	T_EQ(n_pending, 4);
	T_EQ(n_submits, 1);
	complete(2, 0);
	complete(0, 0);
	complete(1, 0);
	T_EQ(fake_answer(&fake, 1), -1);
	complete(3, 0);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake.n_answers, 1);
	policy_error = 0;
	teardown();
}

/* And the timer, which is set to the first deadline, does not follow the next ones. */
static void what_ends_together_is_answered_together(void)
{
	struct iopfd_memory memory = { .fd = memory_fd };

	deadline_ns = 60 * NSEC_PER_SEC;
	setup();
	policy_error = IOPFD_PENDING;
	for (unsigned i = 0; i < 16; i++)
		fake_group(&fake, i + 1, 11, PASID_NONE, FICKLE + i * 4096, 1, UAPI_PERM_READ);
	n_timer_calls = fake.n_writes = 0;
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(n_pending, 16);
	for (unsigned i = 0; i < 16; i++)
		policy_host_seen->complete(pending[i], i == 7 ? -EIO : 0, &memory);
	arrive();
	T_EQ(fake.n_answers, 16);
	T_EQ(fake.n_writes, 1);
	T_EQ(fake_answer(&fake, 8), INVALID);
	T_EQ(n_timer_calls, 1);
	timer.at_ns = 0;
	timer.fn(&timer, LOOP_READ, timer.userdata); /* at that deadline, but nobody waits */
	T_EQ(timer.at_ns, 0);
	policy_error = 0;
	teardown();
}

static void a_fill_that_fails_late_is_invalid(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 2, UAPI_PERM_READ), -1);
	complete(0, -EIO);
	T_EQ(fake_answer(&fake, 1), -1); /* one answer, after the other has ended, too */
	complete(1, 0);
	T_EQ(fake_answer(&fake, 1), INVALID);
	policy_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void a_second_completion_is_ignored(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	policy_host_seen->complete(pending[0], -EIO, NULL);
	policy_host_seen->complete(pending[0], 0, NULL);
	arrive();
	T_EQ(fake_answer(&fake, 1), INVALID);
	policy_error = 0;
	teardown();
}

static void a_deadline_ends_the_waiting(void)
{
	deadline_ns = NSEC_PER_MSEC;
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	T_ASSERT(timer.at_ns);
	t_sleep_ms(2);
	tick();
	T_EQ(fake_answer(&fake, 1), INVALID);
	T_EQ(own.values.groups_past_deadline, 1);
	complete(0, 0); /* too late for the group, in time for the next */
	T_EQ(fake.n_answers, 1);
	policy_error = -EIO;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	policy_error = 0;
	teardown();
}

static void detach_answers_what_waits(void)
{
	struct reason why;

	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_EQ(fake_answer(&fake, 1), INVALID);
	complete(0, 0);
	T_EQ(fake.n_answers, 1);
	/* Its counters may have been given to somebody else by then. */
	T_EQ(stats_one.values.bytes_mapped, 0);
	T_EQ(own.values.bytes_mapped, 4096);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	policy_error = 0;
	teardown();
}

static void reading_maps_read_only_and_writing_upgrades(void)
{
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(fake.maps[0].access, ACCESS_READ);
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_unmaps, 1);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.maps[0].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.maps[1].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(FICKLE + 8192, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(atomic_load(&pager.space.extents_mapped), 3);
	teardown();
	T_EQ(n_released, 3);
	T_EQ(n_released_dirty, 2); /* exactly what was written */
}

static void an_upgrade_that_loses_its_map_is_invalid_and_absent(void)
{
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	fake.map_error = -ENOMEM;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), INVALID);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 0);
	T_EQ(pager.share.used, 0);
	fake.map_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	teardown();
}

/* Told once a minute, and only where there is a limit. */
static void a_limit_of_locked_memory_is_told(void)
{
	struct rlimit old, low;
	const char *said;

	T_EQ(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	low = (struct rlimit){ .rlim_cur = MIN(old.rlim_max, 64 << 10), .rlim_max = old.rlim_max };
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	setup();
	log_set_max_level(LOG_ERR);
	fake.map_error = -EIO;
	t_capture_begin();
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), INVALID);
	T_ASSERT(!strstr(t_capture_end(), "are mapped: the daemon's user"));
	fake.map_error = -ENOMEM;
	t_capture_begin();
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), INVALID);
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), INVALID);
	said = strstr(t_capture_end(), "of which 0K are mapped: the daemon's user may have");
	T_ASSERT(said && strstr(said, "K locked (LimitMEMLOCK= of the unit, or ulimit -l)"));
	T_ASSERT(!strstr(said + 1, "of which 0K"));
	fake.map_error = 0;
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS);
	log_set_max_level(LOG_CRIT);
	teardown();
	T_EQ(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

/* After the grace has passed everything may go. */
static void age(void)
{
	t_sleep_ms(2 * EVICT_GRACE_MS + 1);
}

static void a_full_budget_evicts(void)
{
	budget_total = 4 * 4096;
	setup();
	for (unsigned i = 0; i < 4; i++)
		T_EQ(serve(HEAP + i * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	age();
	T_EQ(serve(HEAP + 4 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_ASSERT(own.values.evictions >= 1);
	T_ASSERT(atomic_load(&pager.space.mapped_bytes) <= 4 * 4096);
	T_EQ(atomic_load(&pager.space.mapped_bytes), (uint64_t)pager.share.used);
	T_EQ(fake.n_maps * 4096, (uint64_t)pager.share.used);
	teardown();
}

static void a_group_waits_for_room_until_the_grace_is_over(void)
{
	budget_total = 2 * 4096;
	setup();
	T_EQ(serve(HEAP, 2, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(serve(HEAP + 4 * 4096, 2, UAPI_PERM_WRITE), -1);
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS); /* what is there is there */
	age();
	tick();
	for (int i = 0; fake_answer(&fake, 2) < 0 && i < 20; i++) {
		age();
		tick();
	}
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_ASSERT(atomic_load(&pager.space.mapped_bytes) <= 2 * 4096);
	teardown();
}

static void a_group_larger_than_the_budget_is_invalid(void)
{
	budget_total = 4 * 4096;
	setup();
	T_EQ(serve(HEAP, 5, UAPI_PERM_WRITE), INVALID);
	T_EQ(own.values.groups_over_budget, 1);
	age();
	T_EQ(serve(HEAP + 64 * 4096, 4, UAPI_PERM_WRITE), SUCCESS);
	teardown();
}

/* Answers are all out when this returns. */
static void complete_all(void)
{
	while (pager.queue.n_open) {
		unsigned n = n_pending;

		n_pending = 0;
		for (unsigned i = 0; i < n; i++) {
			policy_host_seen->complete(pending[i], 0, &(struct iopfd_memory){ .fd = memory_fd });
			arrive();
		}
		if (!n) {
			age();
			tick();
		}
	}
}

/* Faults of all kinds, on other pages than the last time: of two groups that wait for the
 * same store, writes to what is there for reading, more than there is room for, and evictions
 * whose release waits for the store. */
static void fault_in_all_ways(unsigned round)
{
	uint64_t page = FICKLE + round % 16 * 64 * 4096;

	fake.n_answers = 0;
	cookie = 0;
	policy_error = IOPFD_PENDING;
	T_EQ(serve(page, 3, UAPI_PERM_READ), -1);
	T_EQ(serve(page + 4096, 3, UAPI_PERM_READ), -1);
	complete_all();
	policy_error = 0;
	T_EQ(serve(page, 2, UAPI_PERM_WRITE), SUCCESS);
	age();
	policy_error = IOPFD_PENDING;
	for (unsigned i = 0; i < 10; i++)
		fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + (round * 16 + i) % 1024 * 4096, 1 + i % 3,
			   UAPI_PERM_WRITE);
	turn();
	complete_all();
	policy_error = 0;
	for (uint32_t i = 1; i <= cookie; i++)
		T_ASSERT(fake_answer(&fake, i) >= 0);
}

/* But for the table of what is mapped, which grows and shrinks with it; here it does not. */
static void faults_allocate_nothing(void)
{
	unsigned before;

	budget_total = 8 * 4096;
	setup();
	for (unsigned i = 0; i < 20; i++)
		fault_in_all_ways(i);
	before = n_allocated;
	for (unsigned i = 20; i < 40; i++)
		fault_in_all_ways(i);
	T_EQ(n_allocated, before);
	T_ASSERT(before > 0 && own.values.evictions > 100);
	T_EQ(own.values.groups_over_budget, 0);
	teardown();
}

/* Reading from swap takes long: the shard goes on meanwhile. */
static void what_may_be_in_swap_is_mapped_by_a_worker(void)
{
	setup();
	n_swap_asked = 0;
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(n_swap_asked, 0); /* nothing was evicted yet */
	age();
	pager_shrink(&pager, MIB);
	T_EQ(fake.n_maps, 0);
	swapped = true;
	T_EQ(serve(HEAP, 1, UAPI_PERM_WRITE), -1);
	T_EQ(n_swap_asked, 1);
	swapped = false;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS); /* in memory still */
	T_EQ(n_swap_asked, 2);
	while (fake_answer(&fake, 3) < 0)
		arrive();
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_ASSERT(own.values.refaults >= 1);
	teardown();
}

/* So does zeroing; what the policy has populated takes no longer than other faults. */
static void what_is_populated_is_mapped_at_once(void)
{
	fickle_shift = 21;
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1);
	policy_answer.flags = IOPFD_MEMORY_POPULATED;
	T_EQ(serve(FICKLE + 2 * MIB, 1, UAPI_PERM_READ), SUCCESS);
	while (fake_answer(&fake, 1) < 0)
		arrive();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake.n_maps, 2);
	teardown();
}

static void what_was_just_upgraded_is_no_victim(void)
{
	budget_total = 4096;
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	age();
	fake_group(&fake, ++cookie, 11, PASID_NONE, FICKLE, 1, UAPI_PERM_WRITE);
	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_EQ(fake_answer(&fake, 3), -1);
	T_EQ(fake.maps[0].iova, FICKLE);
	for (int i = 0; fake_answer(&fake, 3) < 0 && i < 20; i++) {
		age();
		tick();
	}
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	teardown();
}

static void an_evicted_page_waits_for_its_release(void)
{
	budget_total = 4096;
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	age();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_READ), -1); /* its room is there, its fill is pending */
	T_EQ(n_released_dirty, 1);
	T_EQ(n_pending, 2);
	policy_error = 0;
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), -1); /* on its way out */
	complete(1, 0);
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	age();
	complete(0, 0);
	for (int i = 0; fake_answer(&fake, 3) < 0 && i < 20; i++) {
		age();
		if (timer.at_ns)
			tick();
	}
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_EQ(own.values.bytes_written_back, 4096);
	teardown();
}

static void neighbours_of_a_batch_become_one_extent(void)
{
	merge = 8;
	setup();
	for (uint32_t i = 0; i < 12; i++)
		fake_group(&fake, i + 1, 11, PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	turn();
	T_EQ(fake.n_answers, 12);
	T_EQ(fake.n_maps, 2);
	T_EQ(fake.maps[0].length, 8 * 4096);
	T_EQ(fake.maps[1].length, 4 * 4096);
	T_EQ(atomic_load(&pager.space.extents_mapped), 2);
	teardown();
}

/* An extent has up to 64 granules, and goes and changes as a whole. */
static void a_long_run_is_one_map(void)
{
	merge = 64;
	setup();
	for (uint32_t i = 0; i < 96; i++)
		fake_group(&fake, ++cookie, 11, PASID_NONE, FICKLE + (i + 32) * 4096, 1, UAPI_PERM_READ);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake.n_answers, 96);
	T_EQ(fake.n_maps, 2);
	T_EQ(fake.maps[0].length, 32 * 4096);
	T_EQ(fake.maps[1].iova, FICKLE + 64 * 4096);
	T_EQ(fake.maps[1].length, 64 * 4096);
	T_EQ(fake.maps[1].access, ACCESS_READ);
	T_EQ(serve(FICKLE + 100 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 2);
	T_EQ(fake.maps[1].length, 64 * 4096);
	T_EQ(fake.maps[1].access, ACCESS_READ | ACCESS_WRITE);
	T_EQ(serve(FICKLE + 127 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_unmaps, 1);
	age();
	pager_shrink(&pager, MIB);
	T_EQ(fake.n_maps, 0);
	T_EQ(fake.n_unmaps, 3);
	T_EQ(own.values.evictions, 2);
	T_EQ(n_released, 2);
	T_EQ(n_released_dirty, 1);
	teardown();
}

/* One page of device one, without what may come after its answer. */
static void serve_first(uint64_t iova, uint32_t perm)
{
	fake_group(&fake, ++cookie, 11, PASID_NONE, iova, 1, perm);
	turn();
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
}

static void serve_after(void)
{
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(timer.at_ns, 0);
}

static void the_neighbourhood_comes_after_the_answer(void)
{
	around = 8;
	setup();
	serve_first(HEAP + 3 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, 1);
	/* And after the next fault, too. */
	serve_first(HEAP + 5 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, 2);
	serve_after();
	T_EQ(own.values.prefetched, 6);
	T_EQ(fake.n_maps, 8);
	T_EQ(fake.maps[2].length, 4096); /* each its own unit of eviction */
	teardown();
}

static void the_neighbourhood_is_merged_where_that_is_allowed(void)
{
	merge = 8;
	around = 16;
	setup();
	serve_first(HEAP + 3 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, 1);
	T_EQ(fake.maps[0].length, 4096);
	serve_after();
	T_EQ(fake.n_maps, 4);
	T_EQ(fake.maps[1].iova, HEAP);
	T_EQ(fake.maps[1].length, 3 * 4096);
	T_EQ(fake.maps[2].length, 4 * 4096);
	T_EQ(fake.maps[3].length, 8 * 4096);
	T_EQ(own.values.prefetched, 3);
	teardown();
}

/* Goes through memory until the next step makes it a stream; returns where that is. */
#define BEFORE (AHEAD_STEPS - 1)

static uint64_t stream_to(uint64_t iova, uint32_t perm)
{
	for (unsigned i = 0; i < BEFORE; i++, iova += 4096)
		serve_first(iova, perm);
	T_EQ(fake.n_maps, BEFORE);
	return iova;
}

static void a_stream_brings_its_neighbourhood_along(void)
{
	uint64_t at;

	merge = around = 16;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.n_maps, BEFORE + 1);
	T_EQ(fake.maps[BEFORE].length, (16 - BEFORE) * 4096);
	serve_first(HEAP + 16 * 4096, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE + 1].length, 16 * 4096);
	serve_after();
	T_EQ(fake.n_maps, BEFORE + 2);
	T_EQ(own.values.prefetched, 0);
	teardown();
}

static void a_stream_pushes_nothing_out(void)
{
	uint64_t at;

	merge = around = 16;
	budget_total = (BEFORE + 4) * 4096;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE].length, 4096);
	teardown();
}

static void a_stream_does_without_what_fails(void)
{
	uint64_t at;

	merge = around = 16;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	fake.map_at_most = 4096;
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE].length, 4096);
	T_EQ(pager.share.used, (BEFORE + 1) * 4096);
	teardown();
}

/* What was only read does not become dirty with it, and nobody waits for more than was asked. */
static void a_stream_keeps_to_what_is_asked_of_a_store(void)
{
	uint64_t at;

	merge = around = 16;
	setup();
	at = stream_to(FICKLE, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(fake.maps[BEFORE].length, 4096);
	teardown();

	merge = around = 16;
	setup();
	at = stream_to(FICKLE, UAPI_PERM_READ);
	serve_first(at, UAPI_PERM_READ);
	T_EQ(fake.maps[BEFORE].length, (16 - BEFORE) * 4096);
	T_EQ(fake.maps[BEFORE].access, ACCESS_READ);
	teardown();

	merge = around = 16;
	setup();
	policy_error = IOPFD_PENDING;
	T_EQ(serve(FICKLE + MIB, 1, UAPI_PERM_READ), -1);
	policy_error = 0;
	complete(0, 0);
	for (unsigned i = 0; i < 8; i++)
		serve_first(FICKLE + i * 4096, UAPI_PERM_READ);
	T_EQ(fake.n_maps, 9);
	teardown();
}

static uint64_t mapped(void)
{
	return atomic_load(&pager.space.mapped_bytes) / 4096;
}

/* Each step of a window has what it comes to mapped later, at most half of what it used. */
static void what_a_stream_comes_to_is_mapped_after_the_answer(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 64;
	setup();
	at = stream_to(HEAP, UAPI_PERM_WRITE);
	serve_first(at, UAPI_PERM_WRITE);
	T_EQ(mapped(), 16);
	serve_after();
	T_EQ(mapped(), 16 + 8);
	/* It finds the rest of its window. */
	serve_first(HEAP + 24 * 4096, UAPI_PERM_WRITE);
	T_EQ(mapped(), 32);
	serve_after();
	T_EQ(mapped(), 32 + 16);
	for (at = 48; at < 300; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
	}
	at = mapped();
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_EQ(mapped(), align_down(at, 16) + 16);
	serve_after();
	T_EQ(mapped(), align_down(at, 16) + 16 + 64);
	T_EQ(own.values.responses_invalid, 0);
	teardown();
}

static void nothing_is_mapped_ahead_while_other_spaces_are_busy(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 64;
	setup();
	rounds_are_shared = true;
	stream_to(HEAP, UAPI_PERM_WRITE);
	for (at = BEFORE; at < 64; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
		T_EQ(mapped() % 16, 0);
	}
	rounds_are_shared = false;
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	serve_after();
	T_ASSERT(mapped() > at + 16);
	teardown();
}

/* Where it was mapped ahead and is asked for nevertheless, the device is faster. */
static uint64_t overtake(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 512;
	setup();
	for (at = 0; at < 256; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
	}
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_ASSERT(pager.n_around);
	return mapped();
}

static void a_stream_that_was_overtaken_waits_for_more(void)
{
	uint64_t at = overtake();
	size_t n = fake.n_maps;

	/* Step by step, and the nearest last. */
	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + at * 4096, 1, UAPI_PERM_WRITE);
	for (unsigned i = 1; fake_answer(&fake, cookie) < 0; i++) {
		T_ASSERT(turn());
		T_EQ(fake.n_maps, n + i);
	}
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	T_ASSERT(mapped() > at + 128);
	T_ASSERT(fake.n_maps > n + 2);
	T_EQ(fake.maps[fake.n_maps - 1].iova, HEAP + at * 4096);
	for (size_t i = n + 1; i < fake.n_maps; i++)
		T_EQ(fake.maps[i].iova + fake.maps[i].length, fake.maps[i - 1].iova);
	serve_after();
	at = mapped();
	/* What lies elsewhere does not. */
	serve_first(READ_ONLY, UAPI_PERM_READ);
	T_EQ(mapped(), at + 16);
	teardown();
}

static void others_do_not_wait_for_a_stream(void)
{
	uint64_t at = overtake();

	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + at * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, cookie), -1);
	fake_group(&fake, ++cookie, 12, PASID_NONE, HEAP + 1000 * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	T_EQ(fake_answer(&fake, cookie - 1), SUCCESS);
	T_ASSERT(mapped() < at + 64);
	serve_after();
	/* The stream goes on behind all that, which is not in order. */
	at = mapped() - 16;
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_ASSERT(pager.n_around && pager.around[0].stream);
	T_EQ(pager.around[0].begin, align_down(at, 16) + 16);
	teardown();
}

static void nothing_is_mapped_ahead_where_there_is_no_room(void)
{
	uint64_t at;

	merge = around = 16;
	populate = 512;
	budget_total = 256 * 4096;
	setup();
	for (at = 0; at < 160; at = mapped()) {
		serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
		serve_after();
	}
	T_ASSERT(mapped() < 256);
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	serve_after();
	T_EQ(mapped(), align_down(at, 16) + 16);
	teardown();

	/* Or the machine has none. */
	at = overtake();
	fake.map_at_most = 4096;
	serve_first(HEAP + at * 4096, UAPI_PERM_WRITE);
	T_EQ(mapped(), at + 1);
	serve_after();
	fake.map_at_most = 0;
	teardown();
}

static void a_stream_is_prepared(void)
{
	uint64_t at;

	populate = 64;
	setup();
	at = stream_to(FICKLE, UAPI_PERM_WRITE);
	T_EQ(n_hints, 0);
	for (unsigned i = 0; i < 40; i++, at += 4096)
		serve_first(at, UAPI_PERM_WRITE);
	T_EQ(n_hints, 2);
	T_EQ(hints[0].offset, (BEFORE + 1) * 4096);
	T_EQ(hints[0].length, 64 * 4096);
	T_EQ(hints[1].offset, (BEFORE + 1 + 64) * 4096);
	T_EQ(hints[1].length, 32 * 4096);
	teardown();

	/* Only if there would be room for it. */
	populate = 64;
	budget_total = 80 * 4096;
	setup();
	for (at = FICKLE; at < FICKLE + 16 * 4096; at += 4096)
		serve_first(at, UAPI_PERM_WRITE);
	T_EQ(n_hints, 1);
	for (; at < FICKLE + 60 * 4096; at += 4096)
		serve_first(at, UAPI_PERM_WRITE);
	T_EQ(n_hints, 1);
	teardown();
}

static void a_pinned_region_is_there_from_the_start_and_stays(void)
{
	pinned = true;
	setup();
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	T_EQ(serve(HEAP + 4 * MIB - 1, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	age();
	pager_shrink(&pager, MIB);
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	teardown();
}

static void a_pinned_region_without_room_fails_its_space(void)
{
	struct reason why;

	budget_total = MIB;
	pinned = true;
	prepare();
	T_EQ(pager_start(&pager, NULL, &inbox, &fake.ioas, &why), -EDQUOT);
	T_ASSERT(fake.closed);
	T_EQ(fake.n_maps, 0);
	T_EQ(pager.share.leased, 0);
	clean_up();
}

static struct pager_job job;
static bool job_ended;

static void on_job(struct pager_job *j)
{
	T_ASSERT(j == &job);
	job_ended = true;
}

static void run_job(enum job_kind kind, struct region *region, uint64_t first, uint64_t end)
{
	while (timer.at_ns == 1)
		tick();
	job_ended = false;
	job = (struct pager_job){ .kind = kind, .region = region, .first = first, .end = end, .done = on_job };
	job_submit(&pager, &job);
	pager_schedule(&pager);
	while (!job_ended) {
		arrive();
		if (timer.at_ns)
			tick();
	}
}

static void flush_cleans_what_is_dirty_and_keeps_it(void)
{
	setup();
	T_EQ(serve(FICKLE, 1, UAPI_PERM_READ), SUCCESS);
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	run_job(JOB_FLUSH, NULL, 0, 0);
	T_EQ(job.result, 0);
	T_EQ(n_flushed, 1);
	T_EQ(own.values.bytes_written_back, 4096);
	run_job(JOB_FLUSH, NULL, 0, 0);
	T_EQ(n_flushed, 1); /* it is clean now */
	T_EQ(serve(FICKLE + 4096, 1, UAPI_PERM_WRITE), SUCCESS); /* and asks again when it is written */
	teardown();
	T_EQ(n_released_dirty, 1);
}

static void trim_and_prefault_do_their_range(void)
{
	struct region *heap;

	setup();
	heap = &pager.space.regions[0];
	run_job(JOB_PREFAULT, heap, 16, 48);
	T_EQ(job.bytes, 32 * 4096);
	run_job(JOB_TRIM, heap, 20, 30);
	T_EQ(job.bytes, 10 * 4096);
	T_EQ(extents_access(pager.space.extents, 0, 19), ACCESS_READ | ACCESS_WRITE);
	T_EQ(extents_access(pager.space.extents, 0, 20), 0);
	T_EQ(extents_access(pager.space.extents, 0, 30), ACCESS_READ | ACCESS_WRITE);
	teardown();
}

static void a_failing_map_is_invalid_and_not_present(void)
{
	setup();
	fake.map_error = -EEXIST;
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), INVALID);
	fake.map_error = -ENOMEM;
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), INVALID);
	T_EQ(atomic_load(&pager.space.extents_mapped), 0);
	fake.map_error = 0;
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void a_failing_read_is_tried_again_later(void)
{
	setup();
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake.read_error = -ENOMEM;
	timer.at_ns = 0;
	T_EQ(turn(), 0);
	T_EQ(readable.events, 0); /* the queue is still readable: watching it would spin */
	T_ASSERT(timer.at_ns > clock_now_ns());
	tick();
	T_EQ(readable.events, 0);
	fake.read_error = 0;
	tick();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_ASSERT(readable.events & LOOP_READ);
	teardown();
}

static void a_failing_write_loses_no_answer(void)
{
	setup();
	fake.write_error = -ENOMEM;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	fake_group(&fake, 2, 11, PASID_NONE, 0, 1, UAPI_PERM_READ);
	tick();
	T_EQ(stats_one.values.faults_pending, 1);
	T_EQ(fake.n_records, 1); /* nothing more is read while answers cannot leave */
	T_EQ(fake.n_answers, 0);
	fake.write_error = 0;
	tick();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake_answer(&fake, 2), INVALID);
	T_EQ(stats_one.values.faults_pending, 0);
	teardown();
}

static void detach_gives_up_answers_that_cannot_be_written(void)
{
	struct reason why;

	setup();
	fake.write_error = -ENOMEM;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 2, 12, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	fake.write_error = 0;
	tick();
	T_EQ(fake_answer(&fake, 1), -1); /* the kernel has answered it; the cookie may be another's */
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_EQ(stats_one.values.responses_stale, 1);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	teardown();
}

/* Written in a round, and its attachment gone before the round ends. */
static void detach_counts_what_the_round_has_answered(void)
{
	struct reason why;

	setup();
	rounds_last = true;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 2, 12, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(stats_one.values.faults_pending, 1);
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_ASSERT(!listed);
	check_equation(&stats_one);
	T_EQ(stats_two.values.responses_success, 1);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	fake_group(&fake, 3, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(fake_answer(&fake, 3), SUCCESS);
	T_EQ(stats_one.values.responses_success, 1);
	listed->fn(listed, clock_now_ns());
	T_EQ(stats_one.values.responses_success, 2);
	rounds_last = false;
	teardown();
}

static void stop_gives_up_answers_to_strangers(void)
{
	setup();
	fake.write_error = -ENOMEM;
	fake_group(&fake, 1, 99, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	teardown();
	T_EQ(orphans.values.responses_stale, 1);
}

/* More extents than fit into what a job has of its own. */
static void a_stop_needs_no_memory(void)
{
	setup();
	for (uint64_t i = 0; i < 100; i++)
		T_EQ(serve(HEAP + i * 2 * 4096, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(serve(FICKLE, 1, UAPI_PERM_WRITE), SUCCESS);
	no_memory = true;
	teardown();
	no_memory = false;
	T_EQ(n_released_dirty, 1);
}

static void prefault_ends_with_the_last_attachment(void)
{
	uint64_t before;
	struct reason why;

	ahead = true;
	setup();
	tick();
	detach_all();
	before = atomic_load(&pager.space.mapped_bytes);
	while (timer.at_ns)
		tick();
	T_EQ(atomic_load(&pager.space.mapped_bytes), before);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why)); /* and goes on with the next */
	while (timer.at_ns)
		tick();
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	T_OK(pager_attach(&pager, &one.device, 5, &stats_pasid, &why));
	T_OK(pager_attach(&pager, &two.device, PASID_NONE, &stats_two, &why));
	teardown();
}

static void what_cannot_move_stays(void)
{
	struct pager_place place;

	setup();
	detach_all();
	add_error = -ENOMEM;
	T_EQ(pager_prepare(&pager, there, &place), -ENOMEM);
	add_error = 0;
	T_ASSERT(!timer_there.fn);
	attach_all();
	T_EQ(serve(HEAP, 1, UAPI_PERM_READ), SUCCESS);

	T_OK(pager_prepare(&pager, there, &place));
	T_EQ(pager_leave(&pager), -EBUSY);
	T_EQ(readable_there.events & LOOP_READ, 0); /* for it is served here */
	pager_give_up(&place);
	T_ASSERT(!timer_there.fn && !readable_there.fn);
	T_EQ(serve(HEAP + 4096, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void what_has_moved_is_served_there(void)
{
	struct pager_place place;

	setup();
	detach_all();
	T_OK(pager_prepare(&pager, there, &place));
	T_OK(pager_leave(&pager));
	T_ASSERT(!readable.fn && !timer.fn);
	modify_error = -ENOMEM;
	pager_join(&pager, &place, &inbox, &orphans, NULL);
	attach_all();
	fake_group(&fake, 100, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	timer_there.fn(&timer_there, LOOP_READ, timer_there.userdata); /* what cannot be watched is looked at */
	T_EQ(fake_answer(&fake, 100), SUCCESS);
	T_EQ(readable_there.events & LOOP_READ, 0);
	modify_error = 0;
	while (!(readable_there.events & LOOP_READ))
		timer_there.fn(&timer_there, LOOP_READ, timer_there.userdata);

	detach_all();
	T_OK(pager_prepare(&pager, NULL, &place));
	T_OK(pager_leave(&pager));
	pager_join(&pager, &place, &inbox, &orphans, NULL);
	attach_all();
	T_EQ(serve(HEAP + 4096, 1, UAPI_PERM_READ), SUCCESS);
	teardown();
}

static void a_refused_attach_leaves_nothing(void)
{
	struct reason why = { 0 };

	setup();
	fake.attach_error = -ENODEV;
	T_EQ(pager_attach(&pager, &one.device, 77, &stats_one, &why), -ENODEV);
	T_EQ(why.error, ENODEV);
	fake_group(&fake, 1, 11, 77, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(orphans.values.records_malformed, 1);
	teardown();
}

static void more_than_a_batch_asks_to_be_called_again(void)
{
	setup();
	for (uint32_t i = 1; i <= 3000; i++)
		fake_group(&fake, i, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	for (size_t before = 0; turn() == LOOP_AGAIN; before = fake.n_answers)
		T_ASSERT(fake.n_answers > before); /* what was served is not kept until all is */
	T_EQ(fake.n_answers, 3000);
	T_ASSERT(fake.n_writes > 1);
	teardown();
}

/* One device floods; another asks once, behind all of it or while it is served. */
static void a_flood_does_not_keep_others_waiting(void)
{
	size_t n_before;

	setup();
	for (uint32_t i = 1; i <= 500; i++)
		fake_group(&fake, i, 11, PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	fake_group(&fake, 501, 12, PASID_NONE, HEAP, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, 501), SUCCESS);
	T_ASSERT(fake.n_answers <= 32);
	T_EQ(turn(), LOOP_AGAIN);
	n_before = fake.n_answers;
	fake_group(&fake, 502, 12, PASID_NONE, HEAP, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake_answer(&fake, 502), SUCCESS);
	T_ASSERT(fake.n_answers - n_before <= 32);
	while (turn() == LOOP_AGAIN)
		;
	for (uint32_t i = 1; i <= 500; i++)
		T_EQ(fake_answer(&fake, i), SUCCESS);
	T_EQ(fake.n_maps, 501);
	teardown();
}

/* A flood that never ends: the buffer is used over and over, and each device is served in its
 * own order. */
static void a_flood_that_never_ends_loses_nothing(void)
{
	uint32_t next = 1, last = 0, n_asked = 0, due = 0;

	setup();
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < (round < 100 ? 40 : 4); i++, next++)
			fake_group(&fake, next, 11, PASID_NONE, HEAP + next % 1000 * 4096, 1 + next % 3 / 2,
				   UAPI_PERM_READ);
		if (round % 3 == 0) {
			due = ++n_asked;
			fake_group(&fake, 100000 + due, 12, PASID_NONE, READ_ONLY, 1, UAPI_PERM_READ);
		}
		turn();
		if (due)
			T_EQ(fake_answer(&fake, 100000 + due), SUCCESS);
	}
	while (turn() == LOOP_AGAIN)
		;
	for (size_t i = 0; i < fake.n_answers; i++) {
		if (fake.answers[i].cookie > 100000)
			continue;
		T_EQ(fake.answers[i].cookie, last + 1);
		last++;
	}
	T_EQ(last, next - 1);
	T_EQ(stats_one.values.responses_success, next - 1);
	teardown();
}

/* Likewise for what waits for room. */
static void room_is_shared_by_turns(void)
{
	unsigned position = 0;

	budget_total = 4 * 4096;
	setup();
	T_EQ(serve(HEAP, 4, UAPI_PERM_WRITE), SUCCESS);
	for (uint32_t i = 2; i <= 60; i++)
		fake_group(&fake, i, 11, PASID_NONE, HEAP + i * 4 * 4096, 1, UAPI_PERM_WRITE);
	fake_group(&fake, 61, 12, PASID_NONE, HEAP + 4 * MIB - 4096, 1, UAPI_PERM_WRITE);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake.n_answers, 1);
	while (fake.n_answers < 61) {
		age();
		tick();
	}
	while (fake.answers[position].cookie != 61)
		position++;
	T_ASSERT(position <= 20);
	teardown();
}

/* A write for each few would cost them more than it saves anybody. */
static void who_takes_no_more_than_a_turn_is_answered_with_the_others(void)
{
	setup();
	for (uint32_t i = 0; i < 3 * TURNS_QUANTUM; i++)
		fake_group(&fake, ++cookie, i % 3 ? 11 : 12, i % 3 == 1 ? 5 : PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(fake.n_writes, 1);
	T_EQ(fake.n_answers, 3 * TURNS_QUANTUM);
	for (uint32_t i = 0; i <= 3 * TURNS_QUANTUM; i++)
		fake_group(&fake, ++cookie, i % 3 ? 11 : 12, i % 3 == 1 ? 5 : PASID_NONE, HEAP + MIB + i * 4096, 1,
			   UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_EQ(fake.n_writes, 2);
	T_ASSERT(fake.n_answers < 6 * TURNS_QUANTUM);
	T_EQ(turn(), LOOP_FOUND);
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	teardown();
}

static void ask_for(uint32_t n)
{
	while (n--) {
		cookie++;
		fake_group(&fake, cookie, 11, PASID_NONE, HEAP + cookie * 4096, 1, UAPI_PERM_WRITE);
	}
}

static void a_flood_lets_other_spaces_come_between(void)
{
	setup();
	ask_for(4 * TURNS_QUANTUM);
	T_EQ(turn(), LOOP_FOUND);
	rounds_are_shared = true;
	ask_for(4 * TURNS_QUANTUM);
	T_EQ(turn(), LOOP_AGAIN);
	T_ASSERT(fake.n_answers < 6 * TURNS_QUANTUM);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake.n_answers, cookie);
	ask_for(TURNS_QUANTUM);
	T_EQ(turn(), LOOP_FOUND);
	rounds_are_shared = false;
	teardown();
}

static void detaching_answers_what_is_not_served_yet(void)
{
	setup();
	for (uint32_t i = 1; i <= 200; i++)
		fake_group(&fake, i, i & 1 ? 11 : 12, PASID_NONE, HEAP + i * 4096, 1, UAPI_PERM_WRITE);
	T_EQ(turn(), LOOP_AGAIN);
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_EQ(stats_one.values.responses_success + stats_one.values.responses_invalid, 100);
	T_ASSERT(stats_one.values.responses_invalid > 50);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(stats_two.values.responses_success, 100);
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &(struct reason){ 0 }));
	teardown();
}

/* Not one of the first batch is served, and still there is more to read. */
static void a_flood_of_strangers_is_read_to_its_end(void)
{
	setup();
	for (uint32_t i = 1; i <= 3000; i++)
		fake_group(&fake, i, 99, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	fake_group(&fake, 3001, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	while (turn() == LOOP_AGAIN)
		;
	T_EQ(fake_answer(&fake, 3001), SUCCESS);
	T_EQ(orphans.values.responses_invalid, 3000);
	teardown();
}

static bool drained;

static void on_drained(void *userdata)
{
	T_ASSERT(userdata == &pager);
	drained = true;
}

/* What has to wait for more to be mapped, and has nobody else who would come again for it. */
static void a_drain_leaves_no_stream_behind(void)
{
	uint64_t at = overtake();

	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP + at * 4096, 1, UAPI_PERM_WRITE);
	drained = false;
	T_OK(pager_drain(&pager, clock_now_ns() + NSEC_PER_SEC, on_drained, &pager));
	tick();
	T_EQ(fake_answer(&fake, cookie), SUCCESS);
	while (!drained)
		tick();
	teardown();
}

static void drain_ends_when_the_queue_is_empty(void)
{
	setup();
	drained = false;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	T_OK(pager_drain(&pager, clock_now_ns() + NSEC_PER_SEC * 100, on_drained, &pager));
	T_EQ(pager_drain(&pager, 0, on_drained, &pager), -EBUSY);
	tick();
	T_ASSERT(!drained); /* something came: look again */
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_EQ(fake.n_records, 0);
	fake_group(&fake, 2, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ); /* the device's second try */
	while (!drained)
		tick();
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	teardown();
}

static void drain_ends_at_its_deadline(void)
{
	setup();
	drained = false;
	fake_group(&fake, 1, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	T_OK(pager_drain(&pager, 1, on_drained, &pager));
	tick();
	T_ASSERT(drained);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	teardown();
}

static void prefault_maps_the_region_in_steps_and_demand_comes_between(void)
{
	uint64_t before;

	ahead = true;
	setup();
	tick();
	before = atomic_load(&pager.space.mapped_bytes);
	T_ASSERT(before > 0 && before < 4 * MIB);
	T_EQ(serve(AHEAD + 4 * MIB - 4096, 1, UAPI_PERM_WRITE), SUCCESS); /* not reached yet */
	while (timer.at_ns)
		tick();
	T_EQ(atomic_load(&pager.space.mapped_bytes), 4 * MIB);
	T_EQ(fake.n_maps, 64);
	T_EQ(own.values.bytes_mapped + stats_one.values.bytes_mapped, 4 * MIB);
	T_EQ(stats_one.values.bytes_mapped, 65536);
	teardown();
}

static void prefault_that_fails_leaves_demand(void)
{
	ahead = true;
	setup();
	fake.map_error = -ENOMEM;
	while (timer.at_ns)
		tick();
	fake.map_error = 0;
	T_EQ(serve(AHEAD, 1, UAPI_PERM_WRITE), SUCCESS);
	T_EQ(fake.n_maps, 1);
	teardown();
}

/* Longer than a millisecond, as all that waits here does, and on a busy machine anything else; a
 * bucket begins at about one. */
#define SHORT_NS NSEC_PER_MSEC
static void wait_a_little(void)
{
	t_sleep_ms(3);
}

static void sampled(uint64_t iova, size_t n, uint32_t perm, int answer)
{
	pager.stages.left = 1;
	T_EQ(serve(iova, n, perm), answer);
}

/* What is done at once, what is there already and what is refused. */
static void each_stage_of_a_sample_is_counted(void)
{
	setup();
	sampled(HEAP, 2, UAPI_PERM_WRITE, SUCCESS);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 1);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 1);
	sampled(HEAP, 2, UAPI_PERM_WRITE, SUCCESS);
	sampled(0, 1, UAPI_PERM_WRITE, INVALID);
	policy_error = -EIO;
	sampled(FICKLE, 1, UAPI_PERM_READ, INVALID);
	policy_error = 0;
	T_EQ(n_in_stage(&stats_one, STAGE_QUEUE, 0), 4);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 2);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 1);
	T_EQ(n_in_stage(&stats_one, STAGE_ANSWER, 0), 4);
	T_EQ(n_in_stage(&stats_one, STAGE_ROOM, 0) + n_in_stage(&stats_one, STAGE_HELD, 0), 0);
	teardown();
}

/* The map that follows is not the store's time; nor does one that waits keep others from
 * being sampled. */
static void waiting_for_a_store_is_fill(void)
{
	setup();
	policy_error = IOPFD_PENDING;
	sampled(FICKLE, 2, UAPI_PERM_READ, -1);
	sampled(FICKLE, 1, UAPI_PERM_READ, -1); /* what is under way already */
	sampled(HEAP, 1, UAPI_PERM_READ, SUCCESS);
	wait_a_little();
	complete(0, 0);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 1);
	wait_a_little();
	complete(1, 0);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 2);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, 4 * SHORT_NS) >= 1);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 3);
	policy_error = 0;
	teardown();
}

static void waiting_for_a_worker_is_map(void)
{
	fickle_shift = 21;
	setup();
	pthread_mutex_lock(&fake.map_lock);
	sampled(FICKLE, 1, UAPI_PERM_READ, -1); /* zeroing takes long */
	wait_a_little();
	pthread_mutex_unlock(&fake.map_lock);
	while (fake_answer(&fake, 1) < 0)
		arrive();
	T_ASSERT(n_in_stage(&stats_one, STAGE_MAP, SHORT_NS) >= 1);
	policy_error = IOPFD_PENDING;
	sampled(FICKLE + 2 * MIB, 1, UAPI_PERM_READ, -1);
	wait_a_little();
	pthread_mutex_lock(&fake.map_lock);
	complete(0, 0);
	wait_a_little();
	pthread_mutex_unlock(&fake.map_lock);
	while (fake_answer(&fake, 2) < 0)
		arrive();
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 1);
	T_ASSERT(n_in_stage(&stats_one, STAGE_MAP, SHORT_NS) >= 2);
	policy_error = 0;
	teardown();
}

static void waiting_for_room_is_room(void)
{
	budget_total = 2 * 4096;
	setup();
	sampled(HEAP, 2, UAPI_PERM_WRITE, SUCCESS);
	T_EQ(n_in_stage(&stats_one, STAGE_ROOM, 0), 0);
	sampled(HEAP + 4 * 4096, 2, UAPI_PERM_WRITE, -1);
	for (int i = 0; fake_answer(&fake, 2) < 0 && i < 20; i++) {
		age();
		tick();
	}
	T_EQ(fake_answer(&fake, 2), SUCCESS);
	T_ASSERT(n_in_stage(&stats_one, STAGE_ROOM, SHORT_NS) >= 1);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 2);
	/* And what is evicted at once. */
	age();
	sampled(HEAP, 1, UAPI_PERM_WRITE, SUCCESS);
	T_EQ(n_in_stage(&stats_one, STAGE_ROOM, 0), 2);
	teardown();
}

static void a_paused_attachment_is_held(void)
{
	setup();
	pager_pause(&pager, &one.device, PASID_NONE, true);
	sampled(HEAP, 1, UAPI_PERM_WRITE, -1);
	wait_a_little();
	pager_pause(&pager, &one.device, PASID_NONE, false);
	T_EQ(fake_answer(&fake, 1), SUCCESS);
	T_ASSERT(n_in_stage(&stats_one, STAGE_HELD, SHORT_NS) >= 1);
	T_EQ(n_in_stage(&stats_one, STAGE_FILL, 0), 1);
	teardown();
}

/* Where a group was when its deadline passed or its device went. */
static void a_group_given_up_counts_where_it_was(void)
{
	struct reason why;

	deadline_ns = 2 * NSEC_PER_MSEC;
	setup();
	policy_error = IOPFD_PENDING;
	sampled(FICKLE, 1, UAPI_PERM_READ, -1);
	wait_a_little();
	tick();
	T_EQ(fake_answer(&fake, 1), INVALID);
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 1);
	sampled(FICKLE, 1, UAPI_PERM_READ, -1);
	wait_a_little();
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_ASSERT(n_in_stage(&stats_one, STAGE_FILL, SHORT_NS) >= 2);
	T_EQ(n_in_stage(&stats_one, STAGE_MAP, 0), 0);
	complete(0, 0); /* for nobody any more */
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	policy_error = 0;
	/* The same where not even the answer leaves. */
	fake.write_error = -ENOMEM;
	pager.stages.left = 1;
	fake_group(&fake, ++cookie, 11, PASID_NONE, HEAP, 1, UAPI_PERM_READ);
	turn();
	T_EQ(pager.stages.n_answered, 1);
	wait_a_little();
	T_OK(pager_detach(&pager, &one.device, PASID_NONE));
	T_EQ(pager.stages.n_answered, 0);
	T_ASSERT(n_in_stage(&stats_one, STAGE_ANSWER, SHORT_NS) >= 1);
	fake.write_error = 0;
	T_OK(pager_attach(&pager, &one.device, PASID_NONE, &stats_one, &why));
	teardown();
}

static void all(void)
{
	t_run(a_fault_maps_one_granule_at_the_region_s_offset);
	t_run(a_batch_is_one_read_and_one_write);
	t_run(what_a_read_left_behind_is_found);
	t_run(a_present_page_is_not_mapped_again);
	t_run(duplicates_in_one_batch_map_once);
	t_run(a_group_gets_one_answer_after_all_its_pages);
	t_run(what_is_not_allowed_is_invalid);
	t_run(odd_permissions_ask_for_read);
	t_run(unknown_flag_bits_do_not_matter);
	t_run(attachments_are_counted_apart);
	t_run(strangers_are_invalid_and_counted_apart);
	t_run(a_failing_policy_is_invalid_and_the_next_fault_tries_again);
	t_run(nonsense_fails_the_region_and_nothing_else);
	t_run(a_slow_fill_holds_up_nobody_else);
	t_run(a_group_waits_for_all_its_fills);
	t_run(what_ends_together_is_answered_together);
	t_run(a_fill_that_fails_late_is_invalid);
	t_run(a_second_completion_is_ignored);
	t_run(a_deadline_ends_the_waiting);
	t_run(detach_answers_what_waits);
	t_run(reading_maps_read_only_and_writing_upgrades);
	t_run(an_upgrade_that_loses_its_map_is_invalid_and_absent);
	t_run(a_full_budget_evicts);
	t_run(a_group_waits_for_room_until_the_grace_is_over);
	t_run(a_group_larger_than_the_budget_is_invalid);
	t_run(faults_allocate_nothing);
	t_run(what_may_be_in_swap_is_mapped_by_a_worker);
	t_run(what_is_populated_is_mapped_at_once);
	t_run(what_was_just_upgraded_is_no_victim);
	t_run(an_evicted_page_waits_for_its_release);
	t_run(neighbours_of_a_batch_become_one_extent);
	t_run(a_long_run_is_one_map);
	t_run(the_neighbourhood_comes_after_the_answer);
	t_run(the_neighbourhood_is_merged_where_that_is_allowed);
	t_run(a_stream_brings_its_neighbourhood_along);
	t_run(a_stream_pushes_nothing_out);
	t_run(a_stream_does_without_what_fails);
	t_run(a_stream_keeps_to_what_is_asked_of_a_store);
	t_run(what_a_stream_comes_to_is_mapped_after_the_answer);
	t_run(nothing_is_mapped_ahead_while_other_spaces_are_busy);
	t_run(a_stream_that_was_overtaken_waits_for_more);
	t_run(others_do_not_wait_for_a_stream);
	t_run(a_drain_leaves_no_stream_behind);
	t_run(nothing_is_mapped_ahead_where_there_is_no_room);
	t_run(a_stream_is_prepared);
	t_run(a_pinned_region_is_there_from_the_start_and_stays);
	t_run(a_pinned_region_without_room_fails_its_space);
	t_run(flush_cleans_what_is_dirty_and_keeps_it);
	t_run(trim_and_prefault_do_their_range);
	t_run(a_failing_map_is_invalid_and_not_present);
	t_run(a_failing_read_is_tried_again_later);
	t_run(a_failing_write_loses_no_answer);
	t_run(detach_gives_up_answers_that_cannot_be_written);
	t_run(detach_counts_what_the_round_has_answered);
	t_run(stop_gives_up_answers_to_strangers);
	t_run(a_stop_needs_no_memory);
	t_run(prefault_ends_with_the_last_attachment);
	t_run(what_cannot_move_stays);
	t_run(what_has_moved_is_served_there);
	t_run(a_refused_attach_leaves_nothing);
	t_run(more_than_a_batch_asks_to_be_called_again);
	t_run(a_flood_does_not_keep_others_waiting);
	t_run(a_flood_that_never_ends_loses_nothing);
	t_run(room_is_shared_by_turns);
	t_run(who_takes_no_more_than_a_turn_is_answered_with_the_others);
	t_run(a_flood_lets_other_spaces_come_between);
	t_run(detaching_answers_what_is_not_served_yet);
	t_run(a_flood_of_strangers_is_read_to_its_end);
	t_run(a_limit_of_locked_memory_is_told);
	t_run(drain_ends_when_the_queue_is_empty);
	t_run(drain_ends_at_its_deadline);
	t_run(prefault_maps_the_region_in_steps_and_demand_comes_between);
	t_run(prefault_that_fails_leaves_demand);
	t_run(each_stage_of_a_sample_is_counted);
	t_run(waiting_for_a_store_is_fill);
	t_run(waiting_for_a_worker_is_map);
	t_run(waiting_for_room_is_room);
	t_run(a_paused_attachment_is_held);
	t_run(a_group_given_up_counts_where_it_was);
}

int main(void)
{
	all();
	sampling = true;
	all();
	return 0;
}
