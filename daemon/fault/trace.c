/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A group is copied when it is read, for by the time it is answered its records are gone,
 * and found again by its queue and cookie, which is unique there until the answer. A group
 * that was read before the first trace is in none.
 */
#include "fault/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "device/device.h"

#define BUCKETS 256u

/* Of groups that wait for their answers; more are not traced. */
#define KEPT_MAX 32768u

#define SEND_BUFFER (1 << 20)

struct trace_reader {
	int fd;
	bool invalid_only;
	char device[TRACE_NAME_SIZE];
	char space[TRACE_NAME_SIZE];
	atomic_bool gone; /* the reader */
	atomic_uint_fast64_t n_dropped;
	atomic_uint_fast64_t *dropped;
};

/* What one shard has for one reader. */
struct trace_tap {
	struct trace_reader *trace;
	struct {
		struct trace_header header;
		struct trace_record records[TRACE_BATCH];
	} datagram;
};

struct trace_group {
	struct trace_group *next; /* in its bucket */
	const struct queue *queue;
	uint32_t cookie;
	uint32_t n;
	struct trace_record records[];
};

int trace_reader_new(const struct trace_filter *filter, atomic_uint_fast64_t *dropped, struct trace_reader **ret,
		     int *ret_fd)
{
	struct trace_reader *t = calloc(1, sizeof(*t));
	int fds[2];

	if (!t)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		free(t);
		return -errno;
	}
	/* As much as an ordinary user may have; less means that more is lost. */
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
	/* Names fit: they were checked when they were given. */
	if (filter->device)
		memccpy(t->device, filter->device, 0, sizeof(t->device) - 1);
	if (filter->space)
		memccpy(t->space, filter->space, 0, sizeof(t->space) - 1);
	t->invalid_only = filter->invalid_only;
	t->dropped = dropped;
	t->fd = fds[0];
	*ret_fd = fds[1];
	*ret = t;
	return 0;
}

struct trace_reader *trace_reader_free(struct trace_reader *t)
{
	if (t)
		close(t->fd);
	free(t);
	return NULL;
}

int trace_reader_fd(const struct trace_reader *t)
{
	return t->fd;
}

static void drop(struct trace_reader *t, unsigned n)
{
	atomic_fetch_add_explicit(&t->n_dropped, n, memory_order_relaxed);
	atomic_fetch_add_explicit(t->dropped, n, memory_order_relaxed);
}

