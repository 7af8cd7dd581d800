/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come and go. Whatever happens, a file that comes or goes, an eventfd of the
 * kernel, leads to a review of the device, which looks how things are now and begins the
 * step that follows: start it, or release it. While a step of the device is under way, the
 * review waits for its end; what concerns all is waited for before a start, but not before a
 * release, which the kernel waits for.
 *
 * Things settle in their own time: the node before its rights, the node away before the
 * folder in sysfs. So a review is repeated a few times with growing pauses, and then no more
 * until something happens again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "managed.h"

/* Pauses of 0.1, 0.2, ... 3.2 s. */
#define LOOKS_MAX 6u
#define FIRST_PAUSE_NS (100 * NSEC_PER_MSEC)

static int on_review(struct loop_source *s, uint32_t events, void *userdata);

static void schedule(struct managed_device *d, uint64_t at_ns)
{
	int r = 0;

	if (!d->presence.review)
		r = loop_add_timer(d->manager->loop, on_review, d, &d->presence.review);
	if (r >= 0)
		r = loop_set_timer(d->presence.review, at_ns);
	if (r < 0)
		log_with(LOG_WARNING, r, &(struct log_fields){ .device = d->entry.name },
			 "cannot look whether it has come or gone");
}

static void look_now(struct managed_device *d)
{
	d->presence.n_looks = 0;
	schedule(d, 1);
}

static void look_again(struct managed_device *d)
{
	if (d->presence.n_looks < LOOKS_MAX)
		schedule(d, clock_now_ns() + (FIRST_PAUSE_NS << d->presence.n_looks++));
}

/* The rights of a node come a moment after it, and a device may be in the hands of somebody
 * who is about to let go, or one of a group that is bound one by one. */
static bool may_pass(int error)
{
	return error == EACCES || error == EPERM || error == EBUSY || error == EAGAIN;
}

/* What concerns all reports when it has ended. */
static void report(const struct managed_device *d)
{
	if (!d->manager->next)
		manager_report(d->manager);
}

static void on_started(struct managed_device *d)
{
	report(d);
	if (d->entry.state == DEVICE_FAILED && may_pass(d->entry.error))
		look_again(d);
}

static void on_lost(struct managed_device *d)
{
	report(d);
	d->presence.n_looks = 0;
	look_again(d);
}

static void lose(struct managed_device *d)
{
	char text[sizeof(d->leaving.text)];

	if (d->entry.lent) {
		memcpy(text, d->leaving.text, sizeof(text));
		reason_set(&d->leaving, d->leaving.error, "%.300s; a process that still has its file from OpenDevice must "
			   "close it: the kernel waits for that", text);
		service_release_requested(d->manager->service, &d->entry);
	}
	managed_device_lose(d, on_lost);
}

/* Not there: the state says which way, once that is known. */
static void miss(struct managed_device *d, int error, const struct reason *why)
{
	enum device_state state = error == -ENOENT ? DEVICE_ABSENT : DEVICE_UNBOUND;
	bool told = d->entry.state == state && (state == DEVICE_ABSENT || !d->entry.error_text ||
						 strcmp(d->entry.error_text, why->text) == 0);

	if (!told) {
		managed_device_miss(d, state, why);
		report(d);
	}
	look_again(d);
}

/* It is not attached, and is there (0) or looks so (an errno). One that somebody brought along
 * is not taken again: its name may be another's by now. */
static void come(struct managed_device *d, int r)
{
	if (!*d->entry.source)
		return;
	if (d->entry.state == DEVICE_FAILED && (r < 0 || !may_pass(d->entry.error)))
		return;
	/* The last time, the reason why it cannot be opened shall show. */
	if (r < 0 && d->presence.n_looks < LOOKS_MAX)
		look_again(d);
	else
		managed_device_start(d, on_started);
}

