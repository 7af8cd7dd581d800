/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that somebody brings along, and configured ones that come back.
 */
#include "control/service-call.h"

#include <stdio.h>

#include "control/service-error.h"
#include "control/service-members.h"
#include "control/service-options.h"

static int attach(struct service *s, sd_bus_message *m, const struct attach_request *request, sd_bus_error *ret_error)
{
	const struct device_entry *e = directory_device(s->directory, request->name);
	struct service_call *c;
	int r;

	if (!request->text && !e)
		return service_no_such_device(request->name, ret_error);
	if (request->text && e)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_DEVICE_EXISTS, "There is a device '%s' already.",
					 request->name);
	if (!s->hooks.on_attach)
		return service_not_supported(ret_error);
	r = service_call_new(s, m, SERVICE_REPLY_DEVICE, &c, ret_error);
	if (r < 0)
		return r;
	s->hooks.on_attach(s->hooks.userdata, request, c);
	return 1;
}

static int attach_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	struct attach_request request = { .device_fd = -1 };
	_cleanup_free_ char *text = NULL;
	int r = sd_bus_message_read(m, "s", &request.name);

	if (r >= 0)
		r = service_options_read(m, request.name, true, &text, ret_error);
	request.text = text;
	return r < 0 ? r : attach(s, m, &request, ret_error);
}

/* The descriptors are the message's, which outlives the hook. */
static int attach_fd_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	_cleanup_free_ char *text = NULL;
	struct attach_request request;
	int r = sd_bus_message_read(m, "sh", &request.name, &request.device_fd);

	if (r >= 0)
		r = service_options_read(m, request.name, false, &text, ret_error);
	if (r >= 0 && !text)
		r = asprintf(&text, "[device %s]\n", request.name);
	request.text = text;
	return r < 0 ? r : attach(s, m, &request, ret_error);
}

SERVICE_ADMIN_HANDLER(service_attach_device, attach_allowed)
SERVICE_ADMIN_HANDLER(service_attach_device_fd, attach_fd_allowed)
