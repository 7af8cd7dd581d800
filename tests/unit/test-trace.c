/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What readers of traces receive of a queue's groups, and what it costs nobody else.
 */
#include "fault/trace.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "device/device.h"
#include "t.h"

#define N_RECORDS 200u

static struct uapi_fault_record records[N_RECORDS];
static struct group groups[N_RECORDS];
static struct uapi_answer answers[N_RECORDS];
static struct queue_context contexts[N_RECORDS];
static struct queue queue = { .records = records, .groups = groups, .answers = answers, .contexts = contexts };
static struct attachments attachments;
static struct device devices[2] = { { .name = (char *)"nvme0", .dev_id = 3 }, { .name = (char *)"nvme1",
									       .dev_id = 4 } };
static struct stats stats;
static atomic_uint_fast64_t dropped;
static struct traces traces;

struct reader {
	struct trace_reader *trace;
	int fd;
};

static struct reader open_reader(const struct trace_filter *filter)
{
	struct reader r;

	T_OK(trace_reader_new(filter, &dropped, &r.trace, &r.fd));
	T_OK(traces_add(&traces, r.trace));
	return r;
}

static void close_reader(struct reader *r)
{
	traces_remove(&traces, r->trace);
	trace_reader_free(r->trace);
	close(r->fd);
}

/* One datagram; the number of records, -1 if there is none. */
static int receive(struct reader *r, struct trace_header *ret_header, struct trace_record *ret)
{
	struct {
		struct trace_header header;
		struct trace_record records[TRACE_BATCH];
	} datagram;
	ssize_t n = recv(r->fd, &datagram, sizeof(datagram), MSG_DONTWAIT);

	if (n < 0)
		return -1;
	T_EQ(datagram.header.magic, TRACE_MAGIC);
	T_EQ(datagram.header.version, 1);
	T_EQ(n, sizeof(struct trace_header) + datagram.header.n_records * sizeof(struct trace_record));
	*ret_header = datagram.header;
	memcpy(ret, datagram.records, sizeof(datagram.records));
	return datagram.header.n_records;
}

/* n groups of one record each, or one group of n; of the first device, from this cookie on. */
static void read_groups(uint32_t n, uint32_t cookie, bool one)
{
	queue.n_groups = one ? 1 : n;
	queue.n_records = n;
	for (uint32_t i = 0; i < n; i++) {
		records[i] = (struct uapi_fault_record){
			.dev_id = 3,
			.perm = UAPI_PERM_WRITE,
			.addr = 0x1000 * (i + 1),
			.cookie = one ? cookie : cookie + i,
		};
		groups[i] = (struct group){ .cookie = cookie + i, .first = i, .n_records = one ? n : 1,
					   .read_ns = 1000 };
		answers[i] = (struct uapi_answer){ .cookie = cookie + i };
		contexts[i] = (struct queue_context){ .read_ns = 1000 };
	}
}

static void keep(void)
{
	traces_keep(&traces, &queue, 0, &attachments, "dma0");
}

static void answer(uint32_t first, uint32_t n, enum queue_outcome outcome)
{
	traces_answer(&traces, &queue, &contexts[first], n, outcome, 1500);
}

static void test_records(void)
{
	struct reader r = open_reader(&(struct trace_filter){ 0 });
	struct trace_record got[TRACE_BATCH];
	struct trace_header header;

	read_groups(3, 10, true);
	records[2].flags = UAPI_FAULT_LAST_PAGE;
	keep();
	answer(0, 1, QUEUE_SUCCESS);
	T_EQ(receive(&r, &header, got), -1);
	traces_send(&traces);
	T_EQ(receive(&r, &header, got), 3);
	T_EQ(header.n_dropped, 0);
	T_EQ(got[1].time_ns, 1500);
	T_EQ(got[1].latency_ns, 500);
	T_EQ(got[1].iova, 0x2000);
	T_EQ(got[1].cookie, 10);
	T_EQ(got[1].pasid, PASID_NONE);
	T_EQ(got[1].perm, UAPI_PERM_WRITE);
	T_EQ(got[1].outcome, QUEUE_SUCCESS);
	T_EQ(got[1].n_records, 3);
	T_EQ(got[1].index, 1);
	T_STREQ(got[1].device, "nvme0");
	T_STREQ(got[1].space, "dma0");
	T_EQ(got[2].flags, UAPI_FAULT_LAST_PAGE);

	/* A PASID, and a device that nobody knows. */
	read_groups(2, 20, false);
	records[0].flags = UAPI_FAULT_PASID_VALID;
	records[0].pasid = 7;
	records[0].dev_id = 4;
	records[1].dev_id = 99;
	keep();
	/* Answered in any order, and one of them later. */
	answer(1, 1, QUEUE_INVALID);
	traces_send(&traces);
	T_EQ(receive(&r, &header, got), 1);
	T_STREQ(got[0].device, "");
	T_EQ(got[0].outcome, QUEUE_INVALID);
	answer(0, 1, QUEUE_STALE);
	traces_send(&traces);
	T_EQ(receive(&r, &header, got), 1);
	T_EQ(got[0].pasid, 7);
	T_STREQ(got[0].device, "nvme1");
	T_EQ(got[0].outcome, QUEUE_STALE);

	/* What was read before the trace is not in it. */
	read_groups(1, 30, false);
	answer(0, 1, QUEUE_SUCCESS);
	traces_send(&traces);
	T_EQ(receive(&r, &header, got), -1);
	T_EQ(traces.n_kept, 0);
	close_reader(&r);
	T_ASSERT(!traces_is_on(&traces));
}

