/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A simulated device behind a small handler: what it asks, counts and finds in memory. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "device/sim/dma.h"
#include "device/sim/sim.h"
#include "t-handler.h"
#include "t.h"

#define BASE 0x40000000ull
#define N_PAGES 256ull

static struct device *device;
static struct ioas *ioas;
static struct t_handler handler;
static uint64_t counters[DMA_COUNTER_MAX];

static void set_up(const char *address)
{
	struct iova_range range = { BASE, N_PAGES * T_PAGE };
	struct reason why;

	T_OK(device_sim_ops.new("test", address, &device, &why));
	T_OK(device->ops->open(device, NULL, &why));
	T_OK(device->ops->ioas_open(NULL, &range, 1, &ioas, &why));
	t_handler_init(&handler, ioas, BASE, N_PAGES * T_PAGE);
	device->uses_pasids = true;
}

static void attach(uint32_t pasid)
{
	struct reason why = { 0 };

	if (device->ops->attach(device, pasid, ioas, &why) < 0)
		t_fail(__FILE__, __LINE__, "attach: %s", why.text);
}

static void count(void)
{
	sim_dma_counters(sim_device_dma(device), counters);
}

/* Serves until no channel has anything left to do. */
static void serve(void)
{
	while (sim_dma_is_busy(sim_device_dma(device)))
		t_handler_wait(&handler, 1);
	count();
}

static void detach(uint32_t pasid)
{
	T_OK(device->ops->detach(device, pasid, ioas));
	count();
}

static void tear_down(void)
{
	device->ops->close(device);
	device->ops->free(device);
	ioas = ioas->ops->ioas_close(ioas);
	t_handler_deinit(&handler);
}

static void visit(uint64_t first, uint64_t n, bool is_write, unsigned group)
{
	uint64_t iovas[N_PAGES];

	for (uint64_t i = 0; i < n; i++)
		iovas[i] = BASE + (first + i) * T_PAGE;
	T_OK(sim_dma_visit(sim_device_dma(device), PASID_NONE, iovas, n, is_write, group));
	serve();
}

static void expect_no_errors(void)
{
	T_EQ(counters[DMA_DATA_ERRORS], 0);
	T_EQ(counters[DMA_VISITS_FAILED], 0);
	T_EQ(counters[DMA_UNKNOWN_COOKIES], 0);
	T_EQ(counters[DMA_DOUBLE_ANSWERS], 0);
	T_EQ(counters[DMA_SUCCESS_WITHOUT_MAPPING], 0);
	T_EQ(counters[DMA_RETRIES], 0);
}

/* The device's thread used no time at all while we slept. */
static bool is_asleep(void)
{
	struct timespec before, after;
	clockid_t clock;

	T_EQ(pthread_getcpuclockid(sim_device_dma(device)->thread, &clock), 0);
	T_EQ(clock_gettime(clock, &before), 0);
	t_sleep_ms(100);
	T_EQ(clock_gettime(clock, &after), 0);
	return before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec;
}

static void test_idle(void)
{
	set_up("sim");
	attach(PASID_NONE);
	T_WAIT(is_asleep());
	T_EQ(t_handler_serve(&handler), 0);
	detach(PASID_NONE);
	T_EQ(counters[DMA_VISITS], 0);
	tear_down();
	/* Nor while it waits for an answer. */
	set_up("sim:count=10");
	attach(PASID_NONE);
	T_WAIT(is_asleep());
	serve();
	T_EQ(counters[DMA_VISITS], 10);
	detach(PASID_NONE);
	tear_down();
}

