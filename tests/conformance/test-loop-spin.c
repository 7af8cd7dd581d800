/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What loop_set_spin() promises, over each backend: the source that had something is asked
 * again before the loop sleeps, nobody else waits for it, and a loop in which nothing is
 * found any more sleeps.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "loops.h"
#include "t.h"

#define LONG_NS (100 * (int64_t)NSEC_PER_MSEC)

struct queue {
	struct loop *loop;
	struct loop_source *source;
	int fd;
	unsigned n_asked;  /* without an event */
	unsigned n_found;
	unsigned feed;     /* posts to itself that are left, made when it is asked in vain */
	unsigned stop_at;  /* finds */
};

static int on_queue(struct loop_source *s, uint32_t events, void *userdata)
{
	struct queue *q = userdata;
	uint64_t n;

	(void)s;
	q->n_asked += !events;
	if (read(q->fd, &n, sizeof(n)) != sizeof(n)) {
		if (!events && q->feed) {
			q->feed--;
			T_EQ(eventfd_write(q->fd, 1), 0);
		}
		return 0;
	}
	if (++q->n_found == q->stop_at)
		loop_stop(q->loop, (int)q->n_found);
	return LOOP_FOUND;
}

static void queue_open(struct queue *q, struct loop *l, int64_t spin_ns)
{
	*q = (struct queue){ .loop = l, .fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC) };
	T_OK(q->fd);
	T_OK(loop_add(l, q->fd, LOOP_READ | LOOP_DRAIN, on_queue, q, &q->source));
	loop_set_spin(q->source, spin_ns);
}

static void queue_close(struct queue *q)
{
	q->source = loop_remove(q->source);
	close(q->fd);
}

/* What nobody announces by an event is found only by asking: each find here but the first is
 * posted by the callback that was asked in vain just before. */
static void finds_while_it_spins(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct queue q;

	queue_open(&q, l, LONG_NS);
	q.feed = 20;
	q.stop_at = 21;
	T_EQ(loop_run(l), 21);
	T_ASSERT(q.n_asked > 20);
	queue_close(&q);
}

static void does_not_spin_unless_told(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct queue q;

	queue_open(&q, l, 0);
	t_loop_run_ms(l, 20);
	T_EQ(q.n_found, 1);
	T_EQ(q.n_asked, 0);
	queue_close(&q);
}

/* The other one has an event at any time. */
static void others_are_served_meanwhile(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct queue q;
	struct probe p;

	queue_open(&q, l, LONG_NS);
	probe_open(&p, l, 50, LOOP_READ, probe_take);
	p.stop_at = 50;
	T_EQ(loop_run(l), 50);
	probe_close(&p);
	queue_close(&q);
}

/* After the one find a spin of 1 ms at most, then nobody is asked any more. */
static void sleeps_when_nothing_comes(void)
{
	static const int64_t spins[] = { LOOP_SPIN_AUTO, NSEC_PER_MSEC };

	for (size_t i = 0; i < ARRAY_SIZE(spins); i++) {
		_cleanup_(loop_freep) struct loop *l = t_loop_new();
		struct queue q;
		unsigned asked;

		queue_open(&q, l, spins[i]);
		t_loop_run_ms(l, 50);
		T_EQ(q.n_found, 1);
		asked = q.n_asked;
		t_loop_run_ms(l, 200);
		T_EQ(q.n_asked, asked);
		queue_close(&q);
	}
}

static int remove_when_asked(struct loop_source *s, uint32_t events, void *userdata)
{
	struct queue *q = userdata;
	uint64_t n;

	if (events && read(q->fd, &n, sizeof(n)) == sizeof(n))
		return LOOP_FOUND;
	q->n_asked++;
	q->source = loop_remove(s);
	loop_stop(q->loop, 7);
	return 0;
}

static void may_be_removed_by_its_callback(void)
{
	_cleanup_(loop_freep) struct loop *l = t_loop_new();
	struct queue q = { .loop = l, .fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC) };

	T_OK(q.fd);
	T_OK(loop_add(l, q.fd, LOOP_READ | LOOP_DRAIN, remove_when_asked, &q, &q.source));
	loop_set_spin(q.source, LONG_NS);
	T_EQ(loop_run(l), 7);
	T_EQ(q.n_asked, 1);
	T_ASSERT(!q.source);
	close(q.fd);
}

static void suite(void)
{
	t_run(finds_while_it_spins);
	t_run(does_not_spin_unless_told);
	t_run(others_are_served_meanwhile);
	t_run(sleeps_when_nothing_comes);
	t_run(may_be_removed_by_its_callback);
}

int main(void)
{
	return t_over_loops(suite);
}
