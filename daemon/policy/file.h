/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "file", for its own files only: what one region with a file behind it is.
 *
 * Direct: the file itself is shared memory and is mapped; nothing is copied, nothing is
 * written back. Staged: a memfd stands between, as long as the region; a granule is read
 * into it before it is mapped and written back after it was.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <iopfd/policy.h>

#include "policy/granules.h"
#include "policy/io.h"
#include "policy/slots.h"

#define FILE_BUFFER_BYTES (64ull << 10)

enum file_extend {
	FILE_EXTEND_UNSET, /* as NO, but a region that is longer than the file is refused */
	FILE_EXTEND_NO,
	FILE_EXTEND_YES,
};

struct file_request;
STAILQ_HEAD(file_request_list, file_request);

struct file {
	const struct iopfd_host *host;

	/* Configuration. */
	char *path;
	bool write_back; /* false: never */
	enum file_extend extend;

	/* Never change after open. */
	uint64_t length;
	uint64_t granule;
	bool direct;
	bool populate; /* direct, shmem: to be read before it is mapped */
	int fd;
	int memory_fd; /* staged: the memfd; -1 */
	char *map;     /* of the memfd, or of the file if populate; only ever touched by system calls */
	uint64_t map_length;
	char *buffer;  /* staged: the shard's */
	struct io *io;

	/* The shard's, about its own attempts to read. */
	unsigned n_misses; /* 0: the last one succeeded */
	unsigned n_skip;   /* so many fills are not tried */
	struct io_op ahead; /* while ahead_busy, the engine's */

	/* All below is shared by the shard and the engine's threads. */
	pthread_mutex_t lock;
	pthread_cond_t ahead_ended;
	bool ahead_busy;
	struct granules granules; /* direct: STAGED means populated */
	struct slots slots;       /* direct: none */
	uint64_t size;            /* of the file, when it was seen last */
	struct granules_range retry; /* what a flush tries to write again; others wait for it */
	struct file_request_list parked;
	int write_error; /* the last */
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t read_errors;
	uint64_t write_errors;
};

/* -ENOENT, -EINVAL and why as in struct iopfd_policy. */
int file_config(struct file *f, const char *key, const char *value, char *why, size_t why_size);
int file_open(struct file *f, const struct iopfd_region *region, char *why, size_t why_size);

enum file_request_kind {
	FILE_FILL,
	FILE_RELEASE,
	FILE_FLUSH,
	FILE_SYNC, /* flush of length 0 */
};

/* Where the bytes of what is filled are. */
static inline struct iopfd_memory file_memory(const struct file *f, uint64_t offset)
{
	return (struct iopfd_memory){ .fd = f->direct ? f->fd : f->memory_fd,
				      .offset = slots_place(&f->slots, offset) };
}

/* Shard. True: the range is there without waiting, and is regarded as filled now. */
bool file_fill_at_once(struct file *f, struct granules_range range, uint32_t access);

/* For both ways to fill; locked. Whether it writes to a granule of which the file has nothing,
 * and may not get anything; whether it waits for a retry. take_back: it is filled now. */
bool file_writes_beyond_end(const struct file *f, struct granules_range range, uint32_t access);
bool file_has_to_wait(const struct file *f, struct granules_range range);
void file_take_back(struct file *f, struct granules_range range, uint32_t access);

/* Locked. To read the range into: if it is one granule, and the file has all of it, for the rest
 * of a home reads as zeroes, but that of a slot as what it was before. Else SLOTS_NONE. */
uint32_t file_take_slot(struct file *f, struct granules_range range, bool *ret_warm);

/* Shard: a hint. Control thread: waits until the last one has ended. */
void file_prefetch(struct file *f, struct granules_range range);
void file_end_prefetch(struct file *f);

/* 0, IOPFD_PENDING or a negative errno. access: of a fill. */
int file_request_start(struct file *f, enum file_request_kind kind, struct iopfd_request *request,
		       struct granules_range range, uint32_t access);
