/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storms of refused faults. A served fault is work, however many there are; a device that is
 * refused again and again asks for what it cannot get, and whoever runs it must know. The
 * first refusal starts a timer, and the first second without one stops it.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/messages.h"
#include "managed.h"

/* A driver's mistake is refused once, or as often as it has requests in flight: a few
 * hundred. More than that each second is a device that does not stop. */
#define STORM_PER_SECOND 1000u

#define LOG_INTERVAL_NS (60 * NSEC_PER_SEC)

static uint64_t count_refused(const struct managed_device *d)
{
	struct stats_values values;

	directory_device_stats(&d->entry, &values);
	return values.responses_invalid;
}

static void storm(struct managed_device *d, uint64_t per_second, uint64_t now_ns)
{
	service_fault_storm(d->manager->service, &d->entry, per_second);
	if (d->storm_told_ns && now_ns - d->storm_told_ns < LOG_INTERVAL_NS)
		return;
	d->storm_told_ns = now_ns;
	log_with(LOG_WARNING, 0, &((struct log_fields){ .message_id = MESSAGE_STORM, .device = d->entry.name }),
		 "%" PRIu64 " faults were refused within a second: it goes on asking for what it cannot get", per_second);
}

static void stop_watching(struct manager *m)
{
	struct space_entry *e;

	m->storm_ns = 0;
	TAILQ_FOREACH(e, &m->directory.spaces, link)
		atomic_store(&managed_space(e)->refusing, false);
}

static int on_second(struct loop_source *s, uint32_t events, void *userdata)
{
	struct manager *m = userdata;
	uint64_t now_ns = clock_now_ns(), passed_ms = (now_ns - m->storm_ns) / NSEC_PER_MSEC;
	struct device_entry *e;
	bool refused = false;

	(void)events;
	m->storm_ns = now_ns;
	TAILQ_FOREACH(e, &m->directory.devices, link) {
		struct managed_device *d = managed_device(e);
		uint64_t n = count_refused(d), new = n - d->n_refused;

		d->n_refused = n;
		refused |= new > 0;
		if (passed_ms && new * 1000 / passed_ms >= STORM_PER_SECOND)
			storm(d, new * 1000 / passed_ms, now_ns);
	}
	if (refused && !m->stop_asked)
		loop_set_timer(s, now_ns + NSEC_PER_SEC);
	else
		stop_watching(m);
	return 0;
}

void managed_storm_watch(struct manager *m)
{
	struct device_entry *e;
	int r = 0;

	if (m->storm_ns || m->stop_asked)
		return;
	if (!m->storm)
		r = loop_add_timer(m->loop, on_second, m, &m->storm);
	if (r >= 0)
		r = loop_set_timer(m->storm, clock_now_ns() + NSEC_PER_SEC);
	if (r < 0) {
		log_warning_errno(r, "cannot watch for storms of refused faults");
		return;
	}
	m->storm_ns = clock_now_ns();
	TAILQ_FOREACH(e, &m->directory.devices, link)
		managed_device(e)->n_refused = count_refused(managed_device(e));
}
