/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.iopfd1.Device: one configured device, there or not.
 */
#include "control/service-members.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "control/service-error.h"

#define MAX_COUNTERS 32

SERVICE_GETTER(get_state)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "s", device_state_to_string(e->state));
}

SERVICE_GETTER(get_last_error)
{
	const struct device_entry *e = userdata;

	return service_append_error(reply, e->error, e->error_text);
}

SERVICE_GETTER(get_sysfs_path)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "s", e->device ? e->device->sysfs_path : NULL);
}

SERVICE_GETTER(get_vfio_device)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "s", e->device ? e->device->vfio_device : NULL);
}

SERVICE_GETTER(get_vendor_id)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "q", e->device ? e->device->vendor_id : 0);
}

SERVICE_GETTER(get_device_id)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "q", e->device ? e->device->device_id : 0);
}

SERVICE_GETTER(get_lent)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "b", (int)e->lent);
}

SERVICE_GETTER(get_engine_counters)
{
	const struct device_entry *e = userdata;
	struct device_counter counters[MAX_COUNTERS];
	size_t n = 0;
	int r;

	if (e->device && e->device->ops->counters)
		n = e->device->ops->counters(e->device, counters, MAX_COUNTERS);
	r = sd_bus_message_open_container(reply, 'a', "{st}");
	for (size_t i = 0; i < MIN(n, (size_t)MAX_COUNTERS) && r >= 0; i++)
		r = sd_bus_message_append(reply, "{st}", counters[i].name, counters[i].value);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

SERVICE_GETTER(get_transient)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "b", (int)(!e->source || !*e->source));
}

SERVICE_GETTER(get_config_source)
{
	const struct device_entry *e = userdata;

	return sd_bus_message_append(reply, "s", e->source);
}

SERVICE_GETTER(get_pasid_count)
{
	const struct device_entry *e = userdata;
	const struct attachment_entry *a;
	uint32_t n = 0;

	TAILQ_FOREACH(a, &e->attachments, link)
		n += a->attached && a->pasid != PASID_NONE;
	return sd_bus_message_append(reply, "u", n);
}

static int append_attachments(sd_bus_message *reply, const struct service *s, const void *userdata)
{
	const struct device_entry *e = userdata;
	const struct attachment_entry *a;
	int r = 0;

	(void)s;
	TAILQ_FOREACH(a, &e->attachments, link)
		if (r >= 0 && a->attached)
			r = sd_bus_message_append(reply, "(us)", a->pasid, a->space->name);
	return r;
}

SERVICE_METHOD(get_attachments)
{
	return service_reply_array(NULL, m, "(us)", append_attachments, userdata);
}

static int append_statistics(const struct service *s, sd_bus_message *reply, const struct attachment_entry *a)
{
	struct stats_values values;
	int r = sd_bus_message_open_container(reply, 'r', "usa{st}");

	stats_read(a->stats, &values);
	if (r >= 0)
		r = sd_bus_message_append(reply, "us", a->pasid, a->space->name);
	if (r >= 0)
		r = service_statistics_append(s, &values, reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_all_statistics(sd_bus_message *reply, const struct service *s, const void *userdata)
{
	const struct device_entry *e = userdata;
	const struct attachment_entry *a;
	int r = 0;

	TAILQ_FOREACH(a, &e->attachments, link)
		if (r >= 0 && a->attached)
			r = append_statistics(s, reply, a);
	return r;
}

SERVICE_METHOD(get_attachment_statistics)
{
	const struct service *s = service_current(sd_bus_message_get_bus(m));

	return service_reply_array(s, m, "(usa{st})", append_all_statistics, userdata);
}

/* Fails, and says why, where there is nothing to lend. */
static int lend(const struct device_entry *e, int *ret_fd, sd_bus_error *ret_error)
{
	int r;

	if (!e->device || e->state != DEVICE_ACTIVE)
		return sd_bus_error_setf(ret_error, SERVICE_ERROR_DEVICE_GONE, "Device %s is %s%s%s.", e->name,
					 device_state_to_string(e->state), e->error_text ? ": " : "",
					 e->error_text ? e->error_text : "");
	r = e->device->ops->lend(e->device, ret_fd);
	if (r == -EOPNOTSUPP)
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_NOT_SUPPORTED,
					 "Device %s (%s) has no file descriptor to lend.", e->name,
					 e->device->ops->name);
	return r;
}

static int open_device_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	const char *path = sd_bus_message_get_path(m);
	struct device_entry *e = service_device_at(s, path);
	_cleanup_close_ int fd = -1;
	int r;

	if (!e)
		return service_gone(SERVICE_ERROR_NO_SUCH_DEVICE, path, ret_error);
	r = lend(e, &fd, ret_error);
	if (r < 0)
		return r;
	r = sd_bus_reply_method_return(m, "h", fd);
	/* 0: the caller wants no reply, so nobody has it. */
	if (r <= 0 || e->lent)
		return r;
	e->lent = true;
	service_device_changed(s, e);
	return 1;
}

static SERVICE_ADMIN_HANDLER(open_device, open_device_allowed)

/* The identity is known when the device was opened, so it changes with the state. */
const sd_bus_vtable service_device_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct device_entry, name), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Address", "s", NULL, offsetof(struct device_entry, address), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Transient", "b", get_transient, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("ConfigSource", "s", get_config_source, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	SD_BUS_PROPERTY("SysfsPath", "s", get_sysfs_path, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("VfioDevice", "s", get_vfio_device, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("VendorId", "q", get_vendor_id, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("DeviceId", "q", get_device_id, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("LastError", "(ss)", get_last_error, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Lent", "b", get_lent, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PasidCount", "u", get_pasid_count, 0, 0),
	SD_BUS_PROPERTY("EngineCounters", "a{st}", get_engine_counters, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("GetAttachments", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(us)", attachments),
				get_attachments, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetAttachmentStatistics", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(usa{st})", attachments), get_attachment_statistics,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Detach", SD_BUS_ARGS("t", flags), SD_BUS_NO_RESULT, service_device_detach,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Drain", SD_BUS_ARGS("t", timeout_usec), SD_BUS_NO_RESULT, service_device_drain,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_ARGS("t", limit_usec), SD_BUS_NO_RESULT, service_device_pause,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, service_device_resume,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("AttachPasid", SD_BUS_ARGS("u", pasid, "s", space), SD_BUS_NO_RESULT,
				service_device_attach_pasid, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("DetachPasid", SD_BUS_ARGS("u", pasid), SD_BUS_NO_RESULT,
				service_device_detach_pasid, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("OpenDevice", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", fd), open_device,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("ReleaseRequested", "", 0),
	SD_BUS_VTABLE_END,
};
