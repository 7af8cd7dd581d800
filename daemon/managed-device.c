/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a device: opened and bound by the control thread, each attachment made and
 * undone by the shard that owns its space. PASIDs are attached before the RID, because bus
 * mastering is set with the RID and DMA before an attach is refused; they are detached
 * before it, as the kernel wants.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "managed.h"

#define MESSAGE_ATTACHED "b2f3a1c07d5e4c1e9a6f0d3c5b8e7a11"
#define MESSAGE_DETACHED "c4d5b2e18e6f4d2fab7a1e4d6c9f8b22"
#define MESSAGE_FAILED "d6e7c3f29f7a4e3abc8b2f5e7daa9c33"

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

static int run_attach(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);
	int r;

	if (!a->space->pager.ioas)
		return reason_set(&a->why, a->space->start_error.error, "%s%s", a->space->start_error.text,
				  error_hint(a->space->start_error.error));
	r = pager_attach(&a->space->pager, a->device->entry.device, a->entry->pasid, &a->stats, &a->why);
	a->attached = r >= 0;
	return r;
}

static int run_detach(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);

	a->attached = false;
	return pager_detach(&a->space->pager, a->device->entry.device, a->entry->pasid);
}

static void on_call_done(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);
	struct managed_device *d = a->device;

	if (c->run == run_detach && c->result < 0)
		log_with(LOG_WARNING, c->result, &(struct log_fields){ .device = d->entry.name },
			 "the kernel refuses to detach it from space %s", a->space->entry.name);
	if (--d->n_pending == 0)
		d->next(d);
}

static void submit(struct managed_attachment *a, int (*run)(struct shard_call *c))
{
	a->call.run = run;
	a->call.done = on_call_done;
	a->device->n_pending++;
	shard_submit(a->space->shard, &a->call);
}

/* The calls of this step have been submitted, maybe none. */
static void then(struct managed_device *d, void (*next)(struct managed_device *d))
{
	d->next = next;
	if (!d->n_pending)
		next(d);
}

static void submit_detach(struct managed_attachment *a)
{
	if (a->attached)
		submit(a, run_detach);
}

/* Right after the detach, before its spaces go: the close resets the device, and one that
 * goes on asking for pages while nothing is attached makes the kernel warn (Linux 7.2,
 * io-pgfault.c). What it was found to be stays to be seen. */
static void close_device(struct managed_device *d)
{
	if (d->entry.device)
		d->entry.device->ops->close(d->entry.device);
}

static void detach_end(struct managed_device *d)
{
	close_device(d);
	if (d->why.error) {
		set_state(d, DEVICE_FAILED, &d->why);
		log_state(d, LOG_ERR, MESSAGE_FAILED, d->why.text);
	} else {
		set_state(d, DEVICE_DETACHED, NULL);
		log_state(d, LOG_INFO, MESSAGE_DETACHED, "detached");
	}
	manager_settled(d->manager);
}

static void detach_rid(struct managed_device *d)
{
	submit_detach(&d->attachments[0]);
	then(d, detach_end);
}

static void detach_all(struct managed_device *d)
{
	for (size_t i = 1; i < d->entry.n_attachments; i++)
		submit_detach(&d->attachments[i]);
	then(d, detach_rid);
}

static bool attach_failed(struct managed_device *d)
{
	for (size_t i = 0; i < d->entry.n_attachments && !d->why.error; i++)
		d->why = d->attachments[i].why;
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
	manager_settled(d->manager);
}

static void attach_rid(struct managed_device *d)
{
	if (!attach_failed(d))
		submit(&d->attachments[0], run_attach);
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
	device->uses_pasids = d->entry.n_attachments > 1;
	device->bus_master = d->bus_master;
	if (device->ops->uses_iommufd)
		r = manager_get_iommufd(d->manager, &iommufd, &d->why);
	if (r < 0)
		return r;
	r = device->ops->open(device, iommufd, &d->why);
	/* The kernel binds it only when nobody else holds it any more. */
	d->entry.lent &= r < 0;
	*ret_state = r == -ENOENT ? DEVICE_ABSENT : r == -ENXIO ? DEVICE_UNBOUND : DEVICE_FAILED;
	return r;
}

static int open_spaces(struct managed_device *d)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < d->entry.n_attachments; i++)
		r = managed_space_open(d->attachments[i].space, d->entry.device->ops, &d->why);
	return r;
}

void managed_device_start(struct managed_device *d)
{
	enum device_state state;
	int r;

	d->why = (struct reason){ 0 };
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
		manager_settled(d->manager);
		return;
	}
	for (size_t i = 1; i < d->entry.n_attachments; i++)
		submit(&d->attachments[i], run_attach);
	then(d, attach_rid);
}

void managed_device_stop(struct managed_device *d)
{
	if (d->entry.state != DEVICE_ACTIVE) {
		manager_settled(d->manager);
		return;
	}
	set_state(d, DEVICE_DRAINING, NULL);
	detach_all(d);
}

static void attachment_init(struct managed_device *d, size_t i, uint32_t pasid, struct managed_space *space)
{
	struct managed_attachment *a = &d->attachments[i];

	a->entry = &d->entry.attachments[i];
	a->space = space;
	a->device = d;
	*a->entry = (struct attachment_entry){
		.pasid = pasid,
		.space = &space->entry,
		.device = &d->entry,
		.stats = &a->stats,
	};
}

int managed_device_init(struct managed_device *d, struct manager *m, const struct config_device *config)
{
	size_t n = config->n_pasids + 1;

	d->manager = m;
	d->bus_master = config->bus_master;
	d->entry.name = strdup(config->name);
	d->entry.address = strdup(config->address);
	d->entry.source = strdup(config->source);
	d->entry.attachments = calloc(n, sizeof(*d->entry.attachments));
	d->attachments = calloc(n, sizeof(*d->attachments));
	if (!d->entry.name || !d->entry.address || !d->entry.source || !d->entry.attachments || !d->attachments)
		return -ENOMEM;
	d->entry.n_attachments = n;
	attachment_init(d, 0, PASID_NONE, &m->spaces[config->space]);
	for (size_t i = 1; i < n; i++)
		attachment_init(d, i, config->pasids[i - 1].pasid, &m->spaces[config->pasids[i - 1].space]);
	return 0;
}

void managed_device_deinit(struct managed_device *d)
{
	device_free(d->entry.device);
	free(d->entry.error_text);
	free(d->entry.attachments);
	free(d->attachments);
	free(d->entry.source);
	free(d->entry.address);
	free(d->entry.name);
}
