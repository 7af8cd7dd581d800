/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done to a device on demand: checked here as far as it concerns the message, done
 * by the owner of the service.
 */
#include "control/service-call.h"

#include <inttypes.h>

#include "control/service-error.h"
#include "control/service-members.h"

#define PASID_MAX 0xfffffu

static int find(const struct service *s, sd_bus_message *m, struct device_entry **ret, sd_bus_error *ret_error)
{
	const char *path = sd_bus_message_get_path(m);

	*ret = service_device_at(s, path);
	return *ret ? 0 : service_gone(SERVICE_ERROR_NO_SUCH_DEVICE, path, ret_error);
}

static int run(struct service *s, sd_bus_message *m, struct device_entry *e, enum device_command command, uint64_t usec,
	       sd_bus_error *ret_error)
{
	struct service_call *c;
	int r;

	if (!s->hooks.on_device_command)
		return service_not_supported(ret_error);
	r = service_call_new(s, m, SERVICE_REPLY_NOTHING, &c, ret_error);
	if (r < 0)
		return r;
	s->hooks.on_device_command(s->hooks.userdata, e, command, usec, c);
	return 1;
}

/* What follows in the message are the flags. */
static int detach(struct service *s, sd_bus_message *m, struct device_entry *e, sd_bus_error *ret_error)
{
	uint64_t flags;
	int r = sd_bus_message_read(m, "t", &flags);

	if (r < 0)
		return r;
	if (flags)
		return service_invalid_args(ret_error, "Flags 0x%" PRIx64 " are unknown, expected 0.", flags);
	return run(s, m, e, DEVICE_COMMAND_DETACH, 0, ret_error);
}

static int detach_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	struct device_entry *e;
	int r = find(s, m, &e, ret_error);

	return r < 0 ? r : detach(s, m, e, ret_error);
}

static int detach_named_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	struct device_entry *e;
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	e = directory_device(s->directory, name);
	return e ? detach(s, m, e, ret_error) : service_no_such_device(name, ret_error);
}

/* With or without a time in the message. */
static int run_timed(struct service *s, sd_bus_message *m, enum device_command command, bool timed,
		     sd_bus_error *ret_error)
{
	struct device_entry *e;
	uint64_t usec = 0;
	int r = find(s, m, &e, ret_error);

	if (r >= 0 && timed)
		r = sd_bus_message_read(m, "t", &usec);
	return r < 0 ? r : run(s, m, e, command, usec, ret_error);
}

static int drain_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	return run_timed(s, m, DEVICE_COMMAND_DRAIN, true, ret_error);
}

static int pause_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	return run_timed(s, m, DEVICE_COMMAND_PAUSE, true, ret_error);
}

static int resume_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	return run_timed(s, m, DEVICE_COMMAND_RESUME, false, ret_error);
}

/* space_name NULL: detach. */
static int run_pasid(struct service *s, sd_bus_message *m, struct device_entry *e, uint32_t pasid,
		     const char *space_name, sd_bus_error *ret_error)
{
	struct space_entry *space = space_name ? directory_find_space(s->directory, space_name) : NULL;
	struct service_call *c;
	int r;

	if (!pasid || pasid > PASID_MAX)
		return service_invalid_args(ret_error, "PASID %" PRIu32 ": expected 1 to %u.", pasid, PASID_MAX);
	if (space_name && !space)
		return service_no_such_space(space_name, ret_error);
	if (!s->hooks.on_pasid)
		return service_not_supported(ret_error);
	r = service_call_new(s, m, SERVICE_REPLY_NOTHING, &c, ret_error);
	if (r < 0)
		return r;
	s->hooks.on_pasid(s->hooks.userdata, e, pasid, space, c);
	return 1;
}

static int attach_pasid_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	struct device_entry *e;
	const char *space;
	uint32_t pasid;
	int r = find(s, m, &e, ret_error);

	if (r >= 0)
		r = sd_bus_message_read(m, "us", &pasid, &space);
	return r < 0 ? r : run_pasid(s, m, e, pasid, space, ret_error);
}

static int detach_pasid_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	struct device_entry *e;
	uint32_t pasid;
	int r = find(s, m, &e, ret_error);

	if (r >= 0)
		r = sd_bus_message_read(m, "u", &pasid);
	return r < 0 ? r : run_pasid(s, m, e, pasid, NULL, ret_error);
}

SERVICE_ADMIN_HANDLER(service_device_detach, detach_allowed)
SERVICE_ADMIN_HANDLER(service_detach_device, detach_named_allowed)
SERVICE_ADMIN_HANDLER(service_device_drain, drain_allowed)
SERVICE_ADMIN_HANDLER(service_device_pause, pause_allowed)
SERVICE_ADMIN_HANDLER(service_device_resume, resume_allowed)
SERVICE_ADMIN_HANDLER(service_device_attach_pasid, attach_pasid_allowed)
SERVICE_ADMIN_HANDLER(service_device_detach_pasid, detach_pasid_allowed)
