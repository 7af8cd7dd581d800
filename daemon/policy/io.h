/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asynchronous I/O on the files behind regions: one operation, one callback. One engine
 * serves all regions; it starts with the first io_get() and ends with the last io_put().
 * io_uring where the kernel allows it, otherwise a few threads.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <iopfd/policy.h>

struct io; /* a running engine */

enum io_kind {
	IO_READ,     /* until length bytes are there or the file ends */
	IO_WRITE,    /* until length bytes are written */
	IO_AHEAD,    /* the kernel begins to read it into its cache; not all of it, maybe */
	IO_SYNC,     /* data and size are durable */
	IO_PUNCH,    /* give the memory of the range back */
	IO_POPULATE, /* as if the mapping were read, so that its pages are zeroed or read in */
};

/* One operation, embedded in what it is about and untouched until done() is called. */
struct io_op {
	enum io_kind kind;
	int fd;
	uint64_t offset;
	uint64_t length;
	char *buffer; /* READ, WRITE, POPULATE */
	void (*done)(struct io_op *op); /* a thread of the engine; may submit again, must not block */

	int error;       /* 0 or a negative errno */
	uint64_t n_done; /* bytes read, written, populated or asked for, whatever the error */

	/* The engine's. */
	STAILQ_ENTRY(io_op) link;
	struct io_op *next;
};

STAILQ_HEAD(io_list, io_op);

/* Control thread. The reference is one region's. */
int io_get(const struct iopfd_host *host, struct io **ret);
struct io *io_put(struct io *io); /* nothing of the region's is under way; takes NULL, returns NULL */
/* Here and now, instead of submitting it: 0 or a negative errno. */
int io_punch(const struct io_op *op);

/* Any thread, never block, never fail. What is submitted by others than done() may not begin
 * before the next kick, which wakes the engine once for all of it. */
void io_submit(struct io *io, struct io_op *op);
void io_kick(struct io *io);

/* What an engine is. open() says in ret_reason why it cannot run here. */
struct io_engine {
	const char *name;
	int (*open)(struct io **ret, const char **ret_reason);
	void (*submit)(struct io *io, struct io_op *op);
	void (*kick)(struct io *io); /* NULL: submit() does it */
	void (*close)(struct io *io);
};

/* Embedded in what an engine's open() returns. */
struct io {
	const struct io_engine *engine;
};

/* For engines: takes what one system call gave, bytes or a negative errno. True: it was the
 * last one of the operation. */
bool io_op_advance(struct io_op *op, int64_t result);

extern const struct io_engine io_pool_engine;
extern const struct io_engine io_uring_engine;

/* Defined in io-engines.c, the best first, NULL-terminated; tests bring their own. */
extern const struct io_engine *const io_engines[];
