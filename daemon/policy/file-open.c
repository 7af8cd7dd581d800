/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens the file of a region, decides between direct and staged, and refuses what cannot
 * work in a sentence that says what to do. The kernel maps shared memory for devices
 * without a look at seals or at how the file was opened, so both are settled here: the file
 * is opened for writing exactly if the region may write to it.
 */
#include "policy/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

/* What the free slots of a region keep at most: as much as is evicted while some writes are on
 * their way. */
#define SLOTS_WARM_BYTES (1ull << 20)

struct opening {
	struct file *file;
	const struct iopfd_region *region;
	bool writes;        /* device writes reach the file */
	bool shmem;
	uint64_t huge_page; /* hugetlbfs: its page size, else 0 */
	char *why;
	size_t why_size;
};

static int refuse(struct opening *o, int error, const char *format, ...) PRINTF_LIKE(3, 4);

static int refuse(struct opening *o, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(o->why, o->why_size, format, ap);
	va_end(ap);
	return error;
}

/* What can be done about it; below systemd, first what the unit has to do with it. */
static void add_hint(struct opening *o, int error)
{
	size_t used = strlen(o->why), dir = (size_t)(strrchr(o->file->path, '/') - o->file->path);
	bool denied = error == -EROFS || error == -EACCES || error == -EPERM, unit = getenv("INVOCATION_ID");

	if (unit && error == -ENOENT)
		snprintf(o->why + used, o->why_size - used, ", or the unit's sandbox hides it");
	else if (unit && denied)
		snprintf(o->why + used, o->why_size - used,
			 "; %sthe unit's sandbox keeps it read-only or hidden: add a drop-in with ReadWritePaths=%.*s",
			 error == -EROFS ? "" : "if its permissions allow it, ", dir ? (int)dir : 1, o->file->path);
	else if (denied && o->writes)
		snprintf(o->why + used, o->why_size - used, "; access = r and write-back = never only read it");
}

static int refuse_errno(struct opening *o, int error)
{
	const char *path = o->file->path;

	if (error == -ENOENT)
		refuse(o, error, "%s does not exist", path);
	else
		refuse(o, error, "%s cannot be opened for %s: %s", path, o->writes ? "reading and writing" : "reading",
		       strerrordesc_np(-error));
	add_hint(o, error);
	return error;
}

static int check_type(struct opening *o, mode_t mode)
{
	const char *path = o->file->path;

	switch (mode & S_IFMT) {
	case S_IFREG:
		return 0;
	case S_IFDIR:
		return refuse(o, -EISDIR, "%s is a directory, not a file", path);
	case S_IFIFO:
		return refuse(o, -EINVAL, "%s is a fifo, not a file", path);
	case S_IFSOCK:
		return refuse(o, -EINVAL, "%s is a socket, not a file", path);
	default:
		return refuse(o, -EINVAL, "%s is a device, not a file", path);
	}
}

/* Looks before it opens: opening a device or a fifo has effects. */
static int open_file(struct opening *o)
{
	int flags = (o->writes ? O_RDWR : O_RDONLY) | O_CLOEXEC;
	struct file *f = o->file;
	struct stat st;
	int r;

	if (stat(f->path, &st) < 0)
		return refuse_errno(o, -errno);
	r = check_type(o, st.st_mode);
	if (r < 0)
		return r;
	f->fd = open(f->path, flags | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0)
		return refuse_errno(o, -errno);
	/* It may be another one by now; and io_uring would take O_NONBLOCK for "fail rather
	 * than wait". */
	if (fstat(f->fd, &st) < 0 || fcntl(f->fd, F_SETFL, 0) < 0)
		return refuse_errno(o, -errno);
	f->size = (uint64_t)st.st_size;
	return check_type(o, st.st_mode);
}

static int find_kind(struct opening *o)
{
	struct statfs fs;

	if (fstatfs(o->file->fd, &fs) < 0)
		return refuse_errno(o, -errno);
	o->shmem = fs.f_type == TMPFS_MAGIC;
	o->huge_page = fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : 0;
	return 0;
}

static int check_seals(struct opening *o)
{
	int seals = fcntl(o->file->fd, F_GET_SEALS);

	/* Most files cannot have any. */
	if (seals < 0 || !o->writes)
		return 0;
	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return refuse(o, -EPERM, "%s is sealed against writing: use access = r or write-back = never",
			      o->file->path);
	if (seals & F_SEAL_GROW && o->file->extend == FILE_EXTEND_YES && o->file->size < o->region->length)
		return refuse(o, -EPERM, "%s is sealed against growing: extend = yes cannot work", o->file->path);
	return 0;
}

