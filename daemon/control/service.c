/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to the bus: made, hooked into the control thread's loop, lost, made again.
 *
 * sd-bus wants to be asked for its fd, events and time-out before every sleep, so every way
 * out of this file ends in service_arm(). Nothing here waits for the bus, except
 * service_free() for a bounded time. The connection is never dropped while
 * sd_bus_process() is on the stack.
 */
#include "control/service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "control/service-error.h"
#include "control/service-internal.h"

#define MAX_MESSAGES 64 /* in one round of the loop, so that a flood starves nobody */
#define BACKOFF_MIN_NS (100 * NSEC_PER_MSEC)
#define BACKOFF_MAX_NS (30 * NSEC_PER_SEC)
#define FLUSH_NS (100 * NSEC_PER_MSEC)

/* Replies that the bus does not take wait here, some with a descriptor. With more than so many,
 * nothing is read that would add to them. */
#define MAX_UNSENT 128u

/* Replies to RequestName */
#define NAME_PRIMARY_OWNER 1u
#define NAME_ALREADY_OWNER 4u

static int service_on_readable(struct loop_source *source, uint32_t events, void *userdata);

static void service_set_timer(struct service *s, uint64_t at_ns)
{
	int r;

	if (at_ns == s->timer_ns)
		return;
	s->timer_ns = at_ns;
	r = loop_set_timer(s->timer, at_ns);
	if (r < 0)
		log_error_errno(r, "The timer of the bus connection failed");
}

static void service_disconnect(struct service *s)
{
	s->source = loop_remove(s->source);
	service_admin_reset(s);
	service_calls_let_go(s);
	s->bus = sd_bus_close_unref(s->bus);
	s->failure = 0;
	s->named = false;
}

/* Logged once, however long the outage lasts. */
static void service_lost(struct service *s, int error)
{
	if (!s->complained)
		log_warning_errno(error, "Not on the bus at %s, trying again", s->address);
	s->complained = true;
	service_disconnect(s);
	service_set_timer(s, clock_now_ns() + s->backoff_ns);
	s->backoff_ns = MIN(s->backoff_ns * 2, BACKOFF_MAX_NS);
}

static int service_watch(struct service *s, int fd, uint32_t events)
{
	int r = 0;

	/* The next of several addresses has a new fd. */
	if (s->source && s->source_fd != fd)
		s->source = loop_remove(s->source);
	if (!s->source)
		r = loop_add(s->loop, fd, events, service_on_readable, s, &s->source);
	else if (s->source_events != events)
		r = loop_modify(s->source, events);
	s->source_fd = fd;
	s->source_events = events;
	return r;
}

static bool is_stuffed(const struct service *s)
{
	uint64_t n;

	return sd_bus_get_n_queued_write(s->bus, &n) >= 0 && n > MAX_UNSENT;
}

static int service_arm_bus(struct service *s)
{
	uint64_t timeout_usec, at_ns;
	int fd, events, r;

	fd = sd_bus_get_fd(s->bus);
	if (fd < 0)
		return fd;
	events = sd_bus_get_events(s->bus);
	if (events < 0)
		return events;
	r = sd_bus_get_timeout(s->bus, &timeout_usec);
	if (r < 0)
		return r;
	if (is_stuffed(s)) {
		events = POLLOUT;
		timeout_usec = UINT64_MAX;
	}
	if (timeout_usec > UINT64_MAX / NSEC_PER_USEC)
		at_ns = 0;
	else
		at_ns = timeout_usec ? timeout_usec * NSEC_PER_USEC : 1; /* 0: at once */
	service_set_timer(s, at_ns);
	return service_watch(s, fd, (events & POLLIN ? LOOP_READ : 0) | (events & POLLOUT ? LOOP_WRITE : 0));
}

void service_arm(struct service *s)
{
	int r;

	if (!s->bus || s->dispatching)
		return;
	r = service_arm_bus(s);
	if (r < 0)
		service_lost(s, r);
}

static int service_dispatch(struct service *s, uint32_t events)
{
	int r = 0;

	s->dispatching = true;
	for (unsigned i = 0; i < MAX_MESSAGES && !s->failure; i++) {
		/* It writes before it reads. */
		r = is_stuffed(s) && !(events & LOOP_WRITE) ? 0 : sd_bus_process(s->bus, NULL);
		if (r <= 0)
			break;
	}
	s->dispatching = false;
	if (s->failure)
		r = s->failure;
	if (r < 0)
		service_lost(s, r);
	else
		service_arm(s);
	return s->bus && r > 0 ? LOOP_AGAIN : 0;
}

static int service_on_readable(struct loop_source *source, uint32_t events, void *userdata)
{
	(void)source;
	return service_dispatch(userdata, events);
}

static int on_name_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct service *s = userdata;
	uint32_t answer;
	int r;

	(void)ret_error;
	/* A policy that does not let us have the name may be mended while we run. */
	r = -sd_bus_message_get_errno(m);
	if (r >= 0)
		r = sd_bus_message_read(m, "u", &answer);
	if (r < 0) {
		s->failure = r;
		return 0;
	}
	if (answer != NAME_PRIMARY_OWNER && answer != NAME_ALREADY_OWNER) {
		if (s->hooks.on_name_taken)
			s->hooks.on_name_taken(s->hooks.userdata);
		return 0;
	}
	s->named = true;
	if (s->complained)
		log_notice("On the bus at %s again", s->address);
	s->complained = false;
	s->backoff_ns = BACKOFF_MIN_NS;
	return 0;
}

