/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend on libevent_core. Its events are persistent and level-triggered and do nothing
 * but note that a source is ready; loop.c calls the callbacks after event_base_loop() is
 * through, so libevent never sees a source vanish under it.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"
#include "loop/backend.h"

struct libevent_loop {
	struct loop loop;
	struct event_base *base;
};

struct libevent_source {
	struct loop_source source;
	struct event event;
	short watched; /* EV_READ, EV_WRITE; 0 = the event is not added */
};

static struct libevent_loop *to_loop(struct loop *l)
{
	return container_of(l, struct libevent_loop, loop);
}

static struct libevent_source *to_source(struct loop_source *s)
{
	return container_of(s, struct libevent_source, source);
}

/* Libevent ends the process when it has no descriptors for its own socket pair. It needs three. */
static int try_descriptors(void)
{
	int fds[4], n = 0, r = 0;

	while (r >= 0 && n < (int)ARRAY_SIZE(fds)) {
		fds[n] = eventfd(0, EFD_CLOEXEC);
		if (fds[n] < 0)
			r = -errno;
		else
			n++;
	}
	while (n)
		close(fds[--n]);
	return r;
}

static int libevent_init(struct loop *l, const char **ret_reason)
{
	struct event_config *config;
	struct event_base *base = NULL;
	int r = try_descriptors();

	*ret_reason = "libevent cannot be set up";
	if (r < 0)
		return r;
	config = event_config_new();
	errno = ENOMEM;
	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	if (!base)
		return -errno;
	to_loop(l)->base = base;
	return 0;
}

static void libevent_deinit(struct loop *l)
{
	if (to_loop(l)->base)
		event_base_free(to_loop(l)->base);
}

static void on_event(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	loop_ready(userdata, (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

static void libevent_remove(struct loop_source *s)
{
	struct libevent_source *source = to_source(s);

	if (source->watched)
		event_del(&source->event);
	source->watched = 0;
}

static int libevent_update(struct loop_source *s)
{
	struct libevent_source *source = to_source(s);
	short wanted = (short)((s->events & LOOP_READ ? EV_READ : 0) | (s->events & LOOP_WRITE ? EV_WRITE : 0));

	if (wanted == source->watched)
		return 0;
	libevent_remove(s);
	if (!wanted)
		return 0;
	errno = ENOMEM;
	if (event_assign(&source->event, to_loop(s->loop)->base, s->fd, wanted | EV_PERSIST, on_event, s) < 0 ||
	    event_add(&source->event, NULL) < 0)
		return -errno;
	source->watched = wanted;
	return 0;
}

static int libevent_wait(struct loop *l, bool block)
{
	int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (block ? 0 : EVLOOP_NONBLOCK);

	errno = EIO;
	return event_base_loop(to_loop(l)->base, flags) < 0 ? -errno : 0;
}

const struct loop_backend loop_libevent_backend = {
	.name = "libevent",
	.loop_size = sizeof(struct libevent_loop),
	.source_size = sizeof(struct libevent_source),
	.init = libevent_init,
	.deinit = libevent_deinit,
	.update = libevent_update,
	.remove = libevent_remove,
	.wait = libevent_wait,
};