static void test_patterns(void)
{
	static const char *const addresses[] = {
		"sim:count=2000",
		"sim:count=2000,pattern=random,channels=2,group=8,depth=4",
		"sim:count=2000,pattern=zipf,group=64,depth=64,credits=100,channels=3",
		"sim:count=2000,pattern=stride,depth=8,write=100%",
		"sim:count=2000,write=0%,working-set=64K",
		"sim:count=500,rate=20000,group=4",
		"sim:count=500,group=64,credits=5,channels=4",
	};

	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const struct sim_options *o;

		set_up(addresses[i]);
		attach(PASID_NONE);
		serve();
		o = &sim_device_dma(device)->options;
		expect_no_errors();
		T_EQ(counters[DMA_VISITS], o->count * o->channels);
		T_EQ(counters[DMA_PAGE_REQUESTS], handler.n_records);
		T_EQ(counters[DMA_GROUPS], handler.n_groups);
		T_EQ(counters[DMA_RESPONSES_SUCCESS], handler.n_groups);
		T_ASSERT(counters[DMA_PAGE_REQUESTS] >= (o->working_set ? 16 : 100));
		T_ASSERT(counters[DMA_PEAK_OUTSTANDING] <= o->credits);
		T_ASSERT(counters[DMA_PEAK_OUTSTANDING] <= (uint64_t)o->group * o->depth * o->channels);
		T_EQ(counters[DMA_BYTES_WRITTEN] + counters[DMA_BYTES_READ], counters[DMA_VISITS] * T_PAGE);
		T_ASSERT(o->write_percent == 100 ? !counters[DMA_BYTES_READ] : counters[DMA_BYTES_VERIFIED] > 0);
		T_ASSERT(o->write_percent == 0 ? !counters[DMA_BYTES_WRITTEN] : counters[DMA_BYTES_WRITTEN] > 0);
		detach(PASID_NONE);
		T_EQ(counters[DMA_VISITS_ABORTED], 0);
		tear_down();
	}
}

static void test_groups(void)
{
	struct uapi_fault_record records[100];
	struct uapi_answer answer = { 1, UAPI_ANSWER_INVALID };

	set_up("sim:depth=1");
	attach(PASID_NONE);
	T_OK(sim_dma_visit(sim_device_dma(device), PASID_NONE,
			   (uint64_t[]){ BASE, BASE + 5 * T_PAGE + 77, BASE + T_PAGE }, 3, true, 8));
	T_WAIT(ioas->ops->read(ioas, records, sizeof(records)) == 3 * sizeof(records[0]));
	for (unsigned i = 0; i < 3; i++) {
		T_EQ(records[i].flags, i == 2 ? UAPI_FAULT_LAST_PAGE : 0);
		T_EQ(records[i].dev_id, device->dev_id);
		T_EQ(records[i].pasid, 0);
		T_EQ(records[i].perm, UAPI_PERM_WRITE);
		T_EQ(records[i].length, 0);
		T_EQ(records[i].cookie, 1);
		T_EQ(records[i].grpid, records[0].grpid);
	}
	T_EQ(records[1].addr, BASE + 5 * T_PAGE);
	/* INVALID fails every visit of the group. */
	T_EQ(ioas->ops->write(ioas, &answer, sizeof(answer)), sizeof(answer));
	serve();
	T_EQ(counters[DMA_VISITS_FAILED], 3);
	T_EQ(counters[DMA_RESPONSES_INVALID], 1);
	T_EQ(counters[DMA_VISITS], 0);
	detach(PASID_NONE);
	tear_down();
}

/* SUCCESS that maps nothing: eight requests for a visit, then it fails. */
static void test_wrong_answers(void)
{
	struct uapi_fault_record record;
	struct uapi_answer answer = { 1, UAPI_ANSWER_SUCCESS };
	uint64_t iova = BASE;

	set_up("sim");
	attach(PASID_NONE);
	T_OK(sim_dma_visit(sim_device_dma(device), PASID_NONE, &iova, 1, false, 1));
	for (unsigned i = 0; i < 8; i++) {
		T_WAIT(ioas->ops->read(ioas, &record, sizeof(record)) == sizeof(record));
		T_EQ(record.cookie, 1);
		T_EQ(ioas->ops->write(ioas, &answer, sizeof(answer)), sizeof(answer));
	}
	serve();
	T_EQ(handler.n_groups, 0);
	T_EQ(counters[DMA_VISITS_FAILED], 1);
	T_EQ(counters[DMA_PAGE_REQUESTS], 8);
	T_EQ(counters[DMA_RETRIES], 7);
	T_EQ(counters[DMA_SUCCESS_WITHOUT_MAPPING], 8);
	T_EQ(ioas->ops->write(ioas, &answer, sizeof(answer)), -EINVAL);
	answer.cookie = 5;
	T_EQ(ioas->ops->write(ioas, &answer, sizeof(answer)), -EINVAL);
	count();
	T_EQ(counters[DMA_DOUBLE_ANSWERS], 1);
	T_EQ(counters[DMA_UNKNOWN_COOKIES], 1);
	detach(PASID_NONE);
	T_EQ(counters[DMA_DOUBLE_ANSWERS], 1);
	tear_down();
}

