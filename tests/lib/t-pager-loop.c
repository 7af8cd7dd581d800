/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-pager-loop.h"

#include "base/clock.h"
#include "t.h"

struct loop_source readable, timer, arrivals;
struct loop_source readable_there, timer_there;
struct loop *const there = (struct loop *)&readable_there;
int add_error, modify_error;
unsigned n_timer_calls;
bool rounds_last, rounds_are_shared;
struct round_end *listed;
struct inbox inbox;

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

int loop_set_timer(struct loop_source *s, uint64_t at_ns)
{
	n_timer_calls++;
	s->at_ns = at_ns;
	return 0;
}

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

void arrive(void)
{
	arrivals.fn(&arrivals, LOOP_READ, arrivals.userdata);
}

void tick(void)
{
	T_ASSERT(timer.at_ns);
	while (clock_now_ns() < timer.at_ns)
		t_sleep_ms(1);
	timer.at_ns = 0;
	timer.fn(&timer, LOOP_READ, timer.userdata);
}
