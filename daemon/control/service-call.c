/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call belongs to the owner of the service from the hook until his answer. The service
 * only knows which calls wait; when the bus or the service goes, it lets go of their
 * messages, and what is left of a call is freed by its answer.
 */
#include "control/service-call.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "control/service-error.h"

/* Each occupies whoever does it. */
#define MAX_CALLS 64
#define MAX_CALLS_PER_SENDER 8

struct service_call {
	TAILQ_ENTRY(service_call) link;
	struct service *service; /* NULL: nobody waits any more; then not in its list either */
	sd_bus_message *message;
	enum service_reply reply;
};

static void let_go(struct service_call *c)
{
	TAILQ_REMOVE(&c->service->calls, c, link);
	c->service = NULL;
	c->message = sd_bus_message_unref(c->message);
}

void service_calls_let_go(struct service *s)
{
	while (!TAILQ_EMPTY(&s->calls))
		let_go(TAILQ_FIRST(&s->calls));
}

void service_calls_refuse(struct service *s)
{
	const struct service_call *c;

	TAILQ_FOREACH(c, &s->calls, link)
		sd_bus_reply_method_errorf(c->message, SERVICE_ERROR_SPACE_CLOSED, "The daemon stops.");
}

/* What cannot be sent is an error of the connection, which the next round of the loop meets. */
static void finish(struct service_call *c)
{
	struct service *s = c->service;

	if (s) {
		let_go(c);
		service_arm(s);
	}
	free(c);
}

static bool is_of_space(const struct service_call *c)
{
	return !strncmp(sd_bus_message_get_path(c->message), SERVICE_SPACE_PREFIX, strlen(SERVICE_SPACE_PREFIX));
}

/* What a space could not do is the errno of a file or of memory, and keeps that name. */
static void reply_errno(const struct service_call *c, int error)
{
	const char *member = sd_bus_message_get_member(c->message), *path = sd_bus_message_get_path(c->message);
	const char *name = service_error_name(error);

	if (is_of_space(c) && error == ESTALE)
		sd_bus_reply_method_errorf(c->message, name, "%s: %s is not open.", member, path);
	else if (is_of_space(c) && error == ERANGE)
		sd_bus_reply_method_errorf(c->message, name, "%s: not in this region.", member);
	else if (name && !is_of_space(c))
		sd_bus_reply_method_errorf(c->message, name, "%s of %s: %s.", member, path, strerror(error));
	else
		sd_bus_reply_method_errnof(c->message, error, "%s of %s: %s.", member, path, strerror(error));
}

/* Who is answered has been told what changed. False: nobody waits any more. */
static bool begin_reply(const struct service_call *c)
{
	if (c->service)
		service_tell_changes(c->service);
	return c->service;
}

void service_call_reply(struct service_call *c, int result, uint64_t bytes)
{
	assert(result < 0 || c->reply != SERVICE_REPLY_DEVICE);
	if (!begin_reply(c))
		;
	else if (result < 0)
		reply_errno(c, -result);
	else if (c->reply == SERVICE_REPLY_BYTES)
		sd_bus_reply_method_return(c->message, "t", bytes);
	else
		sd_bus_reply_method_return(c->message, NULL);
	finish(c);
}

void service_call_fail(struct service_call *c, int error, const char *text)
{
	const char *name = service_error_name(error);
	bool waits = begin_reply(c);

	if (waits && name)
		sd_bus_reply_method_errorf(c->message, name, "%s", text);
	else if (waits)
		sd_bus_reply_method_errnof(c->message, error, "%s", text);
	finish(c);
}

void service_call_reply_device(struct service_call *c, const struct device_entry *e)
{
	_cleanup_free_ char *path = service_path(SERVICE_DEVICE_PREFIX, e->name);

	assert(c->reply == SERVICE_REPLY_DEVICE);
	if (begin_reply(c) && path)
		sd_bus_reply_method_return(c->message, "o", path);
	else if (c->service)
		sd_bus_reply_method_errno(c->message, -ENOMEM, NULL);
	finish(c);
}

static bool too_many_calls(const struct service *s, const char *sender)
{
	const struct service_call *c;
	unsigned n = 0, n_of_sender = 0;

	TAILQ_FOREACH(c, &s->calls, link) {
		n++;
		n_of_sender += !strcmp(sd_bus_message_get_sender(c->message), sender);
	}
	return n >= MAX_CALLS || n_of_sender >= MAX_CALLS_PER_SENDER;
}

int service_call_new(struct service *s, sd_bus_message *m, enum service_reply reply, struct service_call **ret,
		     sd_bus_error *ret_error)
{
	struct service_call *c;

	if (too_many_calls(s, sd_bus_message_get_sender(m)))
		return sd_bus_error_set(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many calls have not ended yet.");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->service = s;
	c->message = sd_bus_message_ref(m);
	c->reply = reply;
	TAILQ_INSERT_TAIL(&s->calls, c, link);
	*ret = c;
	return 0;
}
