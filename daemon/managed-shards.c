/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shards: how many there may be, which one a space gets when it opens, and the
 * heartbeat that proves to the service manager that each of them still comes round.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/messages.h"
#include "config/value.h"
#include "control/notify.h"
#include "managed.h"

#define WORKERS_MAX 8u

/* Calls that may be under way at once, if the configuration does not need more. */
#define CALLS_MIN 4096u

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

	c->owner = NULL;
	if (--m->n_beating == 0)
		notify_watchdog_ping();
}

/* It is over when the next one is due: half of what the service manager waits for. */
static void tell_missed(const struct manager *m)
{
	struct log_fields fields = { .message_id = MESSAGE_WATCHDOG };
	char names[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < m->n_shards && n < sizeof(names); i++)
		if (m->heartbeats[i].owner)
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%zu", n ? ", " : "", i);
	log_with(LOG_ERR, 0, &fields, "no heartbeat from shard %s for %" PRIu64 " ms: the service manager kills the daemon after "
		 "%" PRIu64 " ms without one", names, notify_watchdog_usec() / 2000, notify_watchdog_usec() / 1000);
}

/* The service manager hears from us only after every shard's loop came round. */
static int on_watchdog(struct loop_source *s, uint32_t events, void *userdata)
{
	struct manager *m = userdata;

	(void)events;
	loop_set_timer(s, clock_now_ns() + notify_watchdog_usec() * NSEC_PER_USEC / 2);
	if (m->n_beating) {
		tell_missed(m);
		return 0;
	}
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

/* The set has room for 1024 CPUs; with more the kernel refuses it. */
static size_t count_cpus(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) >= 0 ? (size_t)CPU_COUNT(&cpus) : WORKERS_MAX;
}

static size_t count_listed_cpus(const char *list)
{
	size_t n = 0;

	for (int cpu = value_next_cpu(list, -1); cpu >= 0; cpu = value_next_cpu(list, cpu))
		n++;
	return n;
}

static size_t most_workers(const struct config *config)
{
	if (config->workers)
		return config->workers;
	return MIN(config->cpus ? count_listed_cpus(config->cpus) : count_cpus(), WORKERS_MAX);
}

int shards_init(struct manager *m, const struct config *config)
{
	/* Of each attachment there is one. */
	size_t needed = config->n_spaces * CALLS_PER_SPACE + COMMANDS_MAX + 1;

	for (size_t i = 0; i < config->n_devices; i++)
		needed += config->devices[i].n_pasids + 1;
	m->n_calls = COMMANDS_MAX + 1;
	m->max_calls = MAX(needed * 2, CALLS_MIN);
	m->max_shards = most_workers(config);
	m->last_cpu = -1;
	/* With one CPU a spin would only keep the device's own interrupt thread from running. */
	m->may_spin = count_cpus() > 1;
	if (!m->may_spin && config->spin_ns > 0)
		log_notice("spin: not used, there is only one CPU for this daemon");
	if (config->cpus && !(m->cpus = strdup(config->cpus)))
		return -ENOMEM;
	m->shards = calloc(m->max_shards, sizeof(*m->shards));
	m->heartbeats = calloc(m->max_shards, sizeof(*m->heartbeats));
	m->directory.orphans = calloc(m->max_shards, sizeof(*m->directory.orphans));
	if (!m->shards || !m->heartbeats || !m->directory.orphans)
		return -ENOMEM;
	return start_watchdog(m);
}

void shards_deinit(struct manager *m)
{
	loop_remove(m->watchdog);
	for (size_t i = 0; i < m->n_shards; i++)
		shard_free(m->shards[i]);
	managed_traces_deinit(m);
	free(m->directory.orphans);
	free(m->heartbeats);
	free(m->shards);
	free(m->cpus);
}

int manager_reserve_calls(struct manager *m, long n)
{
	if (n > 0 && m->n_calls + (size_t)n > m->max_calls)
		return -ENOSPC;
	m->n_calls += (size_t)n;
	return 0;
}

/* The shards go round the list. */
static int next_cpu(struct manager *m)
{
	if (!m->cpus)
		return -1;
	m->last_cpu = value_next_cpu(m->cpus, m->last_cpu);
	if (m->last_cpu < 0)
		m->last_cpu = value_next_cpu(m->cpus, -1);
	return m->last_cpu;
}

static int add_shard(struct manager *m)
{
	struct stats *orphans = stats_page_take(m->page, STATS_ORPHANS, NULL, NULL, PASID_NONE);
	int cpu = next_cpu(m), r = -ENOSPC;
	size_t i = m->n_shards;

	if (orphans)
		r = shard_new((unsigned)i, loop_name(m->loop), m->loop, m->max_calls, orphans, cpu, on_shard_dead, m,
			      &m->shards[i]);
	if (r == -EINVAL && cpu >= 0 && !m->shard_error)
		log_error("cpus = %s: CPU %d is not there, or not for this daemon (AllowedCPUs=, CPUAffinity=)", m->cpus, cpu);
	if (r < 0) {
		stats_page_give(orphans);
		return r;
	}
	m->shard_error = 0;
	m->directory.orphans[i] = orphans;
	m->n_shards = m->directory.n_orphans = i + 1;
	managed_traces_join(m, i);
	return 0;
}

static size_t count_active(const struct manager *m, const struct shard *shard, const struct managed_space *except)
{
	struct space_entry *e;
	size_t n = 0;

	TAILQ_FOREACH(e, &m->directory.spaces, link)
		n += managed_space(e)->n_active && managed_space(e)->shard == shard && managed_space(e) != except;
	return n;
}

/* The shards that there are have to do; said once, until there is another one. */
static void tell_too_few(struct manager *m, int error)
{
	if (!m->shard_error)
		log_warning_errno(error, "only %zu of %zu threads can be started, these serve all spaces%s", m->n_shards,
				  m->max_shards, error_hint(-error));
	m->shard_error = error;
}

/* Where it is now, unless another one has less to do. */
int shards_pick(struct manager *m, const struct managed_space *s, struct shard **ret)
{
	struct shard *best = s->shard;
	size_t least = best ? count_active(m, best, s) : SIZE_MAX;

	for (size_t i = 0; least && i < m->n_shards; i++) {
		size_t n = count_active(m, m->shards[i], s);

		if (n < least) {
			least = n;
			best = m->shards[i];
		}
	}
	if (least && m->n_shards < m->max_shards) {
		int r = add_shard(m);

		if (r < 0 && !best)
			return r;
		if (r < 0)
			tell_too_few(m, r);
		else
			best = m->shards[m->n_shards - 1];
	}
	*ret = best;
	return 0;
}
