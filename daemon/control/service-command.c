/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods of a space that take time: checked here, done by the owner of the service, answered
 * when he says so. A call belongs to him from on_space_command() until service_call_reply().
 * The service only knows which calls wait; when the bus or the service goes, it lets go of
 * their messages, and what is left of a call is freed by its reply.
 */
#include "control/service-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"

/* Each occupies whoever does it; one sender shall not shut out the others. */
#define MAX_CALLS 64
#define MAX_CALLS_PER_SENDER 8

struct service_call {
	TAILQ_ENTRY(service_call) link;
	struct service *service; /* NULL: nobody waits any more; then not in its list either */
	sd_bus_message *message;
	enum space_command command;
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

static const char *service_error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ ENOENT, SERVICE_ERROR_NO_SUCH_DEVICE },
		{ EEXIST, SERVICE_NAME ".Error.DeviceExists" },
		{ EBUSY, SERVICE_NAME ".Error.DeviceBusy" },
		{ ENODEV, SERVICE_ERROR_DEVICE_GONE },
		{ ENXIO, SERVICE_NAME ".Error.NotBoundToVfio" },
		{ ETIMEDOUT, SERVICE_NAME ".Error.Timeout" },
		{ ESTALE, SERVICE_ERROR_SPACE_CLOSED },
		{ EINVAL, SERVICE_NAME ".Error.ConfigInvalid" },
		{ ENOSPC, SERVICE_NAME ".Error.LimitExceeded" },
		{ EINPROGRESS, SERVICE_NAME ".Error.Draining" },
		{ EOPNOTSUPP, SD_BUS_ERROR_NOT_SUPPORTED },
		{ ENOMEM, SERVICE_NAME ".Error.MemlockExceeded" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			return names[i].name;
	return NULL;
}

static void reply_error(const struct service_call *c, int error)
{
	const char *member = sd_bus_message_get_member(c->message), *path = sd_bus_message_get_path(c->message);

	if (error == ESTALE)
		sd_bus_reply_method_errorf(c->message, SERVICE_ERROR_SPACE_CLOSED, "%s: %s is not open.", member, path);
	else if (error == ERANGE)
		sd_bus_reply_method_errorf(c->message, SERVICE_ERROR_INVALID_RANGE, "%s: not in this region.", member);
	else
		sd_bus_reply_method_errnof(c->message, error, "%s of %s: %s.", member, path, strerror(error));
}

/* What cannot be sent is an error of the connection, which the next round of the loop meets. */
void service_call_reply(struct service_call *c, int result, uint64_t bytes)
{
	struct service *s = c->service;

	if (s) {
		if (result < 0)
			reply_error(c, -result);
		else if (c->command == SPACE_FLUSH)
			sd_bus_reply_method_return(c->message, NULL);
		else
			sd_bus_reply_method_return(c->message, "t", bytes);
		let_go(c);
		service_arm(s);
	}
	free(c);
}

void service_call_fail(struct service_call *c, int error, const char *text)
{
	struct service *s = c->service;

	if (s) {
		const char *name = service_error_name(error);

		if (name)
			sd_bus_reply_method_errorf(c->message, name, "%s", text);
		else
			sd_bus_reply_method_errnof(c->message, error, "%s", text);
		let_go(c);
		service_arm(s);
	}
	free(c);
}

