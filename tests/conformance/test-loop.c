/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What loop.h promises about readiness, rounds and running, over each backend.
 */
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/util.h"
#include "loops.h"
#include "t.h"

static void test_level_triggered(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 5, LOOP_READ, probe_take);
	p.stop_at = 5;
	T_EQ(loop_run(l), 5);
	T_EQ(p.events, LOOP_READ);
	p.stop_at = 0;
	t_loop_run_ms(l, 5);
	T_EQ(p.n_calls, 5);
	probe_close(&p);
}

static void test_events_are_those_wanted(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 1, LOOP_WRITE, probe_count);
	p.stop_at = 3;
	T_EQ(loop_run(l), 3);
	T_EQ(p.events, LOOP_WRITE);
	T_OK(loop_modify(p.source, LOOP_READ | LOOP_WRITE));
	p.stop_at = 4;
	loop_run(l);
	T_EQ(p.events, LOOP_READ | LOOP_WRITE);
	T_OK(loop_modify(p.source, LOOP_READ));
	p.stop_at = 5;
	loop_run(l);
	T_EQ(p.events, LOOP_READ);
	probe_close(&p);
}

static void test_hang_up(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p = { .loop = l, .stop_at = 2 };
	int fds[2];

	T_EQ(pipe2(fds, O_CLOEXEC), 0);
	T_OK(loop_add(l, fds[0], LOOP_READ, probe_count, &p, &p.source));
	close(fds[1]);
	T_EQ(loop_run(l), 2);
	T_EQ(p.events, LOOP_READ);
	p.source = loop_remove(p.source);
	close(fds[0]);

	T_EQ(pipe2(fds, O_CLOEXEC), 0);
	T_OK(loop_add(l, fds[1], LOOP_WRITE, probe_count, &p, &p.source));
	close(fds[0]);
	p.stop_at = 4;
	T_EQ(loop_run(l), 4);
	T_EQ(p.events, LOOP_WRITE);
	p.source = loop_remove(p.source);
	close(fds[1]);
}

static void test_drain(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 1, LOOP_READ | LOOP_DRAIN, probe_take);
	for (unsigned i = 1; i <= 3; i++) {
		p.stop_at = i;
		T_EQ(loop_run(l), i);
		probe_post(&p, 1);
	}
	/* Watching nothing and watching again finds what came in between. */
	T_OK(loop_modify(p.source, 0));
	t_loop_run_ms(l, 5);
	T_EQ(p.n_calls, 3);
	T_OK(loop_modify(p.source, LOOP_READ | LOOP_DRAIN));
	p.stop_at = 4;
	T_EQ(loop_run(l), 4);
	probe_close(&p);
}

#define N_POSTS 20000u

static void *post_all(void *userdata)
{
	const struct probe *p = userdata;

	for (unsigned i = 0; i < N_POSTS; i++) {
		probe_post(p, 1);
		/* Now and then one comes alone, into the sleep of the loop. */
		if (i % 64 == 0)
			usleep(50);
	}
	return NULL;
}

/* One read takes all there is, and nothing is asked after it. */
static int take_all_once(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;
	uint64_t n;

	(void)s;
	(void)events;
	if (read(p->fd, &n, sizeof(n)) < 0)
		return 0;
	p->n_calls += (unsigned)n;
	if (p->n_calls == N_POSTS)
		loop_stop(p->loop, 1);
	return LOOP_FOUND;
}

/* What comes after the read of a callback with LOOP_DRAIN, or during it, is a new event:
 * otherwise this does not end. */
static void test_drain_takes_one_read(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p = { .loop = l, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	pthread_t thread;

	T_OK(loop_add(l, p.fd, LOOP_READ | LOOP_DRAIN, take_all_once, &p, &p.source));
	T_EQ(pthread_create(&thread, NULL, post_all, &p), 0);
	T_EQ(loop_run(l), 1);
	T_EQ(pthread_join(thread, NULL), 0);
	probe_close(&p);
}

static int on_event_add(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;

	loop_remove(p->source);
	p->source = NULL;
	probe_open(p->other, p->loop, 1, LOOP_READ, probe_take);
	p->other->stop_at = 1;
	return probe_count(s, events, p);
}

static void test_add_in_callback(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b;

	probe_open(&a, l, 1, LOOP_READ, on_event_add);
	a.other = &b;
	T_EQ(loop_run(l), 1);
	T_EQ(a.n_calls, 1);
	T_EQ(b.n_calls, 1);
	probe_close(&a);
	probe_close(&b);
}

static void test_again_comes_without_events(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p;

	probe_open(&p, l, 1, LOOP_READ | LOOP_DRAIN, probe_take);
	p.n_again = 3;
	t_loop_run_ms(l, 5);
	T_EQ(p.n_calls, 4);
	T_EQ(p.events, 0);
	probe_close(&p);
}

static int on_again_post_other(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;

	if (p->n_calls % 8 == 0)
		probe_post(p->other, 1);
	probe_count(s, events, p);
	/* Never further ahead than the round in which it wrote and the next one. */
	T_ASSERT(p->n_calls <= (p->other->n_calls + 1) * 8 + 1);
	return LOOP_AGAIN;
}

static void test_again_is_fair(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b, c;

	probe_open(&a, l, 1, LOOP_READ, on_again_post_other);
	probe_open(&b, l, 0, LOOP_READ, probe_take);
	probe_open(&c, l, 0, LOOP_READ | LOOP_DRAIN, probe_take);
	a.other = &b;
	b.stop_at = 50;
	T_EQ(loop_run(l), 50);
	T_EQ(b.n_calls, 50);

	a.n_calls = 0;
	a.other = &c;
	c.stop_at = 50;
	T_EQ(loop_run(l), 50);
	probe_close(&a);
	probe_close(&b);
	probe_close(&c);
}

static void test_stop_is_at_once(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe p[3];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		probe_open(&p[i], l, 1, LOOP_READ, probe_take);
		p[i].stop_at = 1;
	}
	/* What was collected is neither called any more nor lost. */
	for (unsigned n = 1; n <= ARRAY_SIZE(p); n++) {
		T_EQ(loop_run(l), 1);
		T_EQ(p[0].n_calls + p[1].n_calls + p[2].n_calls, n);
	}
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		probe_close(&p[i]);
}

