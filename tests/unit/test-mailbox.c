/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two threads, each with a loop where it receives, over each backend; also what one thread alone can see of
 * the ring. To be run under the thread sanitizer as well.
 */
#include "loop/mailbox.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/util.h"
#include "loops.h"
#include "t.h"

#define N_MESSAGES 1000000
#define N_ROUND_TRIPS 20000

static uintptr_t n_received; /* the receiver's alone */

static void on_number(void *arg)
{
	T_EQ((uintptr_t)arg, n_received);
	n_received++;
}

static void on_stop(void *arg)
{
	loop_stop(arg, 7);
}

static void *run(void *l)
{
	return (void *)(intptr_t)loop_run(l);
}

static void post_wait(struct mailbox *m, mail_fn fn, void *arg)
{
	int r;

	while ((r = mailbox_post(m, fn, arg)) == -EAGAIN)
		sched_yield();
	T_OK(r);
}

static void join(pthread_t thread)
{
	void *result;

	T_EQ(pthread_join(thread, &result), 0);
	T_EQ((intptr_t)result, 7);
}

static void test_all_come_in_order(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct mailbox m = MAILBOX_INIT;
	pthread_t thread;

	n_received = 0;
	T_OK(mailbox_init(&m, 256));
	T_OK(mailbox_receive(&m, l));
	T_EQ(pthread_create(&thread, NULL, run, l), 0);
	for (uintptr_t i = 0; i < N_MESSAGES; i++)
		post_wait(&m, on_number, (void *)i);
	post_wait(&m, on_stop, l);
	join(thread);
	T_EQ(n_received, N_MESSAGES);
	mailbox_deinit(&m);
}

/* Both sides sleep until the other one posts: a lost wake-up would never end. */
struct player {
	struct loop *loop;
	struct mailbox box;
	struct player *other;
	unsigned n_left;
};

static void on_ball(void *arg)
{
	struct player *p = arg;

	if (p->n_left--)
		T_OK(mailbox_post(&p->other->box, on_ball, p->other));
	else
		loop_stop(p->loop, 7);
}

static void test_no_wake_up_is_lost(void)
{
	struct player a = { .n_left = N_ROUND_TRIPS, .box = MAILBOX_INIT };
	struct player b = { .n_left = N_ROUND_TRIPS, .box = MAILBOX_INIT };
	struct player *both[] = { &a, &b };
	pthread_t thread;

	a.other = &b;
	b.other = &a;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		both[i]->loop = t_loop_new();
		T_OK(mailbox_init(&both[i]->box, 2));
		T_OK(mailbox_receive(&both[i]->box, both[i]->loop));
	}
	T_OK(mailbox_post(&a.box, on_ball, &a));
	T_EQ(pthread_create(&thread, NULL, run, b.loop), 0);
	T_EQ(loop_run(a.loop), 7);
	T_OK(mailbox_post(&b.box, on_stop, b.loop));
	join(thread);
	T_EQ(b.n_left, 0);

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		mailbox_deinit(&both[i]->box);
		loop_free(both[i]->loop);
	}
}

static int on_timer(struct loop_source *s, uint32_t events, void *userdata)
{
	(void)events;
	T_OK(loop_set_timer(s, 1));
	loop_stop(userdata, 0);
	return 0;
}

static void test_full_ring(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct loop_source *timer;
	struct mailbox m = MAILBOX_INIT;

	n_received = 0;
	T_OK(mailbox_init(&m, 5));
	T_EQ(m.capacity, 8);
	for (uintptr_t i = 0; i < 8; i++)
		T_OK(mailbox_post(&m, on_number, (void *)i));
	T_EQ(mailbox_post(&m, on_stop, l), -EAGAIN);

	/* Posted before anybody received: still delivered, and then there is room again. */
	T_OK(mailbox_receive(&m, l));
	T_OK(loop_add_timer(l, on_timer, l, &timer));
	T_OK(loop_set_timer(timer, 1));
	while (n_received < 8)
		T_EQ(loop_run(l), 0);
	T_ASSERT(!loop_remove(timer));
	T_OK(mailbox_post(&m, on_stop, l));
	T_EQ(loop_run(l), 7);
	mailbox_deinit(&m);
}

static uint64_t wakes(const struct mailbox *m)
{
	uint64_t n;

	return read(m->wake_fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void test_wakes_only_a_sleeper(void)
{
	struct mailbox m = MAILBOX_INIT;

	n_received = 0;
	T_OK(mailbox_init(&m, 16));
	for (uintptr_t i = 0; i < 10; i++)
		T_OK(mailbox_post(&m, on_number, (void *)i));
	T_EQ(wakes(&m), 1);
	T_EQ(wakes(&m), 0);
	mailbox_deinit(&m);
	T_EQ(n_received, 0);
}

static int on_writable(struct loop_source *s, uint32_t events, void *userdata)
{
	(void)events;
	/* The first round, or the one after it: a burst in the ring is not in the way. */
	T_ASSERT(n_received < 500);
	*(struct loop_source **)userdata = loop_remove(s);
	return 0;
}

static void test_others_get_their_turn(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct mailbox m = MAILBOX_INIT;
	struct loop_source *s;
	int fds[2];

	n_received = 0;
	T_EQ(pipe(fds), 0);
	T_OK(mailbox_init(&m, 1024));
	T_OK(mailbox_receive(&m, l));
	T_OK(loop_add(l, fds[1], LOOP_WRITE, on_writable, &s, &s));
	for (uintptr_t i = 0; i < 1000; i++)
		T_OK(mailbox_post(&m, on_number, (void *)i));
	T_OK(mailbox_post(&m, on_stop, l));
	T_EQ(loop_run(l), 7);
	T_EQ(n_received, 1000);
	T_ASSERT(!s);
	mailbox_deinit(&m);
	close(fds[0]);
	close(fds[1]);
}

static void test_half_built(void)
{
	struct mailbox m = MAILBOX_INIT;

	mailbox_deinit(&m);
	T_EQ(mailbox_init(&m, SIZE_MAX), -ENOMEM);
	mailbox_deinit(&m);
	T_OK(mailbox_init(&m, 0));
	T_EQ(m.capacity, 1);
	mailbox_deinit(&m);
	T_EQ(m.wake_fd, -1);
}

static void suite(void)
{
	t_run(test_half_built);
	t_run(test_full_ring);
	t_run(test_wakes_only_a_sleeper);
	t_run(test_others_get_their_turn);
	t_run(test_no_wake_up_is_lost);
	t_run(test_all_come_in_order);
}

int main(void)
{
	return t_over_loops(suite);
}
