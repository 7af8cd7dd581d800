/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a device: opened and bound by the control thread, each attachment made and
 * undone by the shard that owns its space. PASIDs are attached before the RID, because bus
 * mastering is set with the RID and DMA before an attach is refused; they are detached
 * before it, as the kernel wants.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/messages.h"
#include "managed.h"

static void set_state(struct managed_device *d, enum device_state state, const struct reason *why)
{
	d->entry.state = state;
	d->entry.error = why ? why->error : 0;
	free(d->entry.error_text);
	d->entry.error_text = why ? strdup(why->text) : NULL;
	service_device_changed(d->manager->service, &d->entry);
}

static void log_state(const struct managed_device *d, int level, const char *message_id, const char *text)
{
	log_with(level, 0, &((struct log_fields){ .message_id = message_id, .device = d->entry.name }), "%s", text);
}

/* The calls of this part of the step have been submitted, maybe none. */
static void then(struct managed_device *d, void (*next)(struct managed_device *d))
{
	d->next = next;
	if (!d->n_pending)
		next(d);
}

static void step_begin(struct managed_device *d, void (*ended)(struct managed_device *d))
{
	assert(!d->ended);
	d->ended = ended;
	d->why = (struct reason){ 0 };
	manager_begin(d->manager);
}

static void step_end(struct managed_device *d)
{
	struct manager *m = d->manager;
	void (*ended)(struct managed_device *d) = d->ended;

	d->ended = NULL;
	managed_hotplug_step_ended(d);
	ended(d);
	manager_settled(m);
}

static struct managed_attachment *first_attachment(const struct managed_device *d)
{
	return managed_attachment(TAILQ_FIRST(&d->entry.attachments));
}

static bool has_rid(const struct managed_device *d)
{
	const struct attachment_entry *e = TAILQ_FIRST(&d->entry.attachments);

	return e && e->pasid == PASID_NONE;
}

/* Right after the detach, before its spaces go: the close resets the device, and one that
 * goes on asking for pages while nothing is attached makes the kernel warn (Linux 7.2,
 * io-pgfault.c). What it was found to be stays to be seen. */
static void close_device(struct managed_device *d)
{
	struct attachment_entry *e;

	TAILQ_FOREACH(e, &d->entry.attachments, link)
		managed_attachment_idle(managed_attachment(e));
	managed_hotplug_closing(d);
	if (d->entry.device)
		d->entry.device->ops->close(d->entry.device);
	d->is_open = false;
}

static void show_lost(struct managed_device *d)
{
	set_state(d, d->leaving.error == EIO ? DEVICE_FAILED : DEVICE_ABSENT, &d->leaving);
	log_state(d, LOG_WARNING, MESSAGE_LOST, d->leaving.text);
	service_device_lost(d->manager->service, &d->entry, d->leaving.text);
}

static void detach_end(struct managed_device *d)
{
	close_device(d);
	if (d->losing) {
		show_lost(d);
	} else if (d->why.error) {
		set_state(d, DEVICE_FAILED, &d->why);
		log_state(d, LOG_ERR, MESSAGE_FAILED, d->why.text);
	} else {
		set_state(d, DEVICE_DETACHED, NULL);
		log_state(d, LOG_INFO, MESSAGE_DETACHED, "detached");
	}
	d->losing = false;
	d->leaving.error = 0;
	step_end(d);
}

static void detach_rid(struct managed_device *d)
{
	if (has_rid(d))
		managed_attachment_detach(first_attachment(d));
	then(d, detach_end);
}

static void detach_all(struct managed_device *d)
{
	struct attachment_entry *e;

	TAILQ_FOREACH(e, &d->entry.attachments, link)
		if (e->pasid != PASID_NONE)
			managed_attachment_detach(managed_attachment(e));
	then(d, detach_rid);
}

static bool attach_failed(struct managed_device *d)
{
	struct attachment_entry *e;

	TAILQ_FOREACH(e, &d->entry.attachments, link)
		if (!d->why.error)
			d->why = managed_attachment(e)->why;
	return d->why.error;
}

