/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log records and where they go. A record is a list of journal fields, the message first,
 * formatted by the thread that logs; stderr gets the message only.
 *
 * The maximum level and the target are the only global state of the daemon. Whether a
 * thread forwards, and how many records it lost since the last that went through, belongs
 * to the thread.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Records carry the place of their own caller, not a line of this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/cleanup.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define MESSAGE_KEY "MESSAGE="
#define ITEMS_MAX 16 /* with every field there is */

struct log_record {
	size_t n_items;
	char *items[ITEMS_MAX]; /* "KEY=value"; items[0] is the message */
};
DEFINE_CLEANUP(struct log_record, log_record_free)

static struct {
	atomic_int max_level;
	atomic_int target;
} log_state = { .max_level = LOG_INFO, .target = LOG_TARGET_STDERR };

static _Thread_local struct {
	log_forward_fn forward;
	void *userdata;
	unsigned n_dropped;
} log_thread;

static const char *const level_names[] = {
	[LOG_EMERG] = "emerg",	   [LOG_ALERT] = "alert",   [LOG_CRIT] = "crit", [LOG_ERR] = "err",
	[LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

int log_level_from_string(const char *name)
{
	for (int i = 0; i < (int)ARRAY_SIZE(level_names); i++)
		if (strcmp(name, level_names[i]) == 0)
			return i;
	return -EINVAL;
}

const char *log_level_to_string(int level)
{
	return level >= 0 && level < (int)ARRAY_SIZE(level_names) ? level_names[level] : NULL;
}

const char *log_level_names(void)
{
	return "emerg, alert, crit, err, warning, notice, info, debug";
}

void log_set_max_level(int level)
{
	atomic_store_explicit(&log_state.max_level, level, memory_order_relaxed);
}

int log_get_max_level(void)
{
	return atomic_load_explicit(&log_state.max_level, memory_order_relaxed);
}

/* The service manager tells which stream it connected; stderr may be another by now. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	int end = 0;

	if (!stream || sscanf(stream, "%ju:%ju%n", &device, &inode, &end) != 2 || stream[end])
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

int log_open(enum log_target target)
{
	switch (target) {
	case LOG_TARGET_AUTO:
		target = stderr_is_journal() ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR;
		break;
	case LOG_TARGET_JOURNAL:
		/* libsystemd takes an absent journal for success; who asks for it wants to know. */
		if (access(JOURNAL_SOCKET, W_OK) < 0)
			return -errno;
		break;
	case LOG_TARGET_STDERR:
		break;
	default:
		return -EINVAL;
	}
	atomic_store_explicit(&log_state.target, (int)target, memory_order_relaxed);
	return 0;
}

enum log_target log_get_target(void)
{
	return (enum log_target)atomic_load_explicit(&log_state.target, memory_order_relaxed);
}

static const char *const target_names[] = {
	[LOG_TARGET_AUTO] = "auto",
	[LOG_TARGET_JOURNAL] = "journal",
	[LOG_TARGET_STDERR] = "stderr",
};

int log_target_from_string(const char *name)
{
	for (int i = 0; i < (int)ARRAY_SIZE(target_names); i++)
		if (strcmp(name, target_names[i]) == 0)
			return i;
	return strcmp(name, "console") ? -EINVAL : LOG_TARGET_STDERR;
}

const char *log_target_to_string(enum log_target target)
{
	return target_names[target];
}

const char *log_target_names(void)
{
	return "auto, journal, stderr";
}

void log_set_forward(log_forward_fn fn, void *userdata)
{
	log_thread.forward = fn;
	log_thread.userdata = userdata;
}

struct log_record *log_record_free(struct log_record *record)
{
	if (!record)
		return NULL;
	for (size_t i = 0; i < record->n_items; i++)
		free(record->items[i]);
	free(record);
	return NULL;
}

/* A field for which there is no memory is left out; the message must be there. */
static int PRINTF_LIKE(2, 3) record_add(struct log_record *record, const char *format, ...)
{
	char *item;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&item, format, ap);
	va_end(ap);
	if (r < 0)
		return -ENOMEM;
	assert(record->n_items < ITEMS_MAX);
	record->items[record->n_items++] = item;
	return 0;
}

static int record_add_message(struct log_record *record, int error, const char *device, const char *text)
{
	char reason[128] = "", lost[64] = "", buffer[96];

	if (error < 0)
		snprintf(reason, sizeof(reason), ": %s", strerror_r(-error, buffer, sizeof(buffer)));
	if (log_thread.n_dropped)
		snprintf(lost, sizeof(lost), " (%u log records lost before this one)", log_thread.n_dropped);
	return record_add(record, MESSAGE_KEY "%s%s%s%s%s", device ? device : "", device ? ": " : "", text, reason,
			  lost);
}