static void test_read_only(void)
{
	set_up("sim");
	attach(PASID_NONE);
	handler.access = ACCESS_READ;
	visit(0, 8, false, 8);
	T_EQ(counters[DMA_VISITS], 8);
	/* Mapped, and yet a write must ask. */
	visit(0, 8, true, 8);
	T_EQ(counters[DMA_VISITS], 8);
	T_EQ(counters[DMA_VISITS_FAILED], 8);
	T_EQ(handler.n_invalid, 1);
	detach(PASID_NONE);
	tear_down();
}

static uint64_t swapped(uint64_t page)
{
	return page == 3 ? 4 : page == 4 ? 3 : page;
}

static uint64_t shifted(uint64_t page)
{
	return page == 7 ? 9 : page;
}

static void test_data_errors(void)
{
	char byte;

	set_up("sim");
	attach(PASID_NONE);
	visit(0, 16, true, 4);
	visit(0, 16, false, 4);
	expect_no_errors();
	/* Unmapped and mapped again: the same memory. */
	t_handler_unmap_all(&handler);
	visit(0, 16, false, 4);
	expect_no_errors();
	T_EQ(counters[DMA_BYTES_VERIFIED], 32 * T_PAGE);
	t_handler_unmap_all(&handler);
	handler.place = swapped;
	visit(0, 16, false, 4);
	T_EQ(counters[DMA_DATA_ERRORS], 2);
	t_handler_unmap_all(&handler);
	handler.place = NULL;
	visit(0, 16, false, 4);
	T_EQ(counters[DMA_DATA_ERRORS], 4);
	t_handler_unmap_all(&handler);
	handler.place = shifted;
	visit(0, 16, false, 4);
	T_EQ(counters[DMA_DATA_ERRORS], 5);
	/* One bit in the last byte of a page. */
	T_EQ(pread(handler.fd, &byte, 1, 6 * T_PAGE - 1), 1);
	byte = (char)(byte ^ 0x80);
	T_EQ(pwrite(handler.fd, &byte, 1, 6 * T_PAGE - 1), 1);
	visit(0, 16, false, 4);
	T_EQ(counters[DMA_DATA_ERRORS], 6);
	detach(PASID_NONE);
	tear_down();
}

/* An eviction that loses the last write, and one that loses a page nobody wrote. */
static void test_stale_pages(void)
{
	char old[T_PAGE];

	set_up("sim");
	attach(PASID_NONE);
	T_EQ(pwrite(handler.fd, "before", 6, 20 * T_PAGE), 6);
	visit(20, 1, false, 1);
	visit(1, 1, true, 1);
	T_EQ(pread(handler.fd, old, sizeof(old), T_PAGE), sizeof(old));
	visit(1, 1, true, 1);
	t_handler_unmap_all(&handler);
	visit(1, 1, false, 1);
	visit(20, 1, false, 1);
	expect_no_errors();
	t_handler_unmap_all(&handler);
	T_EQ(pwrite(handler.fd, old, sizeof(old), T_PAGE), sizeof(old));
	visit(1, 1, false, 1);
	T_EQ(counters[DMA_DATA_ERRORS], 1);
	T_EQ(pwrite(handler.fd, "after", 5, 20 * T_PAGE), 5);
	visit(20, 1, false, 1);
	T_EQ(counters[DMA_DATA_ERRORS], 2);
	detach(PASID_NONE);
	tear_down();
}

static void test_corrupt(void)
{
	set_up("sim:count=4000,corrupt=100,pattern=random,working-set=64K");
	attach(PASID_NONE);
	serve();
	/* 40 transfers; of those that were writes, some are written again before they are read. */
	T_ASSERT(counters[DMA_DATA_ERRORS] >= 15 && counters[DMA_DATA_ERRORS] <= 40);
	detach(PASID_NONE);
	tear_down();
}

