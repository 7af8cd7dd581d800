/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What loop.h promises when sources change or go, over each backend: nothing that was
 * collected, asked for or in flight reaches the callback any more, and the file is let go.
 */
#include "loop/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/util.h"
#include "loops.h"
#include "t.h"

static int on_event_remove_other(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;

	p->other->source = loop_remove(p->other->source);
	return probe_count(s, events, p);
}

static int on_event_mute_other(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;

	T_OK(loop_modify(p->other->source, 0));
	return probe_count(s, events, p);
}

static void test_modify_to_nothing(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 1, LOOP_READ, on_event_mute_other);
	p.other = &p;
	t_loop_run_ms(l, 5);
	T_EQ(p.n_calls, 1);
	T_OK(loop_modify(p.source, LOOP_READ));
	t_loop_run_ms(l, 5);
	T_EQ(p.n_calls, 2);
	probe_close(&p);
}

static void test_modify_drops_collected_events(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b;

	probe_open(&a, l, 1, LOOP_READ, on_event_mute_other);
	probe_open(&b, l, 1, LOOP_READ, on_event_mute_other);
	a.other = &b;
	b.other = &a;
	a.stop_at = b.stop_at = 3;
	T_EQ(loop_run(l), 3);
	T_EQ(a.n_calls + b.n_calls, 3);
	probe_close(&a);
	probe_close(&b);
}

static void test_remove_itself(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 1, LOOP_READ, on_event_remove_other);
	p.other = &p;
	p.n_again = 1;
	t_loop_run_ms(l, 5);
	T_EQ(p.n_calls, 1);
	probe_close(&p);
}

static void test_remove_drops_collected_events(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b;

	probe_open(&a, l, 1, LOOP_READ, on_event_remove_other);
	probe_open(&b, l, 1, LOOP_READ, on_event_remove_other);
	a.other = &b;
	b.other = &a;
	a.stop_at = b.stop_at = 3;
	T_EQ(loop_run(l), 3);
	T_EQ(a.n_calls + b.n_calls, 3);
	probe_close(&a);
	probe_close(&b);
}

static void test_remove_drops_again(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b;

	probe_open(&a, l, 1, LOOP_READ, probe_count);
	probe_open(&b, l, 0, LOOP_READ, on_event_remove_other);
	a.n_again = 1000;
	a.stop_at = 10;
	b.other = &a;
	T_EQ(loop_run(l), 10);
	probe_post(&b, 1);
	a.stop_at = 0;
	b.stop_at = 2;
	T_EQ(loop_run(l), 2);
	T_ASSERT(a.n_calls <= 12);
	probe_close(&a);
	probe_close(&b);
}

static void test_fd_is_reused(void)
{
	static const uint32_t variants[] = { LOOP_READ, LOOP_READ | LOOP_DRAIN };

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		_cleanup_(loop_freep) struct loop *l = t_loop_new();
		_cleanup_close_ int kept = -1;
		struct probe a, b;

		probe_open(&a, l, 0, variants[i], probe_take);
		kept = dup(a.fd);
		t_loop_run_ms(l, 2);
		probe_close(&a);
		probe_open(&b, l, 0, variants[i], probe_take);

		/* Nobody watches the old file, although it lives on. */
		T_EQ(write(kept, &(uint64_t){ 1 }, 8), 8);
		t_loop_run_ms(l, 5);
		T_EQ(b.n_calls, 0);

		probe_post(&b, 1);
		b.stop_at = 1;
		T_EQ(loop_run(l), 1);
		probe_close(&b);
	}
}

/* A fault queue that somebody still holds open cannot be destroyed. */
static void test_file_is_let_go(void)
{
	static const uint32_t variants[] = { LOOP_READ, LOOP_READ | LOOP_DRAIN };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(variants); i++) {
		_cleanup_(loop_freep) struct loop *l = t_loop_new();
		struct probe p = { .loop = l };
		int fds[2];

		T_EQ(pipe2(fds, O_CLOEXEC), 0);
		T_OK(loop_add(l, fds[0], variants[i / 2], probe_count, &p, &p.source));
		t_loop_run_ms(l, 2);
		/* A poll that was replaced must not be left behind either. */
		T_OK(loop_modify(p.source, variants[i / 2] ^ LOOP_DRAIN));
		t_loop_run_ms(l, 2);
		T_OK(loop_modify(p.source, variants[i / 2]));
		t_loop_run_ms(l, 2);
		/* Odd: at a moment when there is something to report. */
		if (i % 2)
			T_EQ(write(fds[1], "x", 1), 1);
		loop_remove(p.source);
		close(fds[0]);
		T_EQ(write(fds[1], "x", 1), -1);
		T_EQ(errno, EPIPE);
		t_loop_run_ms(l, 2);
		T_EQ(p.n_calls, 0);
		close(fds[1]);
	}
}

/* A kernel that has something else to do first is asked again. */
static void test_file_is_let_go_by_busy_kernel(void)
{
	static const int errors[] = { EBUSY, EAGAIN, EINTR };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		_cleanup_(loop_freep) struct loop *l = t_loop_new();
		struct probe p = { .loop = l };
		int fds[2];

		T_EQ(pipe2(fds, O_CLOEXEC), 0);
		T_OK(loop_add(l, fds[0], LOOP_READ | LOOP_DRAIN, probe_count, &p, &p.source));
		t_loop_run_ms(l, 2);
		t_loop_fail_submits(errors[i], 5);
		loop_remove(p.source);
		t_loop_fail_submits(0, 0);
		close(fds[0]);
		T_EQ(write(fds[1], "x", 1), -1);
		T_EQ(errno, EPIPE);
		close(fds[1]);
	}
}

static bool all_called(const struct probe *probes, size_t n)
{
	while (n && probes[n - 1].n_calls)
		n--;
	return !n;
}

/* More changes than the ring has room for: a kernel that does not take them at once, or
 * not for a long time, makes them late. */
static void test_busy_kernel_takes_changes_later(void)
{
	static const unsigned times[] = { 3, 5000 };
	static struct probe probes[150];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_(loop_freep) struct loop *l = t_loop_new();

		for (size_t j = 0; j < ARRAY_SIZE(probes); j++)
			probe_open(&probes[j], l, 1, LOOP_READ | LOOP_DRAIN, probe_take);
		t_loop_fail_submits(EAGAIN, times[i]);
		for (unsigned tries = 0; tries < 1000 && !all_called(probes, ARRAY_SIZE(probes)); tries++)
			t_loop_run_ms(l, 1);
		t_loop_fail_submits(0, 0);
		for (size_t j = 0; j < ARRAY_SIZE(probes); j++) {
			T_EQ(probes[j].n_calls, 1);
			probe_close(&probes[j]);
		}
	}
}

static void test_free_leaves_fds(void)
{
	struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 0, LOOP_READ, probe_take);
	t_loop_run_ms(l, 1);
	T_ASSERT(!loop_free(l));
	T_ASSERT(fcntl(p.fd, F_GETFD) >= 0);
	close(p.fd);
}

static void suite(void)
{
	t_run(test_modify_to_nothing);
	t_run(test_modify_drops_collected_events);
	t_run(test_remove_itself);
	t_run(test_remove_drops_collected_events);
	t_run(test_remove_drops_again);
	t_run(test_fd_is_reused);
	t_run(test_file_is_let_go);
	t_run(test_file_is_let_go_by_busy_kernel);
	t_run(test_busy_kernel_takes_changes_later);
	t_run(test_free_leaves_fds);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return t_over_loops(suite);
}
