/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rates are taken over the daemon's own time of each snapshot: a call that comes late makes
 * no peak.
 */
#include "ctl/plot.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/svg.h"
#include "ctl/units.h"

#define MAX_SAMPLES 100000

struct moment {
	uint64_t usec;
	uint64_t faults;
};

struct record {
	char *path;
	struct moment start, last;
	struct buckets before, after;
	struct svg_sample *samples;
	size_t n_samples;
};

static void record_deinit(struct record *r)
{
	free(r->path);
	free(r->samples);
	buckets_deinit(&r->before);
	buckets_deinit(&r->after);
}

static enum ctl_exit read_moment(sd_bus *bus, const char *path, struct moment *ret)
{
	_cleanup_(variant_freep) struct variant *v = NULL;
	enum ctl_exit e = client_get_all(bus, path, CLIENT_STATISTICS, &v);

	if (e)
		return e;
	ret->usec = variant_number(variant_get(v, "SnapshotMonotonicUSec"));
	ret->faults = variant_number(variant_get(v, "FaultsTotal"));
	return CTL_OK;
}

static enum ctl_exit read_buckets(sd_bus *bus, const char *path, struct buckets *ret)
{
	_cleanup_(variant_freep) struct variant *v = NULL;
	enum ctl_exit e = client_get(bus, path, CLIENT_STATISTICS, "LatencyBuckets", &v);

	if (e)
		return e;
	return buckets_read(v, ret) < 0 ? client_complain(CTL_FAILURE, "LatencyBuckets makes no sense") : CTL_OK;
}

/* False: SIGINT came, which is blocked, so that it breaks no call off. */
static bool sleep_until(uint64_t ns)
{
	uint64_t now = clock_now_ns(), left = ns > now ? ns - now : 0;
	struct timespec timeout = { (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	while (sigtimedwait(&mask, NULL, &timeout) < 0)
		if (errno == EAGAIN)
			return true;
	return false;
}

static void add_sample(struct record *r, const struct moment *now)
{
	double seconds = (double)(now->usec - r->last.usec) / 1e6;

	if (now->usec <= r->last.usec)
		return;
	r->samples[r->n_samples].seconds = (double)(now->usec - r->start.usec) / 1e6;
	/* A daemon that was started meanwhile counts from 0 again. */
	if (now->faults > r->last.faults)
		r->samples[r->n_samples].rate = (double)(now->faults - r->last.faults) / seconds;
	r->n_samples++;
	r->last = *now;
}

static enum ctl_exit record(sd_bus *bus, struct record *r, uint64_t interval_usec, uint64_t n)
{
	enum ctl_exit e = read_buckets(bus, r->path, &r->before) ?: read_moment(bus, r->path, &r->start);
	uint64_t next = clock_now_ns();
	struct moment now;

	r->last = r->start;
	for (uint64_t i = 0; i < n && !e; i++) {
		next += interval_usec * NSEC_PER_USEC;
		if (!sleep_until(next))
			break;
		e = read_moment(bus, r->path, &now);
		if (!e)
			add_sample(r, &now);
	}
	return e ?: read_buckets(bus, r->path, &r->after);
}

static void write_picture(const void *picture, FILE *out)
{
	svg_write(picture, out);
}

static enum ctl_exit draw(const struct record *r, const struct plot_request *q)
{
	struct svg_picture p = { .title = q->name ? q->name : "iopfd: all devices", .samples = r->samples,
				 .n_samples = r->n_samples };
	uint64_t usec = r->last.usec - r->start.usec;
	char subtitle[256];
	enum ctl_exit e;

	if (buckets_since(&r->after, &r->before, &p.latency) < 0)
		return client_no_memory();
	snprintf(subtitle, sizeof(subtitle), "%" PRIu64 " faults in %.1f s; %" PRIu64 " groups answered",
		 r->last.faults - MIN(r->start.faults, r->last.faults), (double)usec / 1e6, buckets_total(&p.latency));
	p.subtitle = subtitle;
	e = output_file(q->file, write_picture, &p);
	if (!e && !ctl_options.json)
		printf("%s: %s\n", q->file, subtitle);
	buckets_deinit(&p.latency);
	return e;
}

enum ctl_exit plot_record(sd_bus *bus, const struct plot_request *q)
{
	_cleanup_(record_deinit) struct record r = { 0 };
	enum ctl_exit e;
	sigset_t mask;
	uint64_t n;

	n = q->duration_usec / q->interval_usec;
	if (n > MAX_SAMPLES)
		return client_usage("stats", "more than %d records", MAX_SAMPLES);
	r.samples = calloc(n, sizeof(*r.samples));
	if (!r.samples)
		return client_no_memory();
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	e = q->name ? client_find(bus, q->find, q->name, &r.path) : CTL_OK;
	e = e ?: record(bus, &r, q->interval_usec, n);
	return e ?: draw(&r, q);
}