void service_call_reply_device(struct service_call *c, const struct device_entry *e)
{
	struct service *s = c->service;

	if (s) {
		_cleanup_free_ char *path = service_path(SERVICE_DEVICE_PREFIX, e->name);

		if (path)
			sd_bus_reply_method_return(c->message, "o", path);
		else
			sd_bus_reply_method_errno(c->message, -ENOMEM, NULL);
		let_go(c);
		service_arm(s);
	}
	free(c);
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

/* What one message asks for. */
struct request {
	struct space_entry *space;
	size_t region; /* SIZE_MAX = all */
	enum space_command command;
	uint64_t offset;
	uint64_t length;
};

static int check_open(const struct request *q, sd_bus_error *ret_error)
{
	const struct space_entry *e = q->space;

	for (size_t i = 0; i < e->n_regions; i++)
		if ((q->region == SIZE_MAX || q->region == i) && !e->regions[i].policy)
			return service_space_closed(e, ret_error);
	return 0;
}

static int check_range(const struct request *q, sd_bus_error *ret_error)
{
	const struct region_entry *region = &q->space->regions[q->region];

	if (!q->length || q->length > region->length || q->offset > region->length - q->length)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_INVALID_RANGE,
					 "%" PRIu64 " bytes from %" PRIu64 " are not in region %s/%s, which has %" PRIu64
					 ".", q->length, q->offset, q->space->name, region->name, region->length);
	if ((q->offset | q->length) % region->granule)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_INVALID_RANGE,
					 "Offset and length are no multiples of the granule of region %s/%s, %" PRIu64 ".",
					 q->space->name, region->name, region->granule);
	return 0;
}

/* Finds the region, or all of them. */
static int find_region(struct request *q, const char *name, sd_bus_error *ret_error)
{
	if (q->command == SPACE_FLUSH && !*name) {
		q->region = SIZE_MAX;
		return 0;
	}
	q->region = service_region_at(q->space, name);
	return q->region < q->space->n_regions ? 0 : service_no_such_region(q->space, name, ret_error);
}

static int read_request(const struct service *s, sd_bus_message *m, struct request *q, sd_bus_error *ret_error)
{
	const char *name, *path = sd_bus_message_get_path(m);
	int r;

	q->space = service_space_at(s, path);
	if (!q->space)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_NO_SUCH_SPACE, "%s is gone.", path);
	r = sd_bus_message_read(m, "s", &name);
	if (r >= 0 && q->command != SPACE_FLUSH)
		r = sd_bus_message_read(m, "tt", &q->offset, &q->length);
	if (r >= 0)
		r = find_region(q, name, ret_error);
	if (r >= 0 && q->command != SPACE_FLUSH)
		r = check_range(q, ret_error);
	return r < 0 ? r : check_open(q, ret_error);
}

static int run(struct service *s, sd_bus_message *m, enum space_command command, sd_bus_error *ret_error)
{
	struct request q = { .command = command };
	struct service_call *c;
	int r;

	r = read_request(s, m, &q, ret_error);
	if (r < 0)
		return r;
	if (!s->hooks.on_space_command)
		return sd_bus_error_set(ret_error, SD_BUS_ERROR_NOT_SUPPORTED, "Nobody is there to do it.");
	if (too_many_calls(s, sd_bus_message_get_sender(m)))
		return sd_bus_error_set(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					"Too many calls to flush, trim or prefault have not ended yet.");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->service = s;
	c->message = sd_bus_message_ref(m);
	c->command = command;
	TAILQ_INSERT_TAIL(&s->calls, c, link);
	s->hooks.on_space_command(s->hooks.userdata, q.space, q.region, command, q.offset, q.length, c);
	return 1;
}

static int flush_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	return run(s, m, SPACE_FLUSH, ret_error);
}

static int trim_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	return run(s, m, SPACE_TRIM, ret_error);
}

static int prefault_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	return run(s, m, SPACE_PREFAULT, ret_error);
}

int service_space_flush(sd_bus_message *m, void *userdata SERVICE_UNUSED, sd_bus_error *ret_error)
{
	return service_admin_run(service_current(sd_bus_message_get_bus(m)), m, flush_allowed, ret_error);
}

int service_space_trim(sd_bus_message *m, void *userdata SERVICE_UNUSED, sd_bus_error *ret_error)
{
	return service_admin_run(service_current(sd_bus_message_get_bus(m)), m, trim_allowed, ret_error);
}

int service_space_prefault(sd_bus_message *m, void *userdata SERVICE_UNUSED, sd_bus_error *ret_error)
{
	return service_admin_run(service_current(sd_bus_message_get_bus(m)), m, prefault_allowed, ret_error);
}
