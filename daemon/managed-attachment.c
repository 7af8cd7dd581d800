/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One device, or one PASID of it, in one space: made and undone by calls to the shard that
 * owns the space. A device waits for all its calls that are under way (n_pending), then goes
 * on with `next`.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "managed.h"

static int run_attach(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);
	int r;

	if (!a->space->pager.ioas)
		return reason_set(&a->why, a->space->start_error.error, "%s%s", a->space->start_error.text,
				  error_hint(a->space->start_error.error));
	r = pager_attach(&a->space->pager, a->device->entry.device, a->entry.pasid, a->entry.stats, &a->why);
	return r;
}

static int run_detach(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);

	return pager_detach(&a->space->pager, a->device->entry.device, a->entry.pasid);
}

static int run_pause(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);

	pager_pause(&a->space->pager, a->device->entry.device, a->entry.pasid, true);
	return 0;
}

static int run_resume(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);

	pager_pause(&a->space->pager, a->device->entry.device, a->entry.pasid, false);
	return 0;
}

static void on_call_done(struct shard_call *c)
{
	struct managed_attachment *a = container_of(c, struct managed_attachment, call);
	struct managed_device *d = a->device;

	if (c->run == run_attach)
		a->entry.attached = c->result >= 0;
	else if (c->run == run_detach)
		a->entry.attached = false;
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
	managed_space_submit(a->space, &a->call);
}

int managed_attachment_open(struct managed_attachment *a, struct reason *why)
{
	int r = managed_space_open(a->space, a->device->entry.device->ops, why);

	if (r >= 0 && !a->active) {
		a->active = true;
		a->space->n_active++;
	}
	return r;
}

void managed_attachment_idle(struct managed_attachment *a)
{
	if (a->active)
		a->space->n_active--;
	a->active = false;
}

void managed_attachment_attach(struct managed_attachment *a)
{
	a->why = (struct reason){ 0 };
	submit(a, run_attach);
}

void managed_attachment_detach(struct managed_attachment *a)
{
	if (a->entry.attached)
		submit(a, run_detach);
}

void managed_attachment_pause(struct managed_attachment *a, bool paused)
{
	if (a->entry.attached)
		submit(a, paused ? run_pause : run_resume);
}

void managed_attachment_move(struct managed_attachment *a, struct managed_space *space)
{
	assert(!a->entry.attached && !a->active);
	a->space->n_users--;
	space->n_users++;
	a->space = space;
	a->entry.space = &space->entry;
}

void managed_attachment_free(struct managed_attachment *a)
{
	managed_attachment_idle(a);
	a->space->n_users--;
	directory_retire_attachment(&a->entry);
	stats_page_give(a->entry.stats);
	manager_reserve_calls(a->device->manager, -1);
	free(a);
}

int managed_attachment_new(struct managed_device *d, uint32_t pasid, struct managed_space *space,
			   struct managed_attachment **ret)
{
	struct managed_attachment *a = calloc(1, sizeof(*a));
	struct stats *stats;

	if (!a)
		return -ENOMEM;
	if (manager_reserve_calls(d->manager, 1) < 0) {
		free(a);
		return -ENOSPC;
	}
	stats = stats_page_take(d->manager->page, STATS_ATTACHMENT, d->entry.name, space->entry.name, pasid);
	if (!stats) {
		manager_reserve_calls(d->manager, -1);
		free(a);
		return -ENOSPC;
	}
	a->space = space;
	a->device = d;
	a->entry = (struct attachment_entry){
		.pasid = pasid,
		.space = &space->entry,
		.device = &d->entry,
		.stats = stats,
	};
	space->n_users++;
	TAILQ_INSERT_TAIL(&d->entry.attachments, &a->entry, link);
	if (ret)
		*ret = a;
	return 0;
}
