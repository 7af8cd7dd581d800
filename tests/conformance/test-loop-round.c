/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What round.h promises, over each backend. */
#include "loop/round.h"

#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/util.h"
#include "loops.h"
#include "t.h"

#define N 3

/* Sources that do something, and want to know when it was done. */
static struct worker {
	struct probe probe;
	struct round_end end;
	uint64_t spends_ns;
	uint64_t began_ns, ended_ns;
	unsigned n_ends;
	unsigned n_calls_then; /* of all, when its end came */
} workers[N];
static unsigned n_calls;

static int on_work(struct loop_source *s, uint32_t events, void *userdata)
{
	struct worker *w = container_of((struct probe *)userdata, struct worker, probe);

	n_calls++;
	w->began_ns = round_now_ns(w->probe.loop);
	round_at_end(w->probe.loop, &w->end, w->spends_ns);
	return probe_take(s, events, &w->probe);
}

static void on_end(struct round_end *e, uint64_t now_ns)
{
	struct worker *w = container_of(e, struct worker, end);

	w->ended_ns = now_ns;
	w->n_ends++;
	w->n_calls_then = n_calls;
}

static struct loop *setup(void)
{
	struct loop *l = t_loop_new();

	n_calls = 0;
	for (size_t i = 0; i < N; i++) {
		workers[i] = (struct worker){ .end = { .fn = on_end } };
		probe_open(&workers[i].probe, l, 1, LOOP_READ, on_work);
	}
	return l;
}

static void teardown(struct loop *l)
{
	for (size_t i = 0; i < N; i++)
		probe_close(&workers[i].probe);
	loop_free(l);
}

static void test_one_time_for_all(void)
{
	struct loop *l = setup();
	uint64_t before_ns = clock_now_ns();

	t_loop_run_ms(l, 2);
	T_ASSERT(workers[0].began_ns >= before_ns);
	T_ASSERT(workers[0].ended_ns > workers[0].began_ns);
	T_ASSERT(workers[0].ended_ns <= clock_now_ns());
	for (size_t i = 0; i < N; i++) {
		T_EQ(workers[i].n_ends, 1);
		T_EQ(workers[i].n_calls_then, N);
		T_EQ(workers[i].began_ns, workers[0].began_ns);
		T_EQ(workers[i].ended_ns, workers[0].ended_ns);
	}
	teardown(l);
}

static void test_much_work_ends_sooner(void)
{
	struct loop *l = setup();

	for (size_t i = 0; i < N; i++)
		workers[i].spends_ns = 30 * NSEC_PER_USEC;
	t_loop_run_ms(l, 2);
	for (size_t i = 0; i < N; i++)
		T_EQ(workers[i].n_ends, 1);
	T_EQ(n_calls, N);
	for (size_t i = 0; i < N; i++) /* the last one called has another end than the first two */
		if (workers[i].n_calls_then == N)
			T_ASSERT(workers[i].began_ns >= workers[(i + 1) % N].ended_ns);
		else
			T_EQ(workers[i].n_calls_then, N - 1);
	teardown(l);
}

static void test_sleep_is_not_overlooked(void)
{
	struct loop *l = setup();
	uint64_t first_ns, posted_ns;

	t_loop_run_ms(l, 2);
	first_ns = workers[0].ended_ns;
	posted_ns = clock_now_ns();
	T_ASSERT(posted_ns > first_ns);
	probe_post(&workers[0].probe, 1);
	t_loop_run_ms(l, 2);
	T_EQ(workers[0].n_ends, 2);
	T_ASSERT(workers[0].began_ns >= posted_ns);
	teardown(l);
}

static int on_work_undone(struct loop_source *s, uint32_t events, void *userdata)
{
	struct worker *w = container_of((struct probe *)userdata, struct worker, probe);

	round_at_end(w->probe.loop, &w->end, 0);
	round_at_end(w->probe.loop, &w->end, 0);
	round_forget(w->probe.loop, &w->end);
	round_forget(w->probe.loop, &w->end);
	return probe_take(s, events, &w->probe);
}

static void test_what_is_forgotten_is_not_called(void)
{
	struct loop *l = setup();

	probe_close(&workers[1].probe);
	probe_open(&workers[1].probe, l, 1, LOOP_READ, on_work_undone);
	t_loop_run_ms(l, 2);
	T_EQ(workers[0].n_ends, 1);
	T_EQ(workers[1].n_ends, 0);
	T_EQ(workers[2].n_ends, 1);
	teardown(l);
}

static bool was_shared;

static int on_find(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;

	was_shared = round_is_shared(p->loop);
	probe_take(s, events, p);
	return LOOP_FOUND;
}

static void test_others_are_known_for_a_while(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b, idle;

	probe_open(&a, l, 0, LOOP_READ | LOOP_DRAIN, on_find);
	probe_open(&b, l, 0, LOOP_READ | LOOP_DRAIN, on_find);
	probe_open(&idle, l, 1, LOOP_READ, probe_take);
	for (unsigned i = 1; i <= 3; i++) { /* one alone, beside one that finds nothing */
		probe_post(&a, 1);
		a.stop_at = i;
		T_EQ(loop_run(l), (int)i);
		T_ASSERT(!was_shared);
	}
	probe_post(&b, 1);
	b.stop_at = 1;
	T_EQ(loop_run(l), 1);
	for (unsigned i = 4; was_shared || i < 8; i++) {
		probe_post(&a, 1);
		a.stop_at = i;
		T_EQ(loop_run(l), (int)i);
		T_ASSERT(was_shared || i > 1000);
		T_ASSERT(i < 10000);
	}
	probe_close(&a);
	probe_close(&b);
	probe_close(&idle);
}

static void suite(void)
{
	t_run(test_one_time_for_all);
	t_run(test_much_work_ends_sooner);
	t_run(test_sleep_is_not_overlooked);
	t_run(test_what_is_forgotten_is_not_called);
	t_run(test_others_are_known_for_a_while);
}

int main(void)
{
	return t_over_loops(suite);
}
