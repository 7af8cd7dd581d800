/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of single faults for readers outside the daemon: each fault of a group is one
 * record, sent when the group was answered. The layout is an interface: iopfd-stats(7). A
 * reader that does not keep up loses records, which are counted; nothing ever waits for it.
 *
 * A trace_reader belongs to the control thread. Every shard has a struct traces with a tap
 * for each reader. While there is no tap a hook costs one comparison.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/attachments.h"
#include "fault/queue.h"

#define TRACE_MAGIC 0x74706f69u /* "iopt" */
#define TRACE_VERSION 1u
#define TRACE_NAME_SIZE 36
#define TRACE_BATCH 64 /* records of one datagram, at most */
#define TRACES_MAX 8u

/* A datagram is a header and n_records records. */
struct trace_header {
	uint32_t magic;
	uint16_t version;
	uint16_t header_size; /* the first record is there */
	uint16_t record_size;
	uint16_t n_records;
	uint32_t reserved;
	uint64_t n_dropped;   /* records this reader has lost so far */
};

struct trace_record {
	uint64_t time_ns;    /* CLOCK_MONOTONIC: the answer was written */
	uint64_t latency_ns;
	uint64_t iova;
	uint32_t cookie;     /* of the group */
	uint32_t pasid;      /* or PASID_NONE */
	uint32_t perm;       /* as the kernel said, and so are flags */
	uint32_t flags;
	uint32_t outcome;    /* enum queue_outcome */
	uint32_t n_records;  /* of the group */
	uint32_t index;      /* in it */
	char device[TRACE_NAME_SIZE]; /* empty: unknown */
	char space[TRACE_NAME_SIZE];
	uint32_t reserved;
};

_Static_assert(sizeof(struct trace_header) == 24 && sizeof(struct trace_record) == 128, "an interface");

struct trace_filter {
	const char *device; /* NULL = all; likewise space */
	const char *space;
	bool invalid_only;
};

struct trace_reader;

/* *ret_fd: the reader's end, the caller's. dropped: the sum of all readers, which shards add
 * to; outlives them. */
int trace_reader_new(const struct trace_filter *filter, atomic_uint_fast64_t *dropped, struct trace_reader **ret,
		     int *ret_fd);
struct trace_reader *trace_reader_free(struct trace_reader *t); /* no shard has it; takes NULL */
int trace_reader_fd(const struct trace_reader *t);       /* readable when the reader has gone */

struct trace_tap;
struct trace_group;

/* A shard's. All below is called on its thread. */
struct traces {
	struct trace_tap *taps[TRACES_MAX];
	unsigned n;
	struct trace_group **groups; /* read, not yet answered; by hash */
	size_t n_kept;               /* records in them */
};

void traces_deinit(struct traces *s);
int traces_add(struct traces *s, struct trace_reader *t); /* -ENOMEM, -ENOSPC */
void traces_remove(struct traces *s, const struct trace_reader *t); /* what it was not given is fine */

/* The hooks: groups of the batch, from `first` on, were read; n answers that are alike have
 * left; a round is over. */
void traces_keep(struct traces *s, const struct queue *q, size_t first, struct attachments *attachments,
		 const char *space);
void traces_answer(struct traces *s, const struct queue *q, const struct queue_context *c, size_t n,
		   enum queue_outcome outcome, uint64_t now_ns);
void traces_send(struct traces *s);

static inline bool traces_is_on(const struct traces *s)
{
	return s && s->n;
}