/* Many answers make few datagrams. */
static void test_batches(void)
{
	struct reader r = open_reader(&(struct trace_filter){ 0 });
	struct trace_record got[TRACE_BATCH];
	struct trace_header header;

	read_groups(150, 1, false);
	keep();
	answer(0, 150, QUEUE_SUCCESS);
	traces_send(&traces);
	T_EQ(receive(&r, &header, got), 64);
	T_EQ(got[0].cookie, 1);
	T_EQ(receive(&r, &header, got), 64);
	T_EQ(receive(&r, &header, got), 22);
	T_EQ(got[21].cookie, 150);
	T_EQ(receive(&r, &header, got), -1);
	close_reader(&r);
}

static void test_filters(void)
{
	struct reader nvme0 = open_reader(&(struct trace_filter){ .device = "nvme0" });
	struct reader nvme1 = open_reader(&(struct trace_filter){ .device = "nvme1", .space = "dma0" });
	struct reader dma1 = open_reader(&(struct trace_filter){ .space = "dma1" });
	struct reader invalid = open_reader(&(struct trace_filter){ .invalid_only = true });
	struct trace_record got[TRACE_BATCH];
	struct trace_header header;

	read_groups(3, 1, false);
	records[1].dev_id = 4;
	records[1].flags = UAPI_FAULT_PASID_VALID;
	records[1].pasid = 7;
	keep();
	answer(0, 2, QUEUE_SUCCESS);
	answer(2, 1, QUEUE_INVALID);
	traces_send(&traces);
	T_EQ(receive(&nvme0, &header, got), 2);
	T_EQ(got[1].cookie, 3);
	T_EQ(receive(&nvme1, &header, got), 1);
	T_EQ(got[0].cookie, 2);
	T_EQ(receive(&dma1, &header, got), -1);
	T_EQ(receive(&invalid, &header, got), 1);
	T_EQ(got[0].cookie, 3);
	close_reader(&nvme0);

	/* Of what nobody wants nothing is kept. */
	close_reader(&invalid);
	read_groups(3, 1, false);
	keep();
	T_EQ(traces.n_kept, 0);
	close_reader(&nvme1);
	close_reader(&dma1);
}

/* It loses what does not fit and hears how much; the other one loses nothing. */
static void test_stalled(void)
{
	struct reader stalled = open_reader(&(struct trace_filter){ 0 }),
	other = open_reader(&(struct trace_filter){ 0 });
	uint64_t n_sent = 0, n_received = 0, n_other = 0, before = atomic_load(&dropped);
	struct trace_record got[TRACE_BATCH];
	struct trace_header header = { 0 };
	int n;

	while (atomic_load(&dropped) - before < 1000) {
		read_groups(100, 1, false);
		keep();
		answer(0, 100, QUEUE_SUCCESS);
		traces_send(&traces);
		n_sent += 100;
		while ((n = receive(&other, &header, got)) > 0)
			n_other += (uint64_t)n;
	}
	T_EQ(n_other, n_sent);
	T_EQ(header.n_dropped, 0);
	while ((n = receive(&stalled, &header, got)) > 0)
		n_received += (uint64_t)n;
	T_ASSERT(n_received > 0);
	T_EQ(n_received + (atomic_load(&dropped) - before), n_sent);
	/* The next one that arrives tells it. */
	read_groups(1, 1, false);
	keep();
	answer(0, 1, QUEUE_SUCCESS);
	traces_send(&traces);
	T_EQ(receive(&stalled, &header, got), 1);
	T_EQ(header.n_dropped, atomic_load(&dropped) - before);
	close_reader(&stalled);
	close_reader(&other);
}

static void test_reader_gone(void)
{
	struct reader r = open_reader(&(struct trace_filter){ 0 });
	uint64_t before = atomic_load(&dropped);
	char byte;

	close(r.fd);
	for (int i = 0; i < 3; i++) {
		read_groups(1, 1, false);
		keep();
		answer(0, 1, QUEUE_SUCCESS);
		traces_send(&traces);
	}
	T_EQ(atomic_load(&dropped), before);
	T_EQ(recv(trace_reader_fd(r.trace), &byte, 1, MSG_DONTWAIT), 0);
	traces_remove(&traces, r.trace);
	trace_reader_free(r.trace);
}

static void test_limits(void)
{
	struct reader r[TRACES_MAX];
	struct trace_reader *ninth;
	int fd;

	for (unsigned i = 0; i < TRACES_MAX; i++)
		r[i] = open_reader(&(struct trace_filter){ 0 });
	T_OK(trace_reader_new(&(struct trace_filter){ 0 }, &dropped, &ninth, &fd));
	T_EQ(traces_add(&traces, ninth), -ENOSPC);
	traces_remove(&traces, ninth);
	close(fd);
	trace_reader_free(ninth);
	/* Groups that nobody answers do not pile up for ever. */
	for (unsigned i = 0; i < 1000; i++) {
		read_groups(100, i * 100, false);
		keep();
	}
	T_ASSERT(traces.n_kept <= 40000);
	T_ASSERT(atomic_load(&dropped) >= 60000);
	for (unsigned i = 0; i < TRACES_MAX; i++)
		close_reader(&r[i]);
	T_EQ(traces.n_kept, 0);
}

int main(void)
{
	T_OK(attachments_add(&attachments, &devices[0], PASID_NONE, &stats));
	T_OK(attachments_add(&attachments, &devices[1], 7, &stats));
	t_run(test_records);
	t_run(test_batches);
	t_run(test_filters);
	t_run(test_stalled);
	t_run(test_reader_gone);
	t_run(test_limits);
	traces_deinit(&traces);
	attachments_deinit(&attachments);
	return 0;
}
