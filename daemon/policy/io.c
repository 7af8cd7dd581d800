/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one engine that runs, and how many regions use it. It is global because its threads
 * are: regions of all spaces share them, and none of them knows of the others. Only the
 * control thread takes and gives back references, but tests may do it from several, so
 * there is a lock.
 */
#include "policy/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static struct {
	pthread_mutex_t lock;
	struct io *io;
	unsigned n_users;
	bool told; /* that a lesser engine runs: once is enough */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void tell(const struct iopfd_host *host, const struct io_engine *refused, const char *reason)
{
	char message[256];

	if (shared.told)
		return;
	shared.told = true;
	snprintf(message, sizeof(message), "files are read and written without %s: %s", refused->name, reason);
	host->log(LOG_INFO, message);
}

static int open_best(const struct iopfd_host *host)
{
	const char *reason;
	int r = -ENOSYS;

	for (size_t i = 0; io_engines[i]; i++) {
		reason = NULL;
		r = io_engines[i]->open(&shared.io, &reason);
		if (r >= 0) {
			shared.io->engine = io_engines[i];
			return 0;
		}
		if (io_engines[i + 1])
			tell(host, io_engines[i], reason ? reason : strerrordesc_np(-r));
	}
	return r;
}

int io_get(const struct iopfd_host *host, struct io **ret)
{
	int r = 0;

	pthread_mutex_lock(&shared.lock);
	if (!shared.io)
		r = open_best(host);
	if (r >= 0) {
		shared.n_users++;
		*ret = shared.io;
	}
	pthread_mutex_unlock(&shared.lock);
	return r;
}

struct io *io_put(struct io *io)
{
	if (!io)
		return NULL;
	pthread_mutex_lock(&shared.lock);
	if (--shared.n_users == 0) {
		io->engine->close(io);
		shared.io = NULL;
	}
	pthread_mutex_unlock(&shared.lock);
	return NULL;
}

void io_kick(struct io *io)
{
	if (io->engine->kick)
		io->engine->kick(io);
}

int io_punch(const struct io_op *op)
{
	return fallocate(op->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)op->offset,
			 (off_t)op->length) < 0 ? -errno : 0;
}

void io_submit(struct io *io, struct io_op *op)
{
	op->error = 0;
	op->n_done = 0;
	io->engine->submit(io, op);
}

bool io_op_advance(struct io_op *op, int64_t result)
{
	if (result == -EINTR)
		return false;
	if (result < 0) {
		op->error = (int)result;
		return true;
	}
	if (op->kind == IO_SYNC || op->kind == IO_PUNCH)
		return true;
	op->n_done += (uint64_t)result;
	/* A read met the end of the file; a write that writes nothing would do so for ever. */
	if (result == 0 && op->kind == IO_WRITE)
		op->error = -EIO;
	return result == 0 || op->n_done == op->length;
}