/* More than fit in the queues of io_uring, several times; multishot or not. */
static void test_many_sources(void)
{
	static const uint32_t variants[] = { LOOP_READ, LOOP_READ | LOOP_DRAIN };
	static struct probe p[400];

	for (size_t v = 0; v < ARRAY_SIZE(variants); v++) {
		_cleanup_(loop_freep) struct loop *l = t_loop_new();

		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			probe_open(&p[i], l, 0, variants[v], probe_take);
		t_loop_run_ms(l, 1);
		for (unsigned n = 1; n <= 5; n++) {
			for (size_t i = 0; i < ARRAY_SIZE(p); i++)
				probe_post(&p[i], 1);
			t_loop_run_ms(l, 20);
			for (size_t i = 0; i < ARRAY_SIZE(p); i++)
				while (p[i].n_calls < n)
					t_loop_run_ms(l, 1);
		}
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			T_OK(loop_modify(p[i].source, LOOP_WRITE));
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			while (p[i].events != LOOP_WRITE)
				t_loop_run_ms(l, 1);
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			probe_close(&p[i]);
	}
}

static void test_refused_fds(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	_cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct loop_source *s = NULL;
	struct probe p;

	probe_open(&p, l, 0, LOOP_READ, probe_take);
	T_EQ(loop_add(l, p.fd, LOOP_READ, probe_take, &p, &s), -EEXIST);
	T_EQ(loop_add(l, file, LOOP_READ, probe_take, &p, &s), -EPERM);
	T_EQ(loop_add(l, -1, LOOP_READ, probe_take, &p, &s), -EBADF);
	T_ASSERT(!s);
	T_ASSERT(!loop_remove(NULL));
	probe_close(&p);
}

static void *run_in_thread(void *l)
{
	return (void *)(intptr_t)loop_run(l);
}

static void test_built_elsewhere(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b;
	pthread_t thread;
	void *result;

	probe_open(&a, l, 1, LOOP_READ, probe_take);
	probe_open(&b, l, 3, LOOP_READ | LOOP_DRAIN, probe_count);
	a.stop_at = 1;
	T_EQ(pthread_create(&thread, NULL, run_in_thread, l), 0);
	T_EQ(pthread_join(thread, &result), 0);
	T_EQ((intptr_t)result, 1);
	probe_close(&a);
	probe_close(&b);
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void test_interrupted_wait(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct itimerval often = { .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 };

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	t_loop_run_ms(l, 20);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	sigaction(SIGALRM, &old, NULL);
}

static long blocked_ms(struct loop *l, unsigned ms)
{
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	t_loop_run_ms(l, ms);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_nvcsw - before.ru_nvcsw;
}

/* Slept once, for all of the time. Other reasons to sleep are rare: three attempts. */
static void test_idle(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct probe a, b;
	long n;

	probe_open(&a, l, 0, LOOP_READ, probe_take);
	probe_open(&b, l, 0, LOOP_READ | LOOP_DRAIN, probe_take);
	t_loop_run_ms(l, 1);
	for (int i = 0; i < 3; i++) {
		n = blocked_ms(l, 300);
		if (n == 1)
			break;
	}
	T_EQ(n, 1);
	T_EQ(a.n_calls + b.n_calls, 0);
	probe_close(&a);
	probe_close(&b);
}

/* At each number of them that does not suffice, and after that it works again. */
static void test_few_descriptors(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit before, few;
	int r = -EMFILE;

	T_ASSERT(fd >= 0);
	close(fd);
	T_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (few.rlim_cur = (rlim_t)fd; r == -EMFILE; few.rlim_cur++) {
		struct loop *another = NULL;

		T_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = loop_new(loop_name(l), &another);
		T_ASSERT(r == -EMFILE ? !another : r >= 0);
		loop_free(another);
	}
	T_ASSERT(few.rlim_cur > (rlim_t)fd + 1);
	T_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void suite(void)
{
	t_run(test_level_triggered);
	t_run(test_events_are_those_wanted);
	t_run(test_hang_up);
	t_run(test_drain);
	t_run(test_drain_takes_one_read);
	t_run(test_add_in_callback);
	t_run(test_again_comes_without_events);
	t_run(test_again_is_fair);
	t_run(test_stop_is_at_once);
	t_run(test_many_sources);
	t_run(test_refused_fds);
	t_run(test_built_elsewhere);
	t_run(test_interrupted_wait);
	t_run(test_idle);
	t_run(test_few_descriptors);
}

int main(void)
{
	return t_over_loops(suite);
}
