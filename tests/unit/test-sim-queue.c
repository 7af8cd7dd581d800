/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fault queue against what was seen on the kernel's (reads, cookies, writes, poll). */
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/util.h"
#include "device/sim/queue.h"
#include "t.h"

#define R sizeof(struct uapi_fault_record)
#define A sizeof(struct uapi_answer)

struct group {
	struct sim_group base;
	int code; /* -100: not answered */
	struct uapi_fault_record records[4];
};

static struct group groups[301];
static struct uapi_fault_record buffer[1000];
static struct sim_queue q;
static bool mapped;

static bool is_mapped(void *userdata, const struct uapi_fault_record *record)
{
	T_ASSERT(userdata == &mapped && record->addr >= 4096);
	return mapped;
}

static void on_answered(struct sim_group *g, int code)
{
	struct group *group = container_of(g, struct group, base);

	T_EQ(group->code, -100);
	group->code = code;
}

static void raise_group(unsigned i, size_t n_records, const void *owner)
{
	struct group *g = &groups[i];

	*g = (struct group){ .code = -100 };
	g->base = (struct sim_group){
		.owner = owner,
		.records = g->records,
		.n_records = n_records,
		.answered = on_answered,
	};
	for (size_t n = 0; n < n_records; n++)
		g->records[n].addr = (i + 1) * 4096 + n;
	queue_raise(&q, &g->base);
}

static int answer(uint32_t cookie, uint32_t code)
{
	struct uapi_answer a = { cookie, code };

	return (int)queue_write(&q, &a, sizeof(a));
}

static bool is_readable(void)
{
	struct pollfd p = { .fd = q.event_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void set_up(void)
{
	T_OK(sim_queue_init(&q, is_mapped, &mapped));
	mapped = true;
}

static void test_read(void)
{
	set_up();
	T_EQ(queue_read(&q, buffer, 0), 0);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 0);
	T_EQ(queue_read(&q, buffer, R + 1), -ESPIPE);
	T_EQ(is_readable(), false);
	raise_group(0, 1, NULL);
	raise_group(1, 3, NULL);
	raise_group(2, 1, NULL);
	T_EQ(is_readable(), true);
	T_EQ(queue_read(&q, buffer, 0), -EINVAL);
	/* [1][3][1] with room for two: one, then never again until the room suffices. */
	T_EQ(queue_read(&q, buffer, 2 * R), R);
	T_EQ(buffer[0].addr, 4096);
	T_EQ(buffer[0].cookie, 1);
	T_EQ(queue_read(&q, buffer, 2 * R), -EINVAL);
	T_EQ(queue_read(&q, buffer, 2 * R), -EINVAL);
	T_EQ(is_readable(), true);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 4 * R);
	for (unsigned i = 0; i < 3; i++) {
		T_EQ(buffer[i].cookie, 2);
		T_EQ(buffer[i].addr, 2 * 4096 + i);
	}
	T_EQ(buffer[3].cookie, 3);
	T_EQ(is_readable(), false);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 0);
	queue_abort(&q, NULL, true);
	sim_queue_deinit(&q);
}

static void test_cookies(void)
{
	set_up();
	for (unsigned i = 0; i < 300; i++)
		raise_group(i, 1, NULL);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 300 * R);
	for (unsigned i = 0; i < 300; i++)
		T_EQ(buffer[i].cookie, i + 1);
	/* The lowest free one, at once. */
	T_EQ(answer(200, UAPI_ANSWER_SUCCESS), A);
	T_EQ(answer(7, UAPI_ANSWER_INVALID), A);
	T_EQ(groups[199].code, UAPI_ANSWER_SUCCESS);
	T_EQ(groups[6].code, UAPI_ANSWER_INVALID);
	raise_group(199, 1, NULL);
	raise_group(6, 1, NULL);
	raise_group(300, 1, NULL);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 3 * R);
	T_EQ(buffer[0].cookie, 7);
	T_EQ(buffer[1].cookie, 200);
	T_EQ(buffer[2].cookie, 301);
	queue_abort(&q, NULL, true);
	sim_queue_deinit(&q);
}