static void record_add_fields(struct log_record *record, const struct log_fields *f)
{
	if (f->message_id)
		record_add(record, "MESSAGE_ID=%s", f->message_id);
	if (f->device)
		record_add(record, "IOPFD_DEVICE=%s", f->device);
	if (f->space)
		record_add(record, "IOPFD_SPACE=%s", f->space);
	if (f->region)
		record_add(record, "IOPFD_REGION=%s", f->region);
	if (f->policy)
		record_add(record, "IOPFD_POLICY=%s", f->policy);
	if (f->has_iova)
		record_add(record, "IOPFD_IOVA=0x%" PRIx64, f->iova);
	if (f->perm)
		record_add(record, "IOPFD_PERM=0x%" PRIx32, f->perm);
	if (f->has_pasid)
		record_add(record, "IOPFD_PASID=%" PRIu32, f->pasid);
	if (f->cookie)
		record_add(record, "IOPFD_COOKIE=%" PRIu32, f->cookie);
}

static void write_stderr(char *message)
{
	char name[] = LOG_IDENTIFIER ": ", end[] = "\n";
	struct iovec iov[] = {
		{ .iov_base = name, .iov_len = sizeof(name) - 1 },
		{ .iov_base = message, .iov_len = strlen(message) },
		{ .iov_base = end, .iov_len = 1 },
	};
	ssize_t n;

	/* A record is one line, and what it quotes from outside shall not steer a terminal. */
	for (char *p = message; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';

	/* One call, so that lines of several threads do not mix; a rest would be lost anyway. */
	do
		n = writev(STDERR_FILENO, iov, ARRAY_SIZE(iov));
	while (n < 0 && errno == EINTR);
}

void log_write(struct log_record *record)
{
	struct iovec iov[ITEMS_MAX];
	int saved = errno;

	for (size_t i = 0; i < record->n_items; i++)
		iov[i] = (struct iovec){ .iov_base = record->items[i], .iov_len = strlen(record->items[i]) };

	if (log_get_target() != LOG_TARGET_JOURNAL ||
	    sd_journal_sendv(iov, (int)record->n_items) < 0)
		write_stderr(record->items[0] + strlen(MESSAGE_KEY));

	log_record_free(record);
	errno = saved;
}

static struct log_record *record_new(int level, int error, const struct log_fields *fields, const char *text)
{
	_cleanup_(log_record_freep) struct log_record *record = calloc(1, sizeof(*record));

	if (!record || record_add_message(record, error, fields ? fields->device : NULL, text) < 0)
		return NULL;
	record_add(record, "PRIORITY=%i", level);
	record_add(record, "SYSLOG_IDENTIFIER=" LOG_IDENTIFIER);
	if (error < 0)
		record_add(record, "ERRNO=%i", -error);
	if (fields)
		record_add_fields(record, fields);
	return TAKE_PTR(record);
}

static int record_send(struct log_record *record)
{
	if (log_thread.forward)
		return log_thread.forward(log_thread.userdata, record);
	log_write(record);
	return 0;
}

int log_full(int level, int error, const struct log_fields *fields, const char *file, int line, const char *func,
	     const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct log_record *record = NULL;
	int r, saved = errno;
	va_list ap;

	va_start(ap, format);
	r = vasprintf(&text, format, ap);
	va_end(ap);
	if (r < 0)
		text = NULL;
	else
		record = record_new(level, error, fields, text);

	if (record) {
		record_add(record, "CODE_FILE=%s", file);
		record_add(record, "CODE_LINE=%i", line);
		record_add(record, "CODE_FUNC=%s", func);
	}
	if (record && record_send(record) >= 0)
		log_thread.n_dropped = 0;
	else
		log_thread.n_dropped++;

	errno = saved;
	return error;
}

bool log_ratelimit_pass(struct log_ratelimit *limit, uint64_t now_ns, unsigned *ret_suppressed)
{
	if (now_ns - limit->window_start_ns >= limit->interval_ns) {
		limit->window_start_ns = now_ns;
		limit->n_passed = 0;
	}
	if (limit->n_passed >= limit->burst) {
		limit->n_suppressed++;
		return false;
	}
	limit->n_passed++;
	*ret_suppressed = limit->n_suppressed;
	limit->n_suppressed = 0;
	return true;
}