static void test_pasids(void)
{
	struct reason why;

	set_up("sim:count=600,pasid=5+9,group=4,depth=2,write=100%");
	attach(PASID_NONE);
	attach(5);
	T_EQ(device->ops->attach(device, 5, ioas, &why), -EBUSY);
	T_STREQ(why.text, "cannot be attached: it is attached already");
	T_EQ(device->ops->attach(device, 1 << 20, ioas, &why), -EINVAL);
	/* Not before all of them are there. */
	T_EQ(t_handler_wait(&handler, 20), 0);
	T_EQ(sim_dma_is_busy(sim_device_dma(device)), false);
	attach(9);
	serve();
	expect_no_errors();
	T_EQ(counters[DMA_VISITS], 600);
	/* Each has an ATC and a place of its own: all pages twice, the second time mapped. */
	T_EQ(counters[DMA_ATC_HITS], 600 - 2 * N_PAGES);
	t_handler_unmap_all(&handler);
	count();
	T_EQ(counters[DMA_ATC_INVALIDATIONS], 2 * N_PAGES);
	detach(9);
	detach(5);
	detach(PASID_NONE);
	T_EQ(device->ops->detach(device, 5, ioas), -ENOENT);
	tear_down();
}

static void test_pasid_records(void)
{
	struct uapi_fault_record record;
	uint64_t iova = BASE;

	set_up("sim");
	attach(7);
	T_EQ(sim_dma_visit(sim_device_dma(device), PASID_NONE, &iova, 1, false, 1), -ENOENT);
	T_OK(sim_dma_visit(sim_device_dma(device), 7, &iova, 1, false, 1));
	T_WAIT(ioas->ops->read(ioas, &record, sizeof(record)) == sizeof(record));
	T_EQ(record.flags, UAPI_FAULT_LAST_PAGE | UAPI_FAULT_PASID_VALID);
	T_EQ(record.pasid, 7);
	T_EQ(record.perm, UAPI_PERM_READ);
	detach(7);
	T_EQ(counters[DMA_VISITS_ABORTED], 1);
	T_EQ(counters[DMA_VISITS_FAILED], 0);
	device->uses_pasids = false;
	T_EQ(device->ops->attach(device, 7, ioas, NULL), -EINVAL);
	tear_down();
}

/* A detach in full flight: nothing is left, nothing counts as failed, nothing starts again. */
static void test_detach(void)
{
	for (unsigned i = 0; i < 20; i++) {
		set_up("sim:count=max,channels=2,group=8,depth=4,pattern=random");
		attach(PASID_NONE);
		while (handler.n_groups < i)
			t_handler_wait(&handler, 1);
		detach(PASID_NONE);
		T_EQ(counters[DMA_VISITS_FAILED], 0);
		T_EQ(t_handler_serve(&handler), 0);
		T_EQ(sim_dma_is_busy(sim_device_dma(device)), false);
		T_EQ(sim_device_dma(device)->n_outstanding, 0);
		tear_down();
	}
}

static atomic_bool finished;

/* When unmap returns the device is done with the page: takes it away and puts it back, as an
 * eviction to a store does. */
static void evict(uint64_t page)
{
	char saved[T_PAGE], seen[T_PAGE];
	off_t offset = (off_t)(page * T_PAGE);

	t_handler_unmap(&handler, page);
	T_EQ(pread(handler.fd, saved, T_PAGE, offset), T_PAGE);
	memset(seen, 0x5a, T_PAGE);
	T_EQ(pwrite(handler.fd, seen, T_PAGE, offset), T_PAGE);
	for (unsigned round = 0; round < 8; round++) {
		T_EQ(pread(handler.fd, seen, T_PAGE, offset), T_PAGE);
		for (unsigned i = 0; i < T_PAGE; i++)
			T_ASSERT(seen[i] == 0x5a);
	}
	T_EQ(pwrite(handler.fd, saved, T_PAGE, offset), T_PAGE);
}

/* Half of the pages stay mapped, and the hand goes round: none is taken away before the
 * device has made its retry. */
static void *run_handler(void *arg)
{
	uint64_t hand = 0;

	(void)arg;
	while (!finished) {
		uint64_t n_mapped = 0;

		t_handler_serve(&handler);
		for (uint64_t i = 0; i < N_PAGES; i++)
			n_mapped += handler.mapped[i];
		for (; n_mapped > N_PAGES / 2; hand = (hand + 1) % N_PAGES) {
			if (!handler.mapped[hand])
				continue;
			evict(hand);
			n_mapped--;
		}
	}
	return NULL;
}

