/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the service share: service.c owns the connection, service-objects.c
 * the tree of objects, service-{manager,device,space,statistics,log}.c the members of an
 * interface, but for groups of methods with a file of their own, service-changes.c and
 * service-signals.c what is told unasked, service-admin.c the question who may do what,
 * service-call.c the calls that take time.
 */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "control/service.h"
#include "device/kernel.h"

#define SERVICE_DEVICE_PREFIX SERVICE_PATH "/device"
#define SERVICE_SPACE_PREFIX SERVICE_PATH "/space"
#define SERVICE_DEVICE_INTERFACE SERVICE_NAME ".Device"
#define SERVICE_MANAGER_INTERFACE SERVICE_NAME ".Manager"
#define SERVICE_SPACE_INTERFACE SERVICE_NAME ".Space"
#define SERVICE_STATISTICS_INTERFACE SERVICE_NAME ".Statistics"
#define SERVICE_LOG_PATH "/org/freedesktop/LogControl1"
#define SERVICE_LOG_INTERFACE "org.freedesktop.LogControl1"
#define SERVICE_PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

/* One consistent copy of an object's counters, as the properties show it. */
struct service_snapshot {
	struct stats_values values;
	uint64_t monotonic_usec;
	uint64_t latency_p50_ns;
	uint64_t latency_p99_ns;
	uint64_t latency_p999_ns;
	uint32_t faults_pending;
	uint32_t faults_pending_max;
	uint64_t trace_dropped;
};

#define SERVICE_N_VERDICTS 32

struct service_verdict {
	char sender[32]; /* unique name; a bus never uses one again */
	bool allowed;
};

TAILQ_HEAD(service_questions, service_question);
TAILQ_HEAD(service_calls, service_call);

struct service_admin {
	bool has_group;
	gid_t group;
	struct service_verdict verdicts[SERVICE_N_VERDICTS]; /* a ring */
	unsigned next_verdict;
	struct service_questions questions; /* the bus is asked whose a call is */
};

struct service {
	struct loop *loop;
	struct directory *directory;
	struct service_hooks hooks;
	char *address; /* of the bus; NULL = none */

	sd_bus *bus;         /* NULL while there is no connection */
	struct loop_source *source; /* of its fd; NULL likewise */
	int source_fd;
	uint32_t source_events;

	struct loop_source *timer; /* sd-bus's own time-out, or the next attempt to connect */
	uint64_t timer_ns;         /* what it is armed for; 0 = nothing */
	uint64_t backoff_ns;
	bool dispatching;          /* sd_bus_process() is on the stack */
	bool complained;           /* this outage was logged */
	int failure;               /* negative errno: the connection is of no use */

	struct service_admin admin;
	struct service_calls calls;         /* wait for their commands to end */
	struct service_snapshot snapshot;   /* of the object that is being read */
	const char *kernel[KERNEL_FEATURES_MAX + 1]; /* what it can do; ends with NULL */
	const struct device_entry *leaving; /* not counted any more */

	bool named;                /* the bus has given us the name: somebody may listen */
	unsigned untold;           /* SERVICE_UNTOLD_* */
	struct loop_source *teller; /* timer; NULL where there is no bus */
	bool telling;              /* it is set */
};

/* What has changed and is not told yet. */
#define SERVICE_UNTOLD_STATE (1u << 0)
#define SERVICE_UNTOLD_COUNT (1u << 1)
#define SERVICE_UNTOLD_OBJECTS (1u << 2) /* those with `untold` */

int service_changes_init(struct service *s);
bool service_has_audience(const struct service *s);
void service_note_manager(struct service *s, unsigned what);
void service_note_spaces(struct service *s, const struct device_entry *e); /* of the device */
void service_tell_changes(struct service *s); /* now: before something else is said */

/* After whatever may have sent something: hooks the connection into the loop as sd-bus wants
 * it now. */
void service_arm(struct service *s);

/* Adds the whole tree to s->bus, for as long as the bus lives. */
int service_objects_add(struct service *s);
struct device_entry *service_device_at(const struct service *s, const char *path);
struct space_entry *service_space_at(const struct service *s, const char *path);
size_t service_region_at(const struct space_entry *e, const char *name); /* n_regions: there is none */
char *service_path(const char *prefix, const char *name); /* on the heap; NULL = ENOMEM */

/* Answers with an array of `types`, which append adds to the reply. */
int service_reply_array(const struct service *s, sd_bus_message *m, const char *types,
			int (*append)(sd_bus_message *reply, const struct service *s, const void *userdata),
			const void *userdata);

/* In a property's or method's handler: whose tree it is in. */
struct service *service_current(sd_bus *bus);

/* Appends {st}: all counters that are numbers. */
int service_statistics_append(const struct service *s, const struct stats_values *values, sd_bus_message *m);

/* Does what a method is for and sends the reply, or fills the error. */
typedef int (*service_method_fn)(struct service *s, sd_bus_message *m, sd_bus_error *ret_error);

/* The rest of a method's handler: calls fn now or when the bus has said who the sender is,
 * if he is allowed to. fn must look everything up itself: things may have gone meanwhile. */
int service_admin_run(struct service *s, sd_bus_message *m, service_method_fn fn, sd_bus_error *ret_error);
void service_admin_init(struct service *s);
void service_admin_reset(struct service *s); /* before the bus is let go */

/* The calls that wait (service-call.h). */
void service_calls_refuse(struct service *s); /* answers all that wait */
void service_calls_let_go(struct service *s); /* before the bus is let go */
