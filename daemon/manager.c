/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start: shards, then every device; ready when each is active or has failed. Stop: drain
 * all spaces, detach and close all devices, close the spaces, end the shards. Each stage
 * counts what it waits for in n_settling.
 */
#include "manager.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/notify.h"
#include "device/iommufd.h"
#include "managed-attach.h"
#include "managed-set.h"
#include "reload.h"

/* What keeps faulting for longer than that is answered by the detach. */
#define DRAIN_NS (5 * NSEC_PER_SEC)

/* Long maps run in parallel in the kernel; more than this only share its memory. */
#define MAP_WORKERS 2u

static void sigset_handled(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void manager_block_signals(void)
{
	sigset_t set;

	sigset_handled(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int manager_get_iommufd(struct manager *m, struct iommufd **ret, struct reason *why)
{
	if (!m->iommufd) {
		int r = iommufd_open(IOMMUFD_PATH, &m->iommufd, why);

		if (r < 0)
			return r;
	}
	*ret = m->iommufd;
	return 0;
}

const char *error_hint(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
		return " (raise LimitNOFILE= of the unit, or ulimit -n)";
	case ENOMEM:
		return " (out of memory, or over the limit of locked memory: LimitMEMLOCK= of the unit, or ulimit -l)";
	case EFBIG:
		return " (larger than a file may be: LimitFSIZE= of the unit, or ulimit -f)";
	default:
		return "";
	}
}

void manager_set_state(struct manager *m, enum manager_state state)
{
	m->directory.state = state;
	service_state_changed(m->service);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* READY once, and after that the status sentence whenever a device's step has ended. */
void manager_report(struct manager *m)
{
	size_t n_active = 0, n_devices = 0, n_spaces = 0;
	const struct device_entry *e, *failed = NULL;
	const struct space_entry *space;
	char status[sizeof(m->status)];

	if (m->stop_asked || m->reload)
		return;
	TAILQ_FOREACH(e, &m->directory.devices, link) {
		n_devices++;
		if (e->state == DEVICE_ACTIVE || e->state == DEVICE_PAUSED || e->state == DEVICE_DRAINING)
			n_active++;
		else if (!failed)
			failed = e;
	}
	TAILQ_FOREACH(space, &m->directory.spaces, link)
		n_spaces++;
	if (failed)
		snprintf(status, sizeof(status), "%zu of %zu devices active; %s is %s%s%s", n_active, n_devices,
			 failed->name, device_state_to_string(failed->state), failed->error_text ? ": " : "",
			 failed->error_text ?: "");
	else
		snprintf(status, sizeof(status), "%zu device%s active, %zu space%s, %zu shard%s, %s", n_active, plural(n_active),
			 n_spaces, plural(n_spaces), m->n_shards, plural(m->n_shards), m->directory.backend);
	manager_set_state(m, failed ? MANAGER_DEGRADED : MANAGER_RUNNING);
	if (m->ready && !strcmp(status, m->status))
		return;
	snprintf(m->status, sizeof(m->status), "%s", status);
	log_info("%s", status);
	if (m->ready)
		notify_status(status);
	else
		notify_ready(status);
	m->ready = true;
}

static void stop_end(struct manager *m)
{
	loop_stop(m->loop, m->exit_code);
}

/* The stages of a stop: a step begins with each, so that none can end before all of its steps
 * were begun. */
static void stop_spaces(struct manager *m)
{
	struct space_entry *e;

	manager_begin(m);
	m->next = stop_end;
	TAILQ_FOREACH(e, &m->directory.spaces, link)
		if (managed_space_is_in_use(managed_space(e)))
			managed_space_close(managed_space(e), NULL);
	manager_settled(m);
}

static void ignore(struct managed_device *d)
{
	(void)d;
}

static void stop_devices(struct manager *m)
{
	struct device_entry *e;

	manager_begin(m);
	m->next = stop_spaces;
	TAILQ_FOREACH(e, &m->directory.devices, link)
		managed_device_stop(managed_device(e), ignore);
	manager_settled(m);
}

static void stop_begin(struct manager *m)
{
	struct space_entry *e;

	manager_begin(m);
	m->next = stop_devices;
	TAILQ_FOREACH(e, &m->directory.spaces, link)
		if (managed_space(e)->is_open)
			managed_space_drain(managed_space(e), DRAIN_NS);
	manager_settled(m);
}

static void start_devices(struct manager *m)
{
	struct device_entry *e;

	manager_begin(m);
	m->next = manager_report;
	TAILQ_FOREACH(e, &m->directory.devices, link)
		managed_device_start(managed_device(e), ignore);
	manager_settled(m);
}

void manager_begin(struct manager *m)
{
	m->n_settling++;
}

void manager_settled(struct manager *m)
{
	void (*next)(struct manager *m);

	assert(m->n_settling);
	if (--m->n_settling)
		return;
	next = m->next;
	m->next = NULL;
	if (m->stop_asked && m->reload)
		reload_abort(m);
	else if (next)
		next(m);
	/* What was asked for in the meantime begins when what was under way has ended. */
	if (m->stop_asked && !m->stopping && !m->n_settling) {
		m->stopping = true;
		stop_begin(m);
		return;
	}
	if (m->reload_waits && !m->n_settling)
		reload_begin(m);
	if (next && !m->next)
		managed_hotplug_resume(m);
}

static void manager_stop(struct manager *m, const char *why)
{
	if (m->stop_asked)
		return;
	m->stop_asked = true;
	log_info("stopping: %s", why);
	manager_set_state(m, MANAGER_STOPPING);
	notify_stopping("draining and detaching devices");
	/* At once, if nothing is under way. */
	manager_begin(m);
	manager_settled(m);
}

static void on_signal(int signo, void *userdata)
{
	struct manager *m = userdata;

	if (signo == SIGHUP)
		reload_request(m, NULL);
	else
		manager_stop(m, signo == SIGINT ? "SIGINT" : "SIGTERM");
}

static void on_name_taken(void *userdata)
{
	struct manager *m = userdata;

	log_error("the bus name %s belongs to another process: is another iopfd running?", SERVICE_NAME);
	m->exit_code = EXIT_FAILURE;
	manager_stop(m, "bus name taken");
}

static int add_entries(struct manager *m, const struct config *config)
{
	_cleanup_(managed_set_deinit) struct managed_set set = { 0 };
	int r = managed_set_init(&set, m, config);

	if (r >= 0)
		r = managed_set_make(&set);
	if (r >= 0)
		managed_set_list(&set);
	return r;
}

static int start_workers(struct manager *m, const struct config *config)
{
	int r;

	m->deadline_ns = config->deadline_ns;
	budget_init(&m->budget, budget_bytes(&config->memory_budget), (unsigned)config->n_spaces);
	m->plugin_dir = strdup(config->plugin_dir);
	if (!m->plugin_dir)
		return -ENOMEM;
	r = workers_new(MAP_WORKERS, &m->workers);
	if (r >= 0)
		r = shards_init(m, config);
	if (r >= 0)
		r = stats_page_new((uint32_t)m->max_calls, &m->page);
	m->directory.page = m->page;
	return r;
}

static int start_loop(struct manager *m, const struct config *config)
{
	sigset_t signals;
	int r = loop_new(config->event_loop, &m->loop);

	if (r < 0)
		return log_error_errno(r, "event-loop = %s is not possible here", config->event_loop);
	m->directory.backend = loop_name(m->loop);
	if (loop_fallback(m->loop))
		log_notice("event-loop = auto: using %s, for %s", m->directory.backend, loop_fallback(m->loop));
	sigset_handled(&signals);
	r = loop_add_signals(m->loop, &signals, on_signal, m, &m->signals);
	return r < 0 ? log_error_errno(r, "cannot receive signals") : 0;
}

static struct manager *alloc(const struct manager_setup *setup, struct config *config)
{
	struct manager *m = calloc(1, sizeof(*m));

	if (!m) {
		config_free(config);
		return NULL;
	}
	m->source = setup->source;
	m->hooks = setup->hooks;
	m->started = config;
	directory_init(&m->directory);
	TAILQ_INIT(&m->traces);
	m->directory.trace_dropped = &m->trace_dropped;
	m->directory.start_ns = clock_now_ns();
	reload_applied(m, config);
	return m;
}

int manager_new(const struct manager_setup *setup, struct config *config, struct manager **ret)
{
	_cleanup_(manager_freep) struct manager *m = alloc(setup, config);
	struct service_hooks hooks = { .on_name_taken = on_name_taken,
				       .on_space_command = managed_space_command,
				       .on_device_command = managed_device_command,
				       .on_pasid = managed_device_pasid,
				       .on_trace = managed_trace_open,
				       .on_dump = managed_dump,
				       .on_attach = managed_attach,
				       .on_reload = reload_request,
				       .on_plan = reload_plan,
				       .on_check = reload_check,
				       .userdata = m };
	int r;

	if (!m)
		return log_error_errno(-ENOMEM, "cannot start");
	r = start_loop(m, config);
	if (r < 0)
		return r;
	r = start_workers(m, config);
	if (r >= 0)
		r = add_entries(m, config);
	if (r < 0)
		return log_error_errno(r, "cannot start%s", error_hint(-r));
	r = service_new(m->loop, setup->bus, &m->directory, &hooks, &m->service);
	if (r < 0)
		return log_error_errno(r, "--bus=%s is not possible", setup->bus);
	*ret = TAKE_PTR(m);
	return 0;
}

int manager_run(struct manager *m)
{
	int r;

	start_devices(m);
	r = loop_run(m->loop);
	if (r < 0)
		log_error_errno(r, "the event loop failed");
	return r;
}

struct manager *manager_free(struct manager *m)
{
	if (!m)
		return NULL;
	reload_abort(m);
	m->service = service_free(m->service);
	shards_deinit(m);
	workers_free(m->workers);
	while (!TAILQ_EMPTY(&m->directory.devices))
		managed_device_free(managed_device(TAILQ_FIRST(&m->directory.devices)));
	while (!TAILQ_EMPTY(&m->directory.spaces))
		managed_space_free(managed_space(TAILQ_FIRST(&m->directory.spaces)));
	hotplug_free(m->hotplug);
	loop_remove(m->storm);
	stats_page_free(m->page);
	iommufd_close(m->iommufd);
	loop_remove(m->signals);
	loop_free(m->loop);
	if (m->config != m->started)
		config_free(m->config);
	config_free(m->started);
	free(m->directory.reload_error_text);
	free(m->plugin_dir);
	free(m);
	return NULL;
}