static void tap_send(struct trace_tap *tap)
{
	struct trace_header *h = &tap->datagram.header;
	struct trace_reader *t = tap->trace;
	size_t size = sizeof(*h) + h->n_records * sizeof(struct trace_record);

	if (!h->n_records)
		return;
	h->n_dropped = atomic_load_explicit(&t->n_dropped, memory_order_relaxed);
	if (!atomic_load_explicit(&t->gone, memory_order_relaxed) &&
	    send(t->fd, &tap->datagram, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* The control thread will hear of it, too, and take the trace away. */
		if (errno == EPIPE || errno == ECONNRESET)
			atomic_store_explicit(&t->gone, true, memory_order_relaxed);
		else
			drop(t, h->n_records);
	}
	h->n_records = 0;
}

static bool wants(const struct trace_reader *t, const char *device, const char *space)
{
	return (!*t->device || !strcmp(t->device, device)) && (!*t->space || !strcmp(t->space, space));
}

static struct trace_group **bucket_of(const struct traces *s, const struct queue *q, uint32_t cookie)
{
	uint64_t key = (uint64_t)(uintptr_t)q / sizeof(*q) + cookie;

	return &s->groups[key % BUCKETS];
}

static void free_groups(struct traces *s)
{
	for (unsigned i = 0; s->groups && i < BUCKETS; i++) {
		struct trace_group *g;

		while ((g = s->groups[i])) {
			s->groups[i] = g->next;
			free(g);
		}
	}
	free(s->groups);
	s->groups = NULL;
	s->n_kept = 0;
}

int traces_add(struct traces *s, struct trace_reader *t)
{
	struct trace_tap *tap;

	if (s->n == TRACES_MAX)
		return -ENOSPC;
	if (!s->groups && !(s->groups = calloc(BUCKETS, sizeof(struct trace_group *))))
		return -ENOMEM;
	tap = calloc(1, sizeof(*tap));
	if (!tap) {
		if (!s->n)
			free_groups(s);
		return -ENOMEM;
	}
	tap->trace = t;
	tap->datagram.header = (struct trace_header){
		.magic = TRACE_MAGIC,
		.version = TRACE_VERSION,
		.header_size = sizeof(struct trace_header),
		.record_size = sizeof(struct trace_record),
	};
	s->taps[s->n++] = tap;
	return 0;
}

void traces_remove(struct traces *s, const struct trace_reader *t)
{
	unsigned i = 0;

	while (i < s->n && s->taps[i]->trace != t)
		i++;
	if (i == s->n)
		return;
	free(s->taps[i]);
	s->taps[i] = s->taps[--s->n];
	if (!s->n)
		free_groups(s);
}

void traces_deinit(struct traces *s)
{
	while (s->n)
		free(s->taps[--s->n]);
	free_groups(s);
}

static bool anybody_wants(const struct traces *s, const char *device, const char *space)
{
	for (unsigned i = 0; i < s->n; i++)
		if (wants(s->taps[i]->trace, device, space))
			return true;
	return false;
}

static void fill_record(struct trace_record *to, const struct uapi_fault_record *from, const char *device,
			const char *space)
{
	*to = (struct trace_record){
		.iova = from->addr,
		.cookie = from->cookie,
		.pasid = record_pasid(from),
		.perm = from->perm,
		.flags = from->flags,
	};
	memccpy(to->device, device, 0, sizeof(to->device) - 1);
	memccpy(to->space, space, 0, sizeof(to->space) - 1);
}

static struct trace_group *copy_group(const struct traces *s, const struct group *g,
				      const struct uapi_fault_record *records, const char *device, const char *space)
{
	struct trace_group *copy;

	if (s->n_kept + g->n_records > KEPT_MAX)
		return NULL;
	copy = malloc(sizeof(*copy) + g->n_records * sizeof(*copy->records));
	if (!copy)
		return NULL;
	copy->cookie = g->cookie;
	copy->n = g->n_records;
	for (uint32_t i = 0; i < g->n_records; i++) {
		fill_record(&copy->records[i], &records[i], device, space);
		copy->records[i].n_records = g->n_records;
		copy->records[i].index = i;
	}
	return copy;
}

static void keep(struct traces *s, const struct queue *q, const struct group *g, struct attachments *attachments,
		 const char *space)
{
	const struct uapi_fault_record *records = &q->records[g->first];
	const struct attachment *a = attachments_find(attachments, records->dev_id, record_pasid(records));
	const char *device = a ? a->device->name : "";
	struct trace_group *copy, **bucket;

	if (!anybody_wants(s, device, space))
		return;
	copy = copy_group(s, g, records, device, space);
	if (!copy) {
		for (unsigned i = 0; i < s->n; i++)
			if (wants(s->taps[i]->trace, device, space))
				drop(s->taps[i]->trace, g->n_records);
		return;
	}
	bucket = bucket_of(s, q, g->cookie);
	copy->queue = q;
	copy->next = *bucket;
	*bucket = copy;
	s->n_kept += copy->n;
}

void traces_keep(struct traces *s, const struct queue *q, size_t first, struct attachments *attachments,
		 const char *space)
{
	for (size_t i = first; i < q->n_groups; i++)
		keep(s, q, &q->groups[i], attachments, space);
}

static struct trace_group *take(struct traces *s, const struct queue *q, uint32_t cookie)
{
	for (struct trace_group **at = bucket_of(s, q, cookie); *at; at = &(*at)->next) {
		struct trace_group *g = *at;

		if (g->queue != q || g->cookie != cookie)
			continue;
		*at = g->next;
		s->n_kept -= g->n;
		return g;
	}
	return NULL;
}

static void tap_add(struct trace_tap *tap, const struct trace_group *g)
{
	struct trace_header *h = &tap->datagram.header;

	if ((tap->trace->invalid_only && g->records->outcome == QUEUE_SUCCESS) ||
	    !wants(tap->trace, g->records->device, g->records->space))
		return;
	for (uint32_t i = 0; i < g->n; i++) {
		tap->datagram.records[h->n_records++] = g->records[i];
		if (h->n_records == TRACE_BATCH)
			tap_send(tap);
	}
}

void traces_answer(struct traces *s, const struct queue *q, const struct queue_context *c, size_t n,
		   enum queue_outcome outcome, uint64_t now_ns)
{
	const struct uapi_answer *answers = q->answers + (c - q->contexts);

	for (size_t i = 0; i < n; i++) {
		struct trace_group *g = take(s, q, answers[i].cookie);

		for (uint32_t j = 0; g && j < g->n; j++) {
			g->records[j].time_ns = now_ns;
			g->records[j].latency_ns = now_ns - c->read_ns;
			g->records[j].outcome = outcome;
		}
		for (unsigned j = 0; g && j < s->n; j++)
			tap_add(s->taps[j], g);
		free(g);
	}
}

void traces_send(struct traces *s)
{
	for (unsigned i = 0; i < s->n; i++)
		tap_send(s->taps[i]);
}
