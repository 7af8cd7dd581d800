/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start: shards, then every device; ready when each is active or has failed. Stop: drain
 * all spaces, detach and close all devices, close the spaces, end the shards. Each stage
 * counts what it waits for in n_settling.
 */
#include "manager.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/notify.h"
#include "device/iommufd.h"
#include "managed.h"

#define WORKERS_MAX 8u

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

static void set_state(struct manager *m, enum manager_state state)
{
	m->directory.state = state;
	service_state_changed(m->service);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* READY once, and after that the status sentence whenever a device's step has ended. */
static void report(struct manager *m)
{
	size_t n_active = 0;
	char status[400];
	const struct device_entry *failed = NULL;

	for (size_t i = 0; i < m->n_devices; i++) {
		if (m->devices[i].entry.state == DEVICE_ACTIVE)
			n_active++;
		else if (!failed)
			failed = &m->devices[i].entry;
	}
	if (failed)
		snprintf(status, sizeof(status), "%zu of %zu devices active; %s is %s: %s", n_active, m->n_devices,
			 failed->name, device_state_to_string(failed->state), failed->error_text ?: "");
	else
		snprintf(status, sizeof(status), "%zu device%s active, %zu space%s, %zu shard%s, %s", n_active, plural(n_active),
			 m->n_spaces, plural(m->n_spaces), m->n_shards, plural(m->n_shards), m->directory.backend);
	set_state(m, failed ? MANAGER_DEGRADED : MANAGER_RUNNING);
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

static void stop_spaces(struct manager *m)
{
	m->n_settling = 1;
	for (size_t i = 0; i < m->n_spaces; i++) {
		if (!m->spaces[i].is_open)
			continue;
		m->n_settling++;
		managed_space_close(&m->spaces[i]);
	}
	m->next = stop_end;
	manager_settled(m);
}

static void stop_devices(struct manager *m)
{
	m->n_settling = m->n_devices + 1;
	m->next = stop_spaces;
	for (size_t i = 0; i < m->n_devices; i++)
		managed_device_stop(&m->devices[i]);
	manager_settled(m);
}

static void stop_begin(struct manager *m)
{
	m->n_settling = m->n_commands + 1;
	m->commands_settle = true;
	m->next = stop_devices;
	for (size_t i = 0; i < m->n_spaces; i++) {
		if (!m->spaces[i].is_open)
			continue;
		m->n_settling++;
		managed_space_drain(&m->spaces[i]);
	}
	manager_settled(m);
}

static void start_end(struct manager *m)
{
	m->next = NULL;
	if (m->stop_asked)
		stop_begin(m);
	else
		report(m);
}

static void start_devices(struct manager *m)
{
	/* One more than the devices, so that the stage cannot end before all were started. */
	m->n_settling = m->n_devices + 1;
	m->next = start_end;
	for (size_t i = 0; i < m->n_devices; i++)
		managed_device_start(&m->devices[i]);
	manager_settled(m);
}

void manager_settled(struct manager *m)
{
	assert(m->n_settling);
	if (--m->n_settling == 0)
		m->next(m);
}

static void manager_stop(struct manager *m, const char *why)
{
	if (m->stop_asked)
		return;
	m->stop_asked = true;
	log_info("stopping: %s", why);
	set_state(m, MANAGER_STOPPING);
	notify_stopping("draining and detaching devices");
	if (!m->next)
		stop_begin(m);
}

static void on_signal(int signo, void *userdata)
{
	struct manager *m = userdata;

	if (signo == SIGHUP)
		log_notice("SIGHUP ignored: this version cannot reload, restart it to apply a new configuration");
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

/* Its devices get no answers any more, and calls to it would never end. */
static void on_shard_dead(void *userdata)
{
	struct manager *m = userdata;

	log_error("a shard has died: ending at once, the kernel detaches the devices");
	loop_stop(m->loop, -EIO);
}

static int run_heartbeat(struct shard_call *c)
{
	(void)c;
	return 0;
}

static void done_heartbeat(struct shard_call *c)
{
	struct manager *m = c->owner;

	if (--m->n_beating == 0)
		notify_watchdog_ping();
}

/* The service manager hears from us only after every shard's loop came round. */
static int on_watchdog(struct loop_source *s, uint32_t events, void *userdata)
{
	struct manager *m = userdata;

	(void)events;
	loop_set_timer(s, clock_now_ns() + notify_watchdog_usec() * NSEC_PER_USEC / 2);
	if (m->n_beating)
		return 0;
	if (!m->n_shards)
		notify_watchdog_ping();
	m->n_beating = (unsigned)m->n_shards;
	for (size_t i = 0; i < m->n_shards; i++) {
		m->heartbeats[i] = (struct shard_call){ .run = run_heartbeat, .done = done_heartbeat, .owner = m };
		shard_submit(m->shards[i], &m->heartbeats[i]);
	}
	return 0;
}

static int start_watchdog(struct manager *m)
{
	int r;

	if (!notify_watchdog_usec())
		return 0;
	r = loop_add_timer(m->loop, on_watchdog, m, &m->watchdog);
	if (r >= 0)
		r = loop_set_timer(m->watchdog, 1);
	return r;
}

static size_t count_workers(const struct config *config)
{
	size_t n = config->workers;
	cpu_set_t cpus;

	/* The set has room for 1024 CPUs; with more the kernel refuses it. */
	if (!n && sched_getaffinity(0, sizeof(cpus), &cpus) >= 0)
		n = MIN((size_t)CPU_COUNT(&cpus), WORKERS_MAX);
	else if (!n)
		n = WORKERS_MAX;
	return MIN(n, config->n_spaces);
}

static int start_shards(struct manager *m, const struct config *config)
{
	/* Of each space: start or stop, and a shrink, and a cry for one; a heartbeat. */
	size_t n = count_workers(config), capacity = config->n_spaces * 3 + 1 + COMMANDS_MAX;

	for (size_t i = 0; i < config->n_devices; i++)
		capacity += config->devices[i].n_pasids + 1;
	m->shards = calloc(n + 1, sizeof(*m->shards));
	m->heartbeats = calloc(n + 1, sizeof(*m->heartbeats));
	m->directory.orphans = calloc(n + 1, sizeof(*m->directory.orphans));
	if (!m->shards || !m->heartbeats || !m->directory.orphans)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = shard_new((unsigned)i, loop_name(m->loop), m->loop, capacity, on_shard_dead, m,
				  &m->shards[i]);

		if (r < 0)
			return r;
		m->directory.orphans[i] = shard_orphans(m->shards[i]);
		m->n_shards = m->directory.n_orphans = i + 1;
	}
	return 0;
}

static int add_entries(struct manager *m, const struct config *config)
{
	m->spaces = calloc(config->n_spaces + 1, sizeof(*m->spaces));
	m->devices = calloc(config->n_devices + 1, sizeof(*m->devices));
	if (!m->spaces || !m->devices)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_spaces; i++) {
		struct managed_space *s = &m->spaces[m->n_spaces++];
		int r = managed_space_init(s, m, config, i, m->shards[i % m->n_shards]);

		if (r < 0)
			return r;
		s->entry.shard = (unsigned)(i % m->n_shards);
		TAILQ_INSERT_TAIL(&m->directory.spaces, &s->entry, link);
	}
	for (size_t i = 0; i < config->n_devices; i++) {
		struct managed_device *d = &m->devices[m->n_devices++];
		int r = managed_device_init(d, m, &config->devices[i]);

		if (r < 0)
			return r;
		TAILQ_INSERT_TAIL(&m->directory.devices, &d->entry, link);
	}
	return 0;
}

static int start_workers(struct manager *m, const struct config *config)
{
	budget_init(&m->budget, budget_bytes(&config->memory_budget), (unsigned)config->n_spaces);
	m->plugin_dir = strdup(config->plugin_dir);
	return m->plugin_dir ? workers_new(MAP_WORKERS, &m->workers) : -ENOMEM;
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

int manager_new(const struct config *config, const char *bus, struct manager **ret)
{
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	struct service_hooks hooks = { .on_name_taken = on_name_taken,
				       .on_space_command = managed_space_command, .userdata = m };
	int r;

	if (!m)
		return log_error_errno(-ENOMEM, "cannot start");
	directory_init(&m->directory);
	m->directory.start_ns = clock_now_ns();
	r = start_loop(m, config);
	if (r < 0)
		return r;
	r = start_workers(m, config);
	if (r >= 0)
		r = start_shards(m, config);
	if (r >= 0)
		r = add_entries(m, config);
	if (r >= 0)
		r = start_watchdog(m);
	if (r < 0)
		return log_error_errno(r, "cannot start%s", error_hint(-r));
	r = service_new(m->loop, bus, &m->directory, &hooks, &m->service);
	if (r < 0)
		return log_error_errno(r, "--bus=%s is not possible", bus);
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
	m->service = service_free(m->service);
	for (size_t i = 0; i < m->n_shards; i++)
		shard_free(m->shards[i]);
	workers_free(m->workers);
	for (size_t i = 0; i < m->n_devices; i++)
		managed_device_deinit(&m->devices[i]);
	for (size_t i = 0; i < m->n_spaces; i++)
		managed_space_deinit(&m->spaces[i]);
	iommufd_close(m->iommufd);
	loop_remove(m->watchdog);
	loop_remove(m->signals);
	loop_free(m->loop);
	free(m->plugin_dir);
	free(m->devices);
	free(m->spaces);
	free(m->directory.orphans);
	free(m->heartbeats);
	free(m->shards);
	free(m);
	return NULL;
}
