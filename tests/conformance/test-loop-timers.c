/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Timers and signals of the loop, over each backend. Nothing here depends on how fast the
 * machine is: what is checked is order and number.
 */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "loop/loop.h"
#include "loops.h"
#include "t.h"

struct timer {
	struct loop *loop;
	struct loop_source *source;
	struct timer *other;
	unsigned n_calls;
	unsigned n_again;
	unsigned stop_at;
	unsigned order; /* of its last call among all */
};

static unsigned n_all_calls;

static struct loop *new_loop(void)
{
	n_all_calls = 0;
	return t_loop_new();
}

static int on_timer(struct loop_source *s, uint32_t events, void *userdata)
{
	struct timer *t = userdata;

	(void)events;
	T_ASSERT(s == t->source);
	t->order = ++n_all_calls;
	if (++t->n_calls == t->stop_at)
		loop_stop(t->loop, (int)t->n_calls);
	if (!t->n_again)
		return 0;
	t->n_again--;
	return LOOP_AGAIN;
}

static void timer_open(struct timer *t, struct loop *l, loop_fn fn)
{
	*t = (struct timer){ .loop = l };
	T_OK(loop_add_timer(l, fn, t, &t->source));
}

static void set_in_ms(struct timer *t, unsigned ms)
{
	T_OK(loop_set_timer(t->source, clock_now_ns() + ms * NSEC_PER_MSEC));
}

static void test_timers_in_order(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer early, late, last;

	timer_open(&last, l, on_timer);
	timer_open(&late, l, on_timer);
	timer_open(&early, l, on_timer);
	last.stop_at = 1;
	set_in_ms(&last, 60);
	set_in_ms(&late, 40);
	set_in_ms(&early, 5);
	T_EQ(loop_run(l), 1);
	T_EQ(early.n_calls, 1);
	T_EQ(late.n_calls, 1);
	T_EQ(last.order, 3);
}

static void test_timer_of_the_past(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer t;

	timer_open(&t, l, on_timer);
	t.stop_at = 1;
	T_OK(loop_set_timer(t.source, 1));
	T_EQ(loop_run(l), 1);
	t.stop_at = 2;
	T_OK(loop_set_timer(t.source, 1));
	T_EQ(loop_run(l), 2);
}

static void test_timer_never_early(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer t;
	uint64_t at;

	timer_open(&t, l, on_timer);
	for (unsigned i = 1; i <= 5; i++) {
		t.stop_at = i;
		at = clock_now_ns() + 3 * NSEC_PER_MSEC;
		T_OK(loop_set_timer(t.source, at));
		T_EQ(loop_run(l), i);
		T_ASSERT(clock_now_ns() >= at);
	}
}

static void test_disarmed_timer(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer t, end;

	timer_open(&t, l, on_timer);
	timer_open(&end, l, on_timer);
	end.stop_at = 1;
	set_in_ms(&t, 1);
	T_OK(loop_set_timer(t.source, 0));
	set_in_ms(&end, 10);
	T_EQ(loop_run(l), 1);
	T_EQ(t.n_calls, 0);
}

static int on_timer_disarm_other(struct loop_source *s, uint32_t events, void *userdata)
{
	struct timer *t = userdata;

	T_OK(loop_set_timer(t->other->source, 0));
	return on_timer(s, events, userdata);
}

/* Both are due in the same round: the one called first takes the other's call back. */
static void test_disarm_takes_collected_call_back(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer a, b, end;

	timer_open(&a, l, on_timer_disarm_other);
	timer_open(&b, l, on_timer_disarm_other);
	timer_open(&end, l, on_timer);
	a.other = &b;
	b.other = &a;
	end.stop_at = 1;
	T_OK(loop_set_timer(a.source, 1));
	T_OK(loop_set_timer(b.source, 1));
	set_in_ms(&end, 10);
	T_EQ(loop_run(l), 1);
	T_EQ(a.n_calls + b.n_calls, 1);
}

static void test_timer_again(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer t;

	timer_open(&t, l, on_timer);
	t.n_again = 4;
	t.stop_at = 5;
	T_OK(loop_set_timer(t.source, 1));
	T_EQ(loop_run(l), 5);
}

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	T_ASSERT(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int on_timer_remove_itself(struct loop_source *s, uint32_t events, void *userdata)
{
	struct timer *t = userdata;

	(void)events;
	t->n_calls++;
	t->source = loop_remove(s);
	return LOOP_AGAIN;
}

static void test_timer_fd_is_its_own(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	unsigned n = count_fds();
	struct timer t, end;

	timer_open(&t, l, on_timer_remove_itself);
	timer_open(&end, l, on_timer);
	T_EQ(count_fds(), n + 2);
	end.stop_at = 1;
	T_OK(loop_set_timer(t.source, 1));
	set_in_ms(&end, 5);
	T_EQ(loop_run(l), 1);
	T_EQ(t.n_calls, 1);
	T_EQ(count_fds(), n + 1);
	loop_remove(end.source);
	T_EQ(count_fds(), n);
}

struct signals {
	struct loop *loop;
	struct loop_source *source;
	unsigned n_calls;
	int last;
	unsigned remove_at;
	unsigned stop_at;
};

static void on_signal(int signo, void *userdata)
{
	struct signals *s = userdata;

	s->last = signo;
	if (++s->n_calls == s->remove_at)
		s->source = loop_remove(s->source);
	if (s->n_calls == s->stop_at)
		loop_stop(s->loop, signo);
}

static void signals_open(struct signals *s, struct loop *l)
{
	sigset_t set;

	*s = (struct signals){ .loop = l };
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	T_OK(loop_add_signals(l, &set, on_signal, s, &s->source));
}

static void test_signals(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct signals s;

	signals_open(&s, l);
	s.stop_at = 2;
	raise(SIGUSR1);
	raise(SIGUSR2);
	T_EQ(loop_run(l), s.last);
	T_ASSERT(s.last == SIGUSR1 || s.last == SIGUSR2);
	s.stop_at = 3;
	raise(SIGUSR1);
	T_EQ(loop_run(l), SIGUSR1);
}

static void test_signals_removed_in_callback(void)
{
	_cleanup_(loop_freep) struct loop *l = new_loop();
	struct timer end;
	struct signals s;

	signals_open(&s, l);
	timer_open(&end, l, on_timer);
	s.remove_at = 1;
	end.stop_at = 1;
	raise(SIGUSR1);
	raise(SIGUSR2);
	set_in_ms(&end, 5);
	T_EQ(loop_run(l), 1);
	T_EQ(s.n_calls, 1);

	/* The other one is still pending, for whoever comes next. */
	signals_open(&s, l);
	s.stop_at = 1;
	T_ASSERT(loop_run(l) > 0);
	T_EQ(s.n_calls, 1);
}

static void suite(void)
{
	t_run(test_timers_in_order);
	t_run(test_timer_of_the_past);
	t_run(test_timer_never_early);
	t_run(test_disarmed_timer);
	t_run(test_disarm_takes_collected_call_back);
	t_run(test_timer_again);
	t_run(test_timer_fd_is_its_own);
	t_run(test_signals);
	t_run(test_signals_removed_in_callback);
}

int main(void)
{
	return t_over_loops(suite);
}