static void attach_end(struct managed_device *d)
{
	if (attach_failed(d)) {
		detach_all(d);
		return;
	}
	set_state(d, DEVICE_ACTIVE, NULL);
	log_state(d, LOG_INFO, MESSAGE_ATTACHED, "attached, its faults are served");
	step_end(d);
}

static void attach_rid(struct managed_device *d)
{
	if (!attach_failed(d) && has_rid(d))
		managed_attachment_attach(first_attachment(d));
	then(d, attach_end);
}

/* Returns 0, or a negative errno with *ret_state: what the device is instead of open. */
static int open_device(struct managed_device *d, enum device_state *ret_state)
{
	struct iommufd *iommufd = NULL;
	struct device *device;
	int r = device_new(d->entry.name, d->entry.address, &device, &d->why);

	*ret_state = DEVICE_FAILED;
	if (r < 0)
		return r;
	d->entry.device = device;
	d->leaving.error = 0;
	device->uses_pasids = d->uses_pasids;
	device->bus_master = d->bus_master;
	device->given_fd = TAKE_FD(d->given_fd);
	managed_hotplug_expect(d);
	device->spin_ns = d->manager->may_spin ? d->spin_ns : 0;
	if (device->ops->uses_iommufd)
		r = manager_get_iommufd(d->manager, &iommufd, &d->why);
	if (r < 0)
		return r;
	r = device->ops->open(device, iommufd, &d->why);
	/* The kernel binds it only when nobody else holds it any more. */
	d->entry.lent &= r < 0;
	*ret_state = r == -ENOENT ? DEVICE_ABSENT : r == -ENXIO ? DEVICE_UNBOUND : DEVICE_FAILED;
	if (r < 0)
		return r;
	d->is_open = true;
	managed_hotplug_opened(d);
	return 0;
}

static int open_spaces(struct managed_device *d)
{
	struct attachment_entry *e;
	int r = 0;

	TAILQ_FOREACH(e, &d->entry.attachments, link)
		if (r >= 0)
			r = managed_attachment_open(managed_attachment(e), &d->why);
	return r;
}

void managed_device_start(struct managed_device *d, void (*ended)(struct managed_device *d))
{
	struct attachment_entry *e;
	enum device_state state;
	int r;

	step_begin(d, ended);
	d->entry.device = device_free(d->entry.device);
	set_state(d, DEVICE_ATTACHING, NULL);
	r = open_device(d, &state);
	if (r >= 0) {
		state = DEVICE_FAILED;
		r = open_spaces(d);
	}
	if (r < 0) {
		close_device(d);
		set_state(d, state, &d->why);
		log_state(d, LOG_ERR, MESSAGE_FAILED, d->why.text);
		step_end(d);
		return;
	}
	TAILQ_FOREACH(e, &d->entry.attachments, link)
		if (e->pasid != PASID_NONE)
			managed_attachment_attach(managed_attachment(e));
	then(d, attach_rid);
}

void managed_device_stop(struct managed_device *d, void (*ended)(struct managed_device *d))
{
	step_begin(d, ended);
	if (!managed_device_is_attached(d)) {
		step_end(d);
		return;
	}
	set_state(d, DEVICE_DRAINING, NULL);
	detach_all(d);
}

void managed_device_lose(struct managed_device *d, void (*ended)(struct managed_device *d))
{
	d->losing = managed_device_is_attached(d);
	managed_device_stop(d, ended);
}

void managed_device_miss(struct managed_device *d, enum device_state state, const struct reason *why)
{
	set_state(d, state, why);
}

static void pause_end(struct managed_device *d)
{
	bool paused = d->entry.state == DEVICE_ACTIVE;

	set_state(d, paused ? DEVICE_PAUSED : DEVICE_ACTIVE, NULL);
	log_state(d, LOG_INFO, NULL, paused ? "paused: its faults are kept" : "resumed");
	step_end(d);
}

void managed_device_pause(struct managed_device *d, bool paused, void (*ended)(struct managed_device *d))
{
	struct attachment_entry *e;

	step_begin(d, ended);
	if (d->entry.state != (paused ? DEVICE_ACTIVE : DEVICE_PAUSED)) {
		step_end(d);
		return;
	}
	TAILQ_FOREACH(e, &d->entry.attachments, link)
		managed_attachment_pause(managed_attachment(e), paused);
	then(d, pause_end);
}