static void test_unmap_is_waited_for(void)
{
	struct device *second;
	struct reason why;
	pthread_t t;

	set_up("sim:count=max,channels=2,depth=8,pattern=zipf");
	T_OK(device_sim_ops.new("second", "sim:count=max,group=4,depth=2,pattern=random", &second, &why));
	T_OK(second->ops->open(second, NULL, &why));
	attach(PASID_NONE);
	T_OK(second->ops->attach(second, PASID_NONE, ioas, &why));
	finished = false;
	T_EQ(pthread_create(&t, NULL, run_handler, NULL), 0);
	do {
		t_sleep_ms(10);
		count();
	} while (counters[DMA_ATC_INVALIDATIONS] < 2000);
	finished = true;
	pthread_join(t, NULL);
	detach(PASID_NONE);
	T_EQ(counters[DMA_DATA_ERRORS], 0);
	T_EQ(counters[DMA_VISITS_FAILED], 0);
	T_EQ(counters[DMA_SUCCESS_WITHOUT_MAPPING], 0);
	T_OK(second->ops->detach(second, PASID_NONE, ioas));
	sim_dma_counters(sim_device_dma(second), counters);
	T_EQ(counters[DMA_DATA_ERRORS], 0);
	T_EQ(counters[DMA_VISITS_FAILED], 0);
	second->ops->close(second);
	second->ops->free(second);
	tear_down();
}

static void *serve_other(void *arg)
{
	while (!finished) {
		t_handler_wait(arg, 1);
		t_handler_unmap_all(arg);
	}
	return NULL;
}

/* Two PASIDs in two spaces, each with a thread of its own that maps, unmaps and detaches. */
static void test_two_spaces(void)
{
	struct iova_range range = { BASE, N_PAGES * T_PAGE };
	struct t_handler other;
	struct ioas *second;
	pthread_t t;

	set_up("sim:count=max,pasid=3+4,group=2,depth=8,channels=2,pattern=random");
	T_OK(device->ops->ioas_open(NULL, &range, 1, &second, NULL));
	t_handler_init(&other, second, BASE, N_PAGES * T_PAGE);
	finished = false;
	T_EQ(pthread_create(&t, NULL, serve_other, &other), 0);
	attach(3);
	T_OK(device->ops->attach(device, 4, second, NULL));
	do {
		t_handler_wait(&handler, 1);
		count();
	} while (counters[DMA_VISITS] < 20000);
	detach(3);
	finished = true;
	pthread_join(t, NULL);
	T_OK(device->ops->detach(device, 4, second));
	count();
	T_EQ(counters[DMA_DATA_ERRORS], 0);
	T_EQ(counters[DMA_SUCCESS_WITHOUT_MAPPING], 0);
	T_EQ(counters[DMA_RESPONSES_INVALID], 0);
	T_EQ(counters[DMA_UNKNOWN_COOKIES], 0);
	T_ASSERT(counters[DMA_ATC_INVALIDATIONS] > 0);
	T_EQ(sim_device_dma(device)->n_outstanding, 0);
	second = second->ops->ioas_close(second);
	t_handler_deinit(&other);
	tear_down();
}

/* The numbers that others see: by name, and still there after the close. */
static void test_counters(void)
{
	struct device_counter shown[64];
	size_t n;

	set_up("sim:verify=no");
	attach(PASID_NONE);
	visit(0, 10, true, 1);
	detach(PASID_NONE);
	T_EQ(counters[DMA_BYTES_WRITTEN], 80);
	device->ops->close(device);
	n = device->ops->counters(device, shown, 64);
	T_EQ(n, DMA_COUNTER_MAX);
	T_STREQ(shown[0].name, "Visits");
	T_EQ(shown[0].value, 10);
	T_EQ(device->ops->counters(device, shown, 2), 2);
	T_EQ(device->ops->attach(device, PASID_NONE, ioas, NULL), -ENODEV);
	T_EQ(device->ops->lend(device, &(int){ 0 }), -EOPNOTSUPP);
	tear_down();
}

int main(void)
{
	t_run(test_idle);
	t_run(test_patterns);
	t_run(test_groups);
	t_run(test_wrong_answers);
	t_run(test_read_only);
	t_run(test_data_errors);
	t_run(test_stale_pages);
	t_run(test_corrupt);
	t_run(test_pasids);
	t_run(test_pasid_records);
	t_run(test_detach);
	t_run(test_unmap_is_waited_for);
	t_run(test_two_spaces);
	t_run(test_counters);
	return 0;
}
