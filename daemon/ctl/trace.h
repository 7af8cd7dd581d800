/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Datagrams of OpenTrace, as iopfd-stats(7) lays them out. A newer daemon may append to the
 * header and to each record.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl/json.h"

#define TRACE_NAME_SIZE 36
#define TRACE_DATAGRAM_MAX 65536

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
	uint32_t pasid;      /* or 0xffffffff */
	uint32_t perm;
	uint32_t flags;
	uint32_t outcome;
	uint32_t n_records;  /* of the group */
	uint32_t index;      /* in it */
	char device[TRACE_NAME_SIZE]; /* empty: unknown */
	char space[TRACE_NAME_SIZE];
	uint32_t reserved;
};

/* Checks a datagram. -EBADMSG: it is none; -EPROTO: of a version that we do not know. */
int trace_check(const void *datagram, size_t size, struct trace_header *ret);

/* The i-th record of a datagram that was checked. */
void trace_read(const void *datagram, const struct trace_header *h, size_t i, struct trace_record *ret);

void trace_print_title(FILE *out);
void trace_print(const struct trace_record *r, FILE *out);
void trace_json(const struct trace_record *r, struct json *j);
