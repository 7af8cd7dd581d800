/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changed properties, told together. A change is noted at its object, and what is noted is
 * told when the loop comes round, or before something else is said, so that the order of
 * what a client sees is that of what happened. While the daemon starts nothing is told but
 * how it ended: for 64 devices in 64 spaces that is 132 messages instead of 260.
 *
 * Before the bus has given us our name nobody has asked for anything: nothing has changed for
 * him who asks later.
 */
#include "control/service-internal.h"

bool service_has_audience(const struct service *s)
{
	return s && s->bus && s->named;
}

static int on_teller(struct loop_source *source, uint32_t events, void *userdata)
{
	(void)source;
	(void)events;
	service_tell_changes(userdata);
	return 0;
}

int service_changes_init(struct service *s)
{
	return loop_add_timer(s->loop, on_teller, s, &s->teller);
}

static void note(struct service *s, unsigned what)
{
	s->untold |= what;
	if (s->telling || s->directory->state == MANAGER_STARTING)
		return;
	s->telling = loop_set_timer(s->teller, 1) >= 0;
}

void service_note_manager(struct service *s, unsigned what)
{
	if (service_has_audience(s))
		note(s, what);
}

void service_note_spaces(struct service *s, const struct device_entry *e)
{
	const struct attachment_entry *a;

	if (!service_has_audience(s))
		return;
	TAILQ_FOREACH(a, &e->attachments, link)
		a->space->untold = true;
	note(s, SERVICE_UNTOLD_OBJECTS);
}

void service_device_changed(struct service *s, struct device_entry *e)
{
	if (!service_has_audience(s))
		return;
	e->untold = true;
	service_note_spaces(s, e);
}

void service_state_changed(struct service *s)
{
	service_note_manager(s, SERVICE_UNTOLD_STATE);
}

static void tell_manager(struct service *s, const char *property)
{
	if (s->bus)
		sd_bus_emit_properties_changed(s->bus, SERVICE_PATH, SERVICE_MANAGER_INTERFACE, property, NULL);
}

static void tell_device(struct service *s, struct device_entry *e)
{
	_cleanup_free_ char *path = e->untold ? service_path(SERVICE_DEVICE_PREFIX, e->name) : NULL;

	e->untold = false;
	if (path && s->bus)
		sd_bus_emit_properties_changed(s->bus, path, SERVICE_DEVICE_INTERFACE, "State", "LastError", "Lent",
					       "SysfsPath", "VfioDevice", "VendorId", "DeviceId", NULL);
}

static void tell_space(struct service *s, struct space_entry *e)
{
	_cleanup_free_ char *path = e->untold ? service_path(SERVICE_SPACE_PREFIX, e->name) : NULL;

	e->untold = false;
	if (path && s->bus)
		sd_bus_emit_properties_changed(s->bus, path, SERVICE_SPACE_INTERFACE, "Devices", NULL);
}

void service_tell_changes(struct service *s)
{
	unsigned what = s->untold;
	struct device_entry *device;
	struct space_entry *space;

	s->telling = false;
	s->untold = 0;
	if (what & SERVICE_UNTOLD_COUNT)
		tell_manager(s, "DeviceCount");
	if (what & SERVICE_UNTOLD_OBJECTS) {
		TAILQ_FOREACH(device, &s->directory->devices, link)
			tell_device(s, device);
		TAILQ_FOREACH(space, &s->directory->spaces, link)
			tell_space(s, space);
	}
	/* Which follows from that of the devices. */
	if (what & SERVICE_UNTOLD_STATE)
		tell_manager(s, "State");
	if (what)
		service_arm(s);
}
