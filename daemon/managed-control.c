/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the bus asks of a device: detach, drain, pause, resume, one PASID more or less. Each
 * is a step of the device; while one is under way others are refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "managed-attach.h"

/* A device that waits too long for its pages may give up, so somebody who forgot must not
 * leave it so. */
#define PAUSE_DEFAULT_NS (10 * NSEC_PER_SEC)
#define PAUSE_MAX_NS (3600 * NSEC_PER_SEC)

#define DRAIN_DEFAULT_NS (5 * NSEC_PER_SEC)
#define DRAIN_MAX_NS (60 * NSEC_PER_SEC)
#define DRAIN_POLL_NS (10 * NSEC_PER_MSEC)
/* A device that was just answered asks again within that, if it goes on at all. */
#define DRAIN_QUIET_NS (50 * NSEC_PER_MSEC)

static void fail(struct service_call *call, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void fail(struct service_call *call, int error, const char *format, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	service_call_fail(call, error, text);
}

/* The step is over: who asked for it is told, and everybody how many devices are active. */
static void reply(struct managed_device *d)
{
	struct service_call *call = TAKE_PTR(d->reply);

	if (call && d->why.error)
		fail(call, d->why.error, "%s: %s", d->entry.name, d->why.text);
	else if (call)
		service_call_reply(call, 0, 0);
	manager_report(d->manager);
}

static void detached(struct managed_device *d)
{
	struct manager *m = d->manager;

	if (managed_device_is_transient(d) && !d->why.error) {
		managed_attach_forget(d);
		manager_report(m);
	} else {
		reply(d);
	}
}

/* It may have been the last one in a space whose own device has gone. */
static void pasid_ended(struct managed_device *d)
{
	managed_attach_answer(d);
	manager_report(d->manager);
}

static int set_timer(struct managed_device *d, uint64_t at_ns, loop_fn fn)
{
	int r;

	d->timer = loop_remove(d->timer);
	r = loop_add_timer(d->manager->loop, fn, d, &d->timer);
	return r < 0 ? r : loop_set_timer(d->timer, at_ns);
}

/* Somebody forgot it. */
static int on_pause_over(struct loop_source *s, uint32_t events, void *userdata)
{
	struct managed_device *d = userdata;

	(void)events;
	if (d->ended) {
		loop_set_timer(s, clock_now_ns() + DRAIN_POLL_NS);
	} else if (d->entry.state == DEVICE_PAUSED) {
		log_with(LOG_NOTICE, 0, &(struct log_fields){ .device = d->entry.name },
			 "paused for as long as was asked for: it resumes by itself");
		managed_device_pause(d, false, reply);
	}
	return 0;
}

static void pause_device(struct managed_device *d, uint64_t usec, struct service_call *call)
{
	uint64_t ns = usec ? usec * NSEC_PER_USEC : PAUSE_DEFAULT_NS;
	int r;

	if (usec > PAUSE_MAX_NS / NSEC_PER_USEC) {
		fail(call, ERANGE, "%s: it can be paused for an hour at most", d->entry.name);
		return;
	}
	r = set_timer(d, clock_now_ns() + ns, on_pause_over);
	if (r < 0) {
		fail(call, -r, "%s: it cannot be paused: no timer to end it", d->entry.name);
		return;
	}
	d->reply = call;
	managed_device_pause(d, true, reply);
}

static void drain_end(struct managed_device *d, int error, const char *text)
{
	d->timer = loop_remove(d->timer);
	if (error)
		reason_set(&d->why, error, "%s", text);
	managed_device_drained(d);
}

/* Quiet: nothing unanswered, and nothing new since long enough ago. */
static int on_drain_poll(struct loop_source *s, uint32_t events, void *userdata)
{
	struct managed_device *d = userdata;
	uint64_t now_ns = clock_now_ns();
	struct stats_values values;

	(void)events;
	directory_device_stats(&d->entry, &values);
	if (values.faults_pending || values.fault_groups_total != d->drain_groups) {
		d->drain_groups = values.fault_groups_total;
		d->drain_since_ns = now_ns;
	}
	if (now_ns - d->drain_since_ns >= DRAIN_QUIET_NS)
		drain_end(d, 0, NULL);
	else if (d->manager->stop_asked)
		drain_end(d, ENODEV, "the daemon stops");
	else if (d->leaving.error)
		drain_end(d, ENODEV, d->leaving.text);
	else if (now_ns >= d->timer_end_ns)
		drain_end(d, ETIMEDOUT, "it goes on asking for pages, stop its work first");
	else
		loop_set_timer(s, now_ns + DRAIN_POLL_NS);
	return 0;
}

static void drain_device(struct managed_device *d, uint64_t usec, struct service_call *call)
{
	int r;

	if (d->entry.state == DEVICE_PAUSED) {
		fail(call, EBUSY, "%s: it is paused, resume it first", d->entry.name);
		return;
	}
	d->drain_since_ns = clock_now_ns();
	d->drain_groups = 0;
	d->timer_end_ns = d->drain_since_ns +
			  (usec ? MIN(usec, DRAIN_MAX_NS / NSEC_PER_USEC) * NSEC_PER_USEC : DRAIN_DEFAULT_NS);
	r = set_timer(d, d->drain_since_ns, on_drain_poll);
	if (r < 0) {
		fail(call, -r, "%s: it cannot be drained: no timer for it", d->entry.name);
		return;
	}
	d->reply = call;
	managed_device_drain(d, reply);
}

/* False: the call was answered. */
static bool may_begin(struct managed_device *d, struct service_call *call)
{
	if (d->manager->stop_asked) {
		fail(call, ENODEV, "The daemon stops.");
		return false;
	}
	if (d->manager->reload) {
		fail(call, EBUSY, "A reload is under way, try again when it has ended.");
		return false;
	}
	if (d->ended) {
		fail(call, d->entry.state == DEVICE_DRAINING ? EINPROGRESS : EBUSY, "%s: it is %s, try again when that has ended",
		     d->entry.name, device_state_to_string(d->entry.state));
		return false;
	}
	return true;
}

void managed_device_command(void *manager, struct device_entry *e, enum device_command command, uint64_t usec,
			    struct service_call *call)
{
	struct managed_device *d = managed_device(e);

	(void)manager;
	if (!may_begin(d, call))
		return;
	if (command != DEVICE_COMMAND_DETACH && !managed_device_is_attached(d)) {
		fail(call, ENODEV, "%s: it is %s%s%s", e->name, device_state_to_string(e->state), e->error_text ? ": " : "",
		     e->error_text ?: e->state == DEVICE_DETACHED ? ", attach it first" : "");
		return;
	}
	switch (command) {
	case DEVICE_COMMAND_DETACH:
		/* It shall not be attached when it comes, either. */
		if (e->state == DEVICE_ABSENT || e->state == DEVICE_UNBOUND)
			managed_device_miss(d, DEVICE_DETACHED, NULL);
		d->reply = call;
		managed_device_stop(d, detached);
		break;
	case DEVICE_COMMAND_DRAIN:
		drain_device(d, usec, call);
		break;
	case DEVICE_COMMAND_PAUSE:
		pause_device(d, usec, call);
		break;
	case DEVICE_COMMAND_RESUME:
		d->reply = call;
		managed_device_pause(d, false, reply);
		break;
	}
}

static struct managed_attachment *find_pasid(const struct managed_device *d, uint32_t pasid)
{
	struct attachment_entry *e;

	TAILQ_FOREACH(e, &d->entry.attachments, link)
		if (e->pasid == pasid)
			return managed_attachment(e);
	return NULL;
}

void managed_device_pasid(void *manager, struct device_entry *e, uint32_t pasid, struct space_entry *space,
			  struct service_call *call)
{
	struct managed_device *d = managed_device(e);
	struct managed_attachment *a = find_pasid(d, pasid);

	(void)manager;
	if (!may_begin(d, call))
		return;
	if (pasid == 0 || pasid == PASID_NONE) {
		fail(call, ERANGE, "PASID %" PRIu32 ": expected 1 to 1048575; the device itself is not a PASID.", pasid);
	} else if (e->state != DEVICE_ACTIVE) {
		fail(call, ENODEV, "%s: it is %s, it must be active", e->name, device_state_to_string(e->state));
	} else if (space && a) {
		fail(call, EEXIST, "PASID %" PRIu32 " of %s is attached to space %s: detach it first.", pasid, e->name,
		     a->entry.space->name);
	} else if (!space && !a) {
		fail(call, ENOENT, "PASID %" PRIu32 " of %s is not attached.", pasid, e->name);
	} else if (space && !d->uses_pasids) {
		fail(call, EOPNOTSUPP, "%s: it was attached without room for PASIDs: set pasids = yes in its section and "
		     "attach it again", e->name);
	} else {
		d->reply = call;
		if (space)
			managed_device_attach_pasid(d, pasid, managed_space(space), pasid_ended);
		else
			managed_device_detach_pasid(d, a, pasid_ended);
	}
}
