/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loops.h"

#include <dlfcn.h>
#include <linux/io_uring.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/util.h"
#include "t.h"

static const char *backend;
static unsigned refused_flags;

static struct {
	int error;
	unsigned times;
} submit_failure;

struct io_uring;
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params);

/* Stands in front of liburing's. */
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
	int (*real)(unsigned, struct io_uring *, struct io_uring_params *);

	if (params->flags & refused_flags)
		return -EINVAL;
	*(void **)&real = dlsym(RTLD_NEXT, "io_uring_queue_init_params");
	return real(entries, ring, params);
}

int io_uring_submit_and_get_events(struct io_uring *ring);

/* Likewise. */
int io_uring_submit_and_get_events(struct io_uring *ring)
{
	int (*real)(struct io_uring *);

	if (submit_failure.times) {
		submit_failure.times--;
		return -submit_failure.error;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "io_uring_submit_and_get_events");
	return real(ring);
}

void t_loop_fail_submits(int error, unsigned times)
{
	submit_failure.error = error;
	submit_failure.times = times;
}

static void run_suite(const char *name, unsigned refuse, void (*suite)(void))
{
	backend = name;
	refused_flags = refuse;
	printf("# %s, refused set-up flags 0x%x\n", name, refuse);
	suite();
}

static bool is_built_in(const char *name)
{
	for (const char *const *n = loop_names(); *n; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return false;
}

int t_over_loops(void (*suite)(void))
{
	static const unsigned refuse[] = {
		0,
		IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN,
	};
	struct loop *l;
	int r;

	run_suite("libevent", 0, suite);
	if (!is_built_in("io_uring"))
		return 0;
	r = loop_new("io_uring", &l);
	if (r < 0)
		t_skip("the io_uring half: not allowed here: %s", strerror(-r));
	loop_free(l);
	for (size_t i = 0; i < ARRAY_SIZE(refuse); i++)
		run_suite("io_uring", refuse[i], suite);
	return 0;
}

struct loop *t_loop_new(void)
{
	struct loop *l;

	T_OK(loop_new(backend, &l));
	T_STREQ(loop_name(l), backend);
	T_ASSERT(!loop_fallback(l));
	return l;
}

static int stop_with_zero(struct loop_source *s, uint32_t events, void *userdata)
{
	(void)s;
	(void)events;
	loop_stop(userdata, 0);
	return 0;
}

void t_loop_run_ms(struct loop *l, unsigned ms)
{
	struct loop_source *timer;

	T_OK(loop_add_timer(l, stop_with_zero, l, &timer));
	T_OK(loop_set_timer(timer, clock_now_ns() + ms * NSEC_PER_MSEC));
	T_EQ(loop_run(l), 0);
	loop_remove(timer);
}

void probe_open(struct probe *p, struct loop *l, unsigned n, uint32_t events, loop_fn fn)
{
	*p = (struct probe){ .loop = l, .fd = eventfd(n, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE) };
	T_ASSERT(p->fd >= 0);
	T_OK(loop_add(l, p->fd, events, fn, p, &p->source));
}

void probe_close(struct probe *p)
{
	p->source = loop_remove(p->source);
	close_fd(&p->fd);
}

void probe_post(const struct probe *p, uint64_t n)
{
	T_EQ(write(p->fd, &n, sizeof(n)), sizeof(n));
}

int probe_count(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;

	T_ASSERT(!p->source || s == p->source);
	p->n_calls++;
	p->events = events;
	if (p->n_calls == p->stop_at)
		loop_stop(p->loop, (int)p->n_calls);
	if (!p->n_again)
		return 0;
	p->n_again--;
	return LOOP_AGAIN;
}

int probe_take(struct loop_source *s, uint32_t events, void *userdata)
{
	struct probe *p = userdata;
	uint64_t n;

	if (events & LOOP_READ)
		(void)!read(p->fd, &n, sizeof(n));
	return probe_count(s, events, p);
}
