/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods of a space that take time: checked here, done by the owner of the service.
 */
#include "control/service-call.h"

#include <errno.h>
#include <inttypes.h>

#include "base/util.h"
#include "control/service-error.h"
#include "control/service-members.h"

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
		return service_gone(SERVICE_ERROR_NO_SUCH_SPACE, path, ret_error);
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
		return service_not_supported(ret_error);
	r = service_call_new(s, m, command == SPACE_FLUSH ? SERVICE_REPLY_NOTHING : SERVICE_REPLY_BYTES, &c, ret_error);
	if (r < 0)
		return r;
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

SERVICE_ADMIN_HANDLER(service_space_flush, flush_allowed)
SERVICE_ADMIN_HANDLER(service_space_trim, trim_allowed)
SERVICE_ADMIN_HANDLER(service_space_prefault, prefault_allowed)