static void test_write(void)
{
	struct uapi_answer a[] = { { 1, 0 }, { 2, 1 }, { 99, 0 }, { 3, 0 } };
	struct queue_errors e;

	set_up();
	for (unsigned i = 0; i < 4; i++)
		raise_group(i, 2, NULL);
	T_EQ(answer(1, 0), -EINVAL); /* there, but not read yet */
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 8 * R);
	T_EQ(queue_write(&q, a, 0), 0);
	T_EQ(queue_write(&q, a, A - 1), -ESPIPE);
	T_EQ(queue_write(&q, a, sizeof(a)), 2 * A);
	T_EQ(queue_write(&q, a + 2, 2 * A), -EINVAL);
	T_EQ(groups[2].code, -100);
	T_EQ(queue_write(&q, a + 3, A), A);
	T_EQ(answer(4, 2), -EINVAL); /* FAILURE is the kernel's; the cookie stays */
	T_EQ(groups[3].code, -100);
	T_EQ(answer(4, UAPI_ANSWER_SUCCESS), A);
	T_EQ(answer(4, UAPI_ANSWER_SUCCESS), -EINVAL);
	T_EQ(answer(0, UAPI_ANSWER_SUCCESS), -EINVAL);
	queue_get_errors(&q, &e);
	T_EQ(e.unknown_cookies, 3); /* 1 before it was read, 99, 0 */
	T_EQ(e.double_answers, 1);
	T_EQ(e.success_without_mapping, 0);
	mapped = false;
	raise_group(0, 3, NULL);
	raise_group(1, 1, NULL);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 4 * R);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), A);
	T_EQ(answer(2, UAPI_ANSWER_INVALID), A);
	queue_get_errors(&q, &e);
	T_EQ(e.success_without_mapping, 1);
	sim_queue_deinit(&q);
}

static void test_abort(void)
{
	int x, y;
	struct queue_errors e;

	set_up();
	raise_group(0, 1, &x);
	raise_group(1, 1, &y);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), 2 * R);
	raise_group(2, 1, &x);
	raise_group(3, 1, &y);
	queue_abort(&q, &x, false);
	T_EQ(groups[0].code, SIM_ANSWER_ABORTED);
	T_EQ(groups[2].code, SIM_ANSWER_ABORTED);
	T_EQ(groups[1].code, -100);
	T_EQ(answer(1, 0), -EINVAL);
	queue_get_errors(&q, &e);
	T_EQ(e.unknown_cookies, 1);
	T_EQ(e.double_answers, 0);
	T_EQ(is_readable(), true);
	T_EQ(queue_read(&q, buffer, sizeof(buffer)), R);
	T_EQ(buffer[0].addr, 4 * 4096);
	T_EQ(buffer[0].cookie, 1);
	raise_group(0, 1, &x);
	queue_abort(&q, &x, false);
	T_EQ(is_readable(), false);
	T_EQ(answer(1, 0), A);
	T_EQ(answer(2, 0), A);
	T_EQ(groups[1].code, 0);
	T_EQ(groups[3].code, 0);
	sim_queue_deinit(&q);
}

/* One event for each new group, also while others are unread. */
static void test_edges(void)
{
	uint64_t n;

	set_up();
	raise_group(0, 1, NULL);
	raise_group(1, 1, NULL);
	T_EQ(read(q.event_fd, &n, sizeof(n)), sizeof(n));
	T_EQ(n, 2);
	raise_group(2, 1, NULL);
	T_EQ(is_readable(), true);
	queue_abort(&q, NULL, true);
	T_EQ(is_readable(), false);
	sim_queue_deinit(&q);
}

#define N_FLOOD 100000

static void *raise_many(void *arg)
{
	struct group *many = arg;

	for (unsigned i = 0; i < N_FLOOD; i++)
		queue_raise(&q, &many[i].base);
	return NULL;
}

/* A raiser and a server at once: each group is answered once, in order of raising. */
static void test_threads(void)
{
	struct group *many = calloc(N_FLOOD, sizeof(*many));
	uint64_t n_seen = 0;
	pthread_t t;

	T_ASSERT(many);
	set_up();
	for (unsigned i = 0; i < N_FLOOD; i++) {
		many[i].code = -100;
		many[i].records[0].addr = 4096 + i;
		many[i].base = (struct sim_group){
			.records = many[i].records,
			.n_records = 1,
			.answered = on_answered,
		};
	}
	T_EQ(pthread_create(&t, NULL, raise_many, many), 0);
	while (n_seen < N_FLOOD) {
		ssize_t size = queue_read(&q, buffer, sizeof(buffer));

		for (size_t i = 0; i < (size_t)size / R; i++) {
			T_EQ(buffer[i].addr, 4096 + n_seen);
			n_seen++;
			T_EQ(answer(buffer[i].cookie, 0), A);
		}
	}
	pthread_join(t, NULL);
	for (unsigned i = 0; i < N_FLOOD; i++)
		T_EQ(many[i].code, 0);
	T_EQ(q.n_slots <= 1024, true);
	sim_queue_deinit(&q);
	free(many);
}

int main(void)
{
	t_run(test_read);
	t_run(test_cookies);
	t_run(test_write);
	t_run(test_abort);
	t_run(test_edges);
	t_run(test_threads);
	return 0;
}