static int check_size(struct opening *o)
{
	const struct iopfd_region *region = o->region;
	const struct file *f = o->file;

	if (o->huge_page && o->writes && f->size < region->length)
		return refuse(o, -EINVAL, "%s has %" PRIu64 " bytes and a file on hugetlbfs cannot be lengthened: "
			      "the region's length is at most that", f->path, f->size);
	if (f->extend == FILE_EXTEND_YES || f->size >= region->length)
		return 0;
	if (f->size < region->granule)
		return refuse(o, -EINVAL, "the granule (%" PRIu64 " bytes) is larger than %s (%" PRIu64 " bytes)",
			      region->granule, f->path, f->size);
	/* A last granule that is there in part is no surprise. */
	if (f->extend == FILE_EXTEND_UNSET && region->length - f->size >= region->granule)
		return refuse(o, -EINVAL, "the region (%" PRIu64 " bytes) is longer than %s (%" PRIu64 " bytes): "
			      "shorten it, or set extend = yes (writes lengthen the file) or extend = no (what is "
			      "beyond its end cannot be written)", region->length, f->path, f->size);
	return 0;
}

/* Changes that are not to reach the file need memory of their own, and a file that is too
 * short cannot be mapped whole. */
static bool can_be_direct(const struct opening *o)
{
	bool writable = o->region->access & IOPFD_ACCESS_WRITE;

	return (o->shmem || o->huge_page) && o->file->size >= o->region->length && (!writable || o->writes);
}

static int map(struct opening *o, int fd, uint64_t length, int prot)
{
	void *at = mmap(NULL, length, prot, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (at == MAP_FAILED)
		return refuse(o, -errno, "%" PRIu64 " bytes cannot be mapped: %s", length, strerrordesc_np(errno));
	o->file->map = at;
	o->file->map_length = length;
	return 0;
}

static int set_up_direct(struct opening *o)
{
	struct file *f = o->file;

	if (o->huge_page > o->region->granule)
		return refuse(o, -EINVAL, "%s is made of pages of %" PRIu64 "K: set granule = %" PRIu64 "K or more", f->path,
			      o->huge_page >> 10, o->huge_page >> 10);
	f->direct = true;
	f->populate = o->shmem;
	return f->populate ? map(o, f->fd, f->length, PROT_READ) : 0;
}

static int set_up_staged(struct opening *o)
{
	const struct iopfd_region *region = o->region;
	uint64_t most_warm = SLOTS_WARM_BYTES / region->granule;
	uint64_t length = slots_length(region->length, region->granule, most_warm);
	struct file *f = o->file;
	int r;

	f->memory_fd = f->host->make_memory(region->name, length, 0, region->numa_node);
	if (f->memory_fd < 0)
		return refuse(o, f->memory_fd, "no memory of %" PRIu64 " bytes to stage the file in: %s", length,
			      strerrordesc_np(-f->memory_fd));
	f->buffer = malloc(FILE_BUFFER_BYTES);
	r = f->buffer ? slots_init(&f->slots, region->length, region->granule, most_warm) : -ENOMEM;
	if (r < 0)
		return refuse(o, r, "%s cannot be served: %s", f->path, strerrordesc_np(-r));
	return map(o, f->memory_fd, length, PROT_READ | PROT_WRITE);
}

int file_open(struct file *f, const struct iopfd_region *region, char *why, size_t why_size)
{
	struct opening o = {
		.file = f,
		.region = region,
		.writes = region->access & IOPFD_ACCESS_WRITE && f->write_back,
		.why = why,
		.why_size = why_size,
	};
	int r;

	if (!f->path)
		return refuse(&o, -EINVAL, "no file is given: path = /DIR/FILE is required");
	f->length = region->length;
	f->granule = region->granule;
	r = open_file(&o);
	if (r >= 0)
		r = find_kind(&o);
	if (r >= 0)
		r = check_seals(&o);
	if (r >= 0)
		r = check_size(&o);
	if (r >= 0)
		r = can_be_direct(&o) ? set_up_direct(&o) : set_up_staged(&o);
	if (r < 0)
		return r;
	r = granules_init(&f->granules, region->length, region->granule);
	if (r >= 0)
		r = io_get(f->host, &f->io);
	return r < 0 ? refuse(&o, r, "%s cannot be served: %s", f->path, strerrordesc_np(-r)) : 0;
}