void managed_device_drain(struct managed_device *d, void (*ended)(struct managed_device *d))
{
	step_begin(d, ended);
	set_state(d, DEVICE_DRAINING, NULL);
}

void managed_device_drained(struct managed_device *d)
{
	set_state(d, DEVICE_ACTIVE, NULL);
	step_end(d);
}

static void pasid_end(struct managed_device *d)
{
	struct managed_attachment *a = TAKE_PTR(d->pasid);

	d->why = a->why;
	if (!a->entry.attached)
		managed_attachment_free(a);
	service_device_changed(d->manager->service, &d->entry);
	step_end(d);
}

void managed_device_attach_pasid(struct managed_device *d, uint32_t pasid, struct managed_space *space,
				 void (*ended)(struct managed_device *d))
{
	int r;

	step_begin(d, ended);
	r = managed_attachment_new(d, pasid, space, &d->pasid);
	if (r < 0)
		reason_set(&d->why, -r, "no room for another attachment");
	else
		r = managed_attachment_open(d->pasid, &d->why);
	if (r < 0) {
		if (d->pasid)
			managed_attachment_free(TAKE_PTR(d->pasid));
		step_end(d);
		return;
	}
	managed_attachment_attach(d->pasid);
	then(d, pasid_end);
}

void managed_device_detach_pasid(struct managed_device *d, struct managed_attachment *a,
				 void (*ended)(struct managed_device *d))
{
	step_begin(d, ended);
	d->pasid = a;
	managed_attachment_detach(a);
	then(d, pasid_end);
}

static void release(struct managed_device *d)
{
	while (!TAILQ_EMPTY(&d->entry.attachments))
		managed_attachment_free(first_attachment(d));
	loop_remove(d->timer);
	managed_hotplug_forget(d);
	close_fd(&d->given_fd);
	device_free(d->entry.device);
	free(d->entry.error_text);
	free(d->entry.source);
	free(d->entry.address);
	free(d->entry.name);
}

int managed_device_new(struct manager *m, const struct config_device *c, struct managed_space *const *spaces,
		       struct managed_device **ret)
{
	struct managed_device *d = calloc(1, sizeof(*d));
	int r = -ENOMEM;

	if (!d)
		return -ENOMEM;
	TAILQ_INIT(&d->entry.attachments);
	d->manager = m;
	d->bus_master = c->bus_master;
	d->spin_ns = c->spin_ns;
	d->uses_pasids = c->uses_pasids;
	d->given_fd = -1;
	d->entry.name = strdup(c->name);
	d->entry.address = strdup(c->address);
	d->entry.source = strdup(c->source);
	if (d->entry.name && d->entry.address && d->entry.source)
		r = c->space == SIZE_MAX ? 0 : managed_attachment_new(d, PASID_NONE, spaces[c->space], NULL);
	for (size_t i = 0; r >= 0 && i < c->n_pasids; i++)
		r = managed_attachment_new(d, c->pasids[i].pasid, spaces[c->pasids[i].space], NULL);
	if (r < 0) {
		release(d);
		free(d);
		return r;
	}
	d->entry.state = DEVICE_DETACHED;
	*ret = d;
	return 0;
}

void managed_device_list(struct managed_device *d)
{
	d->is_listed = true;
	TAILQ_INSERT_TAIL(&d->manager->directory.devices, &d->entry, link);
	service_device_added(d->manager->service, &d->entry);
}

struct managed_device *managed_device_free(struct managed_device *d)
{
	struct manager *m = d->manager;

	assert(!d->ended);
	if (d->is_listed)
		service_device_removed(m->service, &d->entry);
	while (!TAILQ_EMPTY(&d->entry.attachments))
		managed_attachment_free(first_attachment(d));
	if (d->is_listed)
		directory_retire_device(&m->directory, &d->entry);
	release(d);
	free(d);
	return NULL;
}