/* Not trusted: sd-bus shall check on every bus, as our own checks do. */
static int bus_new(const char *address, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_description(bus, "iopfd");
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_set_trusted(bus, 0);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bus);
	return 0;
}

static int service_connect(struct service *s)
{
	int r = bus_new(s->address, &s->bus);

	if (r >= 0)
		r = service_objects_add(s);
	if (r >= 0)
		r = sd_bus_request_name_async(s->bus, NULL, SERVICE_NAME, 0, on_name_reply, s);
	if (r >= 0)
		r = service_arm_bus(s);
	return r;
}

static int service_on_timer(struct loop_source *source, uint32_t events, void *userdata)
{
	struct service *s = userdata;
	int r;

	(void)source;
	(void)events;
	s->timer_ns = 0;
	if (s->bus)
		return service_dispatch(s, 0);
	r = service_connect(s);
	if (r < 0)
		service_lost(s, r);
	return 0;
}

/* Only sockets of this machine: a name that must be looked up would block, and over TCP
 * the bus knows nobody's credentials. */
static bool is_unix_address(const char *address)
{
	for (;;) {
		const char *end = strchrnul(address, ';');

		if (strncmp(address, "unix:", 5) || !memchr(address, '=', (size_t)(end - address)))
			return false;
		if (!*end)
			return true;
		address = end + 1;
	}
}

/* NULL: no bus is wanted. */
static int find_address(const char *address, char **ret)
{
	_cleanup_free_ char *found = NULL;
	const char *value, *runtime_dir;

	if (!strcmp(address, "none")) {
		*ret = NULL;
		return 0;
	}
	if (!strcmp(address, "system")) {
		value = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
		found = strdup(value ? value : "unix:path=/run/dbus/system_bus_socket");
	} else if (strcmp(address, "session")) {
		found = strdup(address);
	} else if ((value = secure_getenv("DBUS_SESSION_BUS_ADDRESS"))) {
		found = strdup(value);
	} else if ((runtime_dir = secure_getenv("XDG_RUNTIME_DIR"))) {
		if (asprintf(&found, "unix:path=%s/bus", runtime_dir) < 0)
			found = NULL;
	} else {
		return -EINVAL;
	}
	if (!found)
		return -ENOMEM;
	if (!is_unix_address(found))
		return -EINVAL;
	*ret = TAKE_PTR(found);
	return 0;
}

int service_check_bus(const char *bus)
{
	_cleanup_free_ char *address = NULL;

	return find_address(bus, &address);
}

/* Says goodbye; what the bus does not take in time is lost. */
static void service_flush(struct service *s)
{
	uint64_t now = clock_now_ns(), deadline = now + FLUSH_NS;

	s->dispatching = true;
	sd_bus_release_name_async(s->bus, NULL, SERVICE_NAME, NULL, NULL);
	for (; now < deadline; now = clock_now_ns()) {
		struct pollfd fd = { .fd = sd_bus_get_fd(s->bus), .events = POLLOUT };
		int events = sd_bus_get_events(s->bus);

		if (fd.fd < 0 || events < 0 || !(events & POLLOUT))
			break;
		if (poll(&fd, 1, (int)((deadline - now) / NSEC_PER_MSEC) + 1) <= 0 || sd_bus_process(s->bus, NULL) < 0)
			break;
	}
	s->dispatching = false;
}

struct service *service_free(struct service *s)
{
	if (!s)
		return NULL;
	if (s->bus) {
		service_tell_changes(s);
		service_calls_refuse(s);
		service_flush(s);
	}
	service_disconnect(s);
	loop_remove(s->timer);
	loop_remove(s->teller);
	free(s->address);
	free(s);
	return NULL;
}

int service_new(struct loop *l, const char *address, struct directory *directory, const struct service_hooks *hooks,
		struct service **ret)
{
	_cleanup_(service_freep) struct service *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->directory = directory;
	s->hooks = hooks ? *hooks : (struct service_hooks){ 0 };
	s->backoff_ns = BACKOFF_MIN_NS;
	TAILQ_INIT(&s->calls);
	kernel_features(s->kernel);
	service_admin_init(s);
	r = find_address(address, &s->address);
	if (r < 0)
		return r;
	if (s->address) {
		r = loop_add_timer(l, service_on_timer, s, &s->timer);
		if (r >= 0)
			r = service_changes_init(s);
		if (r >= 0)
			r = sd_bus_error_add_map(service_error_map);
		if (r < 0)
			return r;
		r = service_connect(s);
		/* What sd-bus says of an address that is wrong or too long for a socket. */
		if (r == -EINVAL || r == -E2BIG)
			return -EINVAL;
		if (r < 0)
			service_lost(s, r);
	}
	*ret = TAKE_PTR(s);
	return 0;
}