static void review(struct managed_device *d)
{
	const struct device *device = d->entry.device;
	struct reason why = { 0 };
	int r = device ? device->ops->look(device, &why) : -ENODEV;
	bool there = r != -ENOENT && r != -ENXIO;

	/* Before all else: a drain under way must know. */
	if (d->is_open && !there && !d->leaving.error)
		reason_set(&d->leaving, ENODEV, "it is not there any more: %.400s", why.text);
	if (d->ended || (d->manager->next && !d->leaving.error))
		d->presence.review_due = true;
	else if (d->leaving.error)
		lose(d);
	else if (d->entry.state != DEVICE_ABSENT && d->entry.state != DEVICE_UNBOUND && d->entry.state != DEVICE_FAILED)
		return;
	else if (there)
		come(d, r);
	else
		miss(d, r, &why);
}

static int on_review(struct loop_source *s, uint32_t events, void *userdata)
{
	struct managed_device *d = userdata;

	(void)s;
	(void)events;
	if (!d->manager->stop_asked)
		review(d);
	return 0;
}

static void on_changed(void *userdata)
{
	look_now(userdata);
}

static void leave(struct managed_device *d, int fd, int error, const char *text)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0 || d->leaving.error)
		return;
	reason_set(&d->leaving, error, "%s", text);
	look_now(d);
}

static int on_request(struct loop_source *s, uint32_t events, void *userdata)
{
	struct managed_device *d = userdata;

	(void)s;
	(void)events;
	leave(d, d->entry.device->request_fd, ENODEV, "the kernel wants it back: it is unplugged, or unbound from its driver");
	return 0;
}

static int on_failure(struct loop_source *s, uint32_t events, void *userdata)
{
	struct managed_device *d = userdata;

	(void)s;
	(void)events;
	leave(d, d->entry.device->error_fd, EIO, "it had a PCIe error that cannot be corrected (the kernel log says which): "
						 "reset or replug it");
	return 0;
}

void managed_hotplug_expect(struct managed_device *d)
{
	const struct device *device = d->entry.device;
	_cleanup_free_ char *path = NULL;
	struct manager *m = d->manager;
	int r = 0;

	if (d->presence.watch || !device->ops->watch)
		return;
	path = device->ops->watch(device);
	if (!path)
		return;
	if (!m->hotplug)
		r = hotplug_new(m->loop, &m->hotplug);
	if (r >= 0)
		r = hotplug_add(m->hotplug, path, on_changed, d, &d->presence.watch);
	if (r < 0)
		log_with(LOG_WARNING, r, &(struct log_fields){ .device = d->entry.name },
			 "cannot see whether it comes or goes (%s)", path);
}

static void watch_event(struct managed_device *d, int fd, loop_fn fn, struct loop_source **ret)
{
	int r = fd < 0 ? 0 : loop_add(d->manager->loop, fd, LOOP_READ, fn, d, ret);

	if (r < 0)
		log_with(LOG_WARNING, r, &(struct log_fields){ .device = d->entry.name },
			 "cannot watch for what the kernel says of it");
}

void managed_hotplug_opened(struct managed_device *d)
{
	watch_event(d, d->entry.device->request_fd, on_request, &d->presence.request);
	watch_event(d, d->entry.device->error_fd, on_failure, &d->presence.failure);
}

void managed_hotplug_closing(struct managed_device *d)
{
	d->presence.request = loop_remove(d->presence.request);
	d->presence.failure = loop_remove(d->presence.failure);
}

void managed_hotplug_step_ended(struct managed_device *d)
{
	/* Not at once: whoever asked for the step may free the device, or begin the next one. */
	if (d->presence.review_due)
		schedule(d, 1);
	d->presence.review_due = false;
}

void managed_hotplug_resume(struct manager *m)
{
	struct device_entry *e;

	TAILQ_FOREACH(e, &m->directory.devices, link) {
		struct managed_device *d = managed_device(e);

		if (d->presence.review_due && !d->ended)
			schedule(d, 1);
		d->presence.review_due &= d->ended != NULL;
	}
}

void managed_hotplug_forget(struct managed_device *d)
{
	managed_hotplug_closing(d);
	d->presence.watch = hotplug_remove(d->presence.watch);
	d->presence.review = loop_remove(d->presence.review);
}
