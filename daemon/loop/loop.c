/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources and rounds. A round collects what is ready, then calls each source that is
 * ready, or that asked to be called again, exactly once: so a source that always has more
 * to do delays the others by one callback, never for good. A source queued during a round
 * is called in the next one.
 *
 * Nothing of a source outlives loop_remove() but its slot's generation, by which a late
 * report of the kernel is told from one for the slot's next owner.
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "base/util.h"
#include "loop/backend.h"
#include "loop/spin.h"

#define EVENTS_MASK (LOOP_READ | LOOP_WRITE)

static int loop_create(const struct loop_backend *backend, struct loop **ret, const char **ret_reason)
{
	_cleanup_(loop_freep) struct loop *l = calloc(1, backend->loop_size);
	int r;

	if (!l) {
		*ret_reason = strerrordesc_np(ENOMEM);
		return -ENOMEM;
	}
	l->backend = backend;
	TAILQ_INIT(&l->ready);
	TAILQ_INIT(&l->clock.ends);
	r = backend->init(l, ret_reason);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

/* Each backend but the last may fail; the first one's reason is kept. */
static int loop_create_auto(struct loop **ret)
{
	const char *reason = loop_left_out;
	const char *why = NULL;
	int r = -EOPNOTSUPP;

	for (size_t i = 0; loop_backends[i]; i++) {
		r = loop_create(loop_backends[i], ret, &why);
		if (r >= 0)
			break;
		if (!reason)
			reason = why;
	}
	if (r >= 0 && reason)
		snprintf((*ret)->fallback, sizeof((*ret)->fallback), "%s", reason);
	return r;
}

int loop_new(const char *name, struct loop **ret)
{
	const char *reason;

	if (strcmp(name, "auto") == 0)
		return loop_create_auto(ret);
	for (size_t i = 0; loop_backends[i]; i++)
		if (strcmp(name, loop_backends[i]->name) == 0)
			return loop_create(loop_backends[i], ret, &reason);
	return -EINVAL;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	for (uint32_t i = 0; i < l->n_slots; i++)
		loop_remove(l->slots[i].source);
	l->backend->deinit(l);
	free(l->slots);
	free(l);
	return NULL;
}

const char *loop_name(const struct loop *l)
{
	return l->backend->name;
}

const char *loop_fallback(const struct loop *l)
{
	return *l->fallback ? l->fallback : NULL;
}

const char *const *loop_names(void)
{
	return loop_names_table;
}

static int slot_take(struct loop *l, struct loop_source *s)
{
	struct loop_slot *slots;
	uint32_t i, n;

	for (i = 0; i < l->n_slots && l->slots[i].source; i++)
		;
	if (i == l->n_slots) {
		n = l->n_slots ? l->n_slots * 2 : 16;
		slots = reallocarray(l->slots, n, sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		for (uint32_t j = l->n_slots; j < n; j++)
			slots[j] = (struct loop_slot){ .generation = 1 };
		l->slots = slots;
		l->n_slots = n;
	}
	l->slots[i].source = s;
	s->slot = i;
	return 0;
}

uint64_t loop_token(const struct loop_source *s)
{
	return (uint64_t)s->loop->slots[s->slot].generation << 32 | s->slot;
}

uint64_t loop_renew_token(struct loop_source *s)
{
	struct loop_slot *slot = &s->loop->slots[s->slot];

	if (!++slot->generation)
		slot->generation = 1;
	return loop_token(s);
}

struct loop_source *loop_find(const struct loop *l, uint64_t token)
{
	uint32_t slot = (uint32_t)token;

	if (slot >= l->n_slots || l->slots[slot].generation != token >> 32)
		return NULL;
	return l->slots[slot].source;
}

/* What epoll refuses to watch, refused for every backend at once instead of later. */
static int check_fd(const struct loop *l, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return -EPERM;
	for (uint32_t i = 0; i < l->n_slots; i++)
		if (l->slots[i].source && l->slots[i].source->fd == fd)
			return -EEXIST;
	return 0;
}

int loop_add(struct loop *l, int fd, uint32_t events, loop_fn fn, void *userdata, struct loop_source **ret)
{
	_cleanup_free_ struct loop_source *s = NULL;
	int r;

	r = check_fd(l, fd);
	if (r < 0)
		return r;
	s = calloc(1, l->backend->source_size);
	if (!s)
		return -ENOMEM;
	*s = (struct loop_source){ .loop = l, .fd = fd, .events = events, .fn = fn, .userdata = userdata };

	r = slot_take(l, s);
	if (r < 0)
		return r;
	r = l->backend->update(s);
	if (r < 0) {
		l->slots[s->slot].source = NULL;
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

int loop_modify(struct loop_source *s, uint32_t events)
{
	uint32_t before = s->events;
	int r;

	if (events == before)
		return 0;
	s->events = events;
	r = s->loop->backend->update(s);
	if (r < 0)
		s->events = before;
	return r;
}

void loop_set_spin(struct loop_source *s, int64_t ns)
{
	assert(!ns || s->events & LOOP_DRAIN);
	s->spin_ns = ns;
	if (!ns)
		spin_forget(s->loop, s);
}

struct loop_source *loop_remove(struct loop_source *s)
{
	struct loop *l;

	if (!s)
		return NULL;
	l = s->loop;
	l->backend->remove(s);
	loop_renew_token(s);
	l->slots[s->slot].source = NULL;
	if (s->queued)
		TAILQ_REMOVE(&l->ready, s, link);
	spin_forget(l, s);
	if (l->running == s)
		l->running_removed = true;
	if (s->owns_fd)
		close(s->fd);
	free(s);
	return NULL;
}

/* A source whose fd is made here and closed with it. */
static int add_owned(struct loop *l, int fd, loop_fn fn, void *userdata, struct loop_source **ret)
{
	_cleanup_close_ int owned = fd;
	int r;

	r = loop_add(l, owned, LOOP_READ, fn, userdata, ret);
	if (r < 0)
		return r;
	(*ret)->owns_fd = true;
	TAKE_FD(owned);
	return 0;
}

static int timer_on_ready(struct loop_source *s, uint32_t events, void *userdata)
{
	uint64_t n;

	/* Nothing to read: it was set anew or disarmed after its expiry had been collected. */
	if (events && read(s->fd, &n, sizeof(n)) < 0) {
		if (!s->again)
			return 0;
		events = 0;
	}
	return s->timer_fn(s, events, userdata);
}

int loop_add_timer(struct loop *l, loop_fn fn, void *userdata, struct loop_source **ret)
{
	int fd, r;

	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = add_owned(l, fd, timer_on_ready, userdata, ret);
	if (r < 0)
		return r;
	(*ret)->timer_fn = fn;
	return 0;
}

int loop_set_timer(struct loop_source *s, uint64_t at_ns)
{
	struct itimerspec t = {
		.it_value.tv_sec = (time_t)(at_ns / NSEC_PER_SEC),
		.it_value.tv_nsec = (long)(at_ns % NSEC_PER_SEC),
	};

	assert(s->fn == timer_on_ready);
	return timerfd_settime(s->fd, TFD_TIMER_ABSTIME, &t, NULL) < 0 ? -errno : 0;
}

/* One signal a round: the callback may remove the source, and what was read would be lost. */
static int signals_on_ready(struct loop_source *s, uint32_t events, void *userdata)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->fd, &info, sizeof(info)) == sizeof(info))
		s->signal_fn((int)info.ssi_signo, userdata);
	return 0;
}

int loop_add_signals(struct loop *l, const sigset_t *signals, loop_signal_fn fn, void *userdata,
		     struct loop_source **ret)
{
	int fd, r;

	fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = add_owned(l, fd, signals_on_ready, userdata, ret);
	if (r < 0)
		return r;
	(*ret)->signal_fn = fn;
	return 0;
}

void loop_ready(struct loop_source *s, uint32_t events)
{
	s->ready |= events;
	if (s->queued)
		return;
	s->queued = true;
	s->round = s->loop->round;
	TAILQ_INSERT_TAIL(&s->loop->ready, s, link);
}

bool loop_call(struct loop *l, struct loop_source *s, uint32_t events)
{
	int outcome;

	l->running = s;
	l->running_removed = false;
	outcome = s->fn(s, events, s->userdata);
	l->running = NULL;
	if (l->running_removed)
		return true;
	s->again = outcome == LOOP_AGAIN;
	if (outcome == LOOP_AGAIN)
		loop_ready(s, 0);
	if (outcome) {
		spin_found(l, s);
		round_found(l, s);
	}
	return outcome;
}

static void source_call(struct loop *l, struct loop_source *s)
{
	uint32_t events = s->ready & s->events & EVENTS_MASK;

	s->ready = 0;
	if (events || s->again)
		loop_call(l, s, events);
}

/* What a stop leaves uncalled stays queued for the next loop_run(). */
static void loop_dispatch(struct loop *l)
{
	struct loop_source *s;

	l->round++;
	while (!l->stopped && (s = TAILQ_FIRST(&l->ready)) && s->round != l->round) {
		TAILQ_REMOVE(&l->ready, s, link);
		s->queued = false;
		round_go_on(l);
		source_call(l, s);
	}
	round_finish(l);
}

int loop_run(struct loop *l)
{
	int r;

	while (!l->stopped) {
		bool idle = TAILQ_EMPTY(&l->ready);

		if (idle)
			l->clock.now_ns = 0;
		r = idle && l->spin.source ? spin_wait(l) : l->backend->wait(l, idle);
		if (r < 0)
			return r;
		loop_dispatch(l);
	}
	l->stopped = false;
	return l->result;
}

void loop_stop(struct loop *l, int result)
{
	l->stopped = true;
	l->result = result;
}
