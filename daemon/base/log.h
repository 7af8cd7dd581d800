/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structured log to the journal (when stderr is connected to it) or to stderr. Levels are
 * syslog's. A function either logs a failure or passes it up, never both.
 *
 * Writing can block (a stopped journald, a full pipe), so a thread that must not block
 * sets a forwarder: its records are then handed over whole and written by the thread that
 * receives them with log_write(). A forwarder that cannot take a record drops it; the
 * next record that goes through says how many were dropped.
 */
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <syslog.h>

#include "base/util.h"

enum log_target {
	LOG_TARGET_AUTO, /* journal if $JOURNAL_STREAM is our stderr, else stderr */
	LOG_TARGET_JOURNAL,
	LOG_TARGET_STDERR,
};

#define LOG_IDENTIFIER "iopfd"

/* Optional fields of a record; what is NULL or 0 is left out. Ids are 128-bit hex strings. */
struct log_fields {
	const char *message_id;
	const char *device;
	const char *space;
	const char *region;
	const char *policy;
	uint64_t iova;
	uint32_t perm;
	uint32_t pasid;
	uint32_t cookie; /* of the fault's group */
	bool has_iova;
	bool has_pasid;
};

struct log_record; /* one formatted record on the heap, owned by who holds it */

/* Takes the record (also when it fails). Returns 0, or -EAGAIN when it was dropped. */
typedef int (*log_forward_fn)(void *userdata, struct log_record *record);

/* May be changed while threads log. target: what the present one is, never AUTO. Names: "auto",
 * "journal", "stderr", also known as "console"; -EINVAL. */
int log_open(enum log_target target);
enum log_target log_get_target(void);
int log_target_from_string(const char *name);
const char *log_target_to_string(enum log_target target);
const char *log_target_names(void);
void log_set_max_level(int level);
int log_get_max_level(void);
int log_level_from_string(const char *name); /* -EINVAL; names as in syslog(3) */
const char *log_level_to_string(int level);
const char *log_level_names(void); /* for messages: "emerg, alert, ... debug" */

/* For the calling thread only; NULL ends it. */
void log_set_forward(log_forward_fn fn, void *userdata);
void log_write(struct log_record *record);            /* writes and frees */
struct log_record *log_record_free(struct log_record *record);

/* `error` is 0 or a negative errno: its text is appended and it is returned unchanged. */
int log_full(int level, int error, const struct log_fields *fields, const char *file, int line, const char *func,
	     const char *format, ...) PRINTF_LIKE(7, 8);

#define log_with(level, error, fields, ...)                                                            \
	((level) <= log_get_max_level()                                                                \
		 ? log_full(level, error, fields, __FILE__, __LINE__, __func__, __VA_ARGS__)           \
		 : (error))
#define log_error(...) log_with(LOG_ERR, 0, NULL, __VA_ARGS__)
#define log_warning(...) log_with(LOG_WARNING, 0, NULL, __VA_ARGS__)
#define log_notice(...) log_with(LOG_NOTICE, 0, NULL, __VA_ARGS__)
#define log_info(...) log_with(LOG_INFO, 0, NULL, __VA_ARGS__)
#define log_debug(...) log_with(LOG_DEBUG, 0, NULL, __VA_ARGS__)
#define log_error_errno(error, ...) log_with(LOG_ERR, error, NULL, __VA_ARGS__)
#define log_warning_errno(error, ...) log_with(LOG_WARNING, error, NULL, __VA_ARGS__)

/* At most `burst` passes per interval; the first one after a silence says how many were not. */
struct log_ratelimit {
	uint64_t interval_ns;
	unsigned burst;
	uint64_t window_start_ns;
	unsigned n_passed;
	unsigned n_suppressed;
};

#define LOG_RATELIMIT_INIT(interval, n) { .interval_ns = (interval), .burst = (n) }

/* True: log now; *ret_suppressed is how many were swallowed before this one. */
bool log_ratelimit_pass(struct log_ratelimit *limit, uint64_t now_ns, unsigned *ret_suppressed);
