/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy "file": the bytes of a region are those of a file. The table, and what needs no
 * I/O: file-open.c opens, file-request.c is the story of a fill, a release and a flush, and
 * file-steps.c knows its steps.
 *
 * Memory that devices read is never made by fallocate(): such pages are not zeroed until
 * somebody reads them, and what a device writes before is lost (seen on Linux 7.2). Ours is
 * made by reading files into it or by the map; that of others is read once before.
 */
#include "policy/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "policy/blocks.h"

static int create(const struct iopfd_host *host, void **ret_instance)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->host = host;
	f->write_back = true;
	f->fd = f->memory_fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->ahead_ended, NULL);
	STAILQ_INIT(&f->parked);
	*ret_instance = f;
	return 0;
}

static int config(void *instance, const char *key, const char *value, char *why, size_t why_size)
{
	return file_config(instance, key, value, why, why_size);
}

static int open_region(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	return file_open(instance, region, why, why_size);
}

static void mark_written(struct file *f, struct granules_range range)
{
	pthread_mutex_lock(&f->lock);
	granules_mark(&f->granules, range, GRANULE_STAGED, f->write_back ? GRANULE_DIRTY : GRANULE_KEPT);
	pthread_mutex_unlock(&f->lock);
}

static int fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		struct iopfd_memory *ret_memory)
{
	struct granules_range range = { offset, length };
	struct file *f = instance;
	int r = 0;

	if (!file_fill_at_once(f, range, access))
		r = file_request_start(f, FILE_FILL, request, range, access);
	if (r == 0)
		*ret_memory = file_memory(f, offset);
	return r;
}

static int release(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty)
{
	struct granules_range range = { offset, length };
	struct file *f = instance;

	if (f->direct)
		return 0;
	if (dirty)
		mark_written(f, range);
	pthread_mutex_lock(&f->lock);
	granules_change(&f->granules, range, 0, GRANULE_FILLED);
	pthread_mutex_unlock(&f->lock);
	return file_request_start(f, FILE_RELEASE, request, range, 0);
}

static int flush(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length)
{
	struct granules_range range = { offset, length };
	struct file *f = instance;

	/* Nothing outlives the machine on tmpfs and hugetlbfs. */
	if (f->direct)
		return 0;
	mark_written(f, range);
	if (!f->write_back)
		return 0;
	return file_request_start(f, length ? FILE_FLUSH : FILE_SYNC, request, range, 0);
}

static void prefetch(void *instance, uint64_t offset, uint64_t length)
{
	file_prefetch(instance, (struct granules_range){ offset, length });
}

static void submit(void *instance)
{
	struct file *f = instance;

	io_kick(f->io);
}

static int memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct file *f = instance;

	if (!f->direct)
		return -EOPNOTSUPP;
	*ret_memory = (struct iopfd_memory){ .fd = f->fd };
	return 0;
}

static uint64_t backed_bytes(void *instance)
{
	struct file *f = instance;

	/* A file that is mapped itself may be longer than the region. */
	return MIN(blocks_bytes(f->direct ? f->fd : f->memory_fd), f->length);
}

static size_t stats(void *instance, struct iopfd_counter *ret, size_t n)
{
	struct file *f = instance;

	pthread_mutex_lock(&f->lock);
	struct iopfd_counter counters[] = {
		{ "BytesRead", f->bytes_read },
		{ "BytesWrittenBack", f->bytes_written },
		{ "ReadErrors", f->read_errors },
		{ "WriteErrors", f->write_errors },
		{ "Staged", f->direct ? 0 : f->granules.n_staged * f->granule },
	};
	pthread_mutex_unlock(&f->lock);
	memcpy(ret, counters, MIN(n, ARRAY_SIZE(counters)) * sizeof(*ret));
	return ARRAY_SIZE(counters);
}

static void tell_what_is_lost(struct file *f)
{
	char message[512];

	if (!f->granules.n_left)
		return;
	snprintf(message, sizeof(message), "%s: changes in %" PRIu64 " bytes could not be written back and are lost: %s",
		 f->path, f->granules.n_left * f->granule, strerrordesc_np(-f->write_error));
	f->host->log(LOG_ERR, message);
}

static void close_region(void *instance)
{
	struct file *f = instance;

	file_end_prefetch(f);
	/* A thread of the engine may still be on its way out of the last completion. */
	f->io = io_put(f->io);
	tell_what_is_lost(f);
	if (f->map)
		munmap(f->map, f->map_length);
	granules_deinit(&f->granules);
	slots_deinit(&f->slots);
	free(f->buffer);
	close_fd(&f->memory_fd);
	close_fd(&f->fd);
	pthread_cond_destroy(&f->ahead_ended);
	pthread_mutex_destroy(&f->lock);
	free(f->path);
	free(f);
}

extern const struct iopfd_policy policy_file;
const struct iopfd_policy policy_file = {
	.size = sizeof(policy_file),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "file",
	.flags = IOPFD_POLICY_TRACKS_DIRTY | IOPFD_POLICY_SUBMITS,
	.create = create,
	.config = config,
	.open = open_region,
	.fill = fill,
	.release = release,
	.flush = flush,
	.prefetch = prefetch,
	.memory = memory,
	.backed_bytes = backed_bytes,
	.stats = stats,
	.close = close_region,
	.submit = submit,
};
