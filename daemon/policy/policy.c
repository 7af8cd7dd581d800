/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of one policy instance, and the check of every answer it gives: an fd of the
 * wrong kind, or memory that is not aligned as the region is, would otherwise only show as
 * a refused MAP, far from its cause.
 */
#include "policy/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/log.h"
#include "base/util.h"
#include "policy/host.h"
#include "policy/plugin.h"

#define POLICIES_MAX 16

struct policy {
	const struct iopfd_policy *ops;
	void *instance;
	char *region;
	uint64_t length;
	uint64_t misaligned; /* bits that no offset or length has */
	size_t memory_size; /* how much of struct iopfd_memory it knows */
	int checked_fd;     /* the last fd that was found to be of the right kind */
	struct iopfd_memory one_file; /* what fills would answer, from offset 0 on; fd -1: they are asked */
	bool holds;         /* calls are pending that it was not told to begin */
	bool failed;        /* it answered nonsense: never asked again */
};

static const struct policy_builtin *find_builtin(const char *name)
{
	for (size_t i = 0; policy_table[i].ops; i++)
		if (!strcmp(policy_table[i].ops->name, name))
			return &policy_table[i];
	return NULL;
}

int policy_find(const char *name, const char *plugin_dir, const struct iopfd_policy **ret, char *why, size_t why_size)
{
	const struct policy_builtin *b = find_builtin(name);

	if (!b)
		return plugin_load(plugin_dir, name, ret, why, why_size);
	*ret = b->ops;
	return 0;
}

int policy_check(const char *name, const char *plugin_dir)
{
	return find_builtin(name) || plugin_exists(plugin_dir, name) == 0 ? 0 : -ENOENT;
}

const char *const *policy_names(void)
{
	static const char *names[POLICIES_MAX + 1];

	for (size_t i = 0; policy_table[i].ops; i++) {
		assert(i < POLICIES_MAX);
		names[i] = policy_table[i].ops->name;
	}
	return names;
}

const char *const *policy_keys(const char *name)
{
	static const char *const none[] = { NULL };
	const struct policy_builtin *b = find_builtin(name);

	return !b ? NULL : b->keys ?: none;
}

static bool is_listed(const char *const *keys, const char *key)
{
	for (; keys && *keys; keys++)
		if (!strcmp(*keys, key))
			return true;
	return false;
}

int policy_check_setting(const char *name, const char *key, const char *value, char *why, size_t why_size)
{
	const struct policy_builtin *b = find_builtin(name);
	void *instance;
	int r;

	if (!b)
		return 0;
	if (!is_listed(b->keys, key))
		return -ENOENT;
	r = b->ops->create(&policy_host, &instance);
	if (r < 0)
		return r;
	r = b->ops->config ? b->ops->config(instance, key, value, why, why_size) : -ENOENT;
	b->ops->close(instance);
	return r;
}

uint64_t policy_min_granule(const char *name, const char *key, const char *value)
{
	const struct policy_builtin *b = find_builtin(name);

	return b && b->min_granule ? b->min_granule(key, value) : 0;
}

static int configure(struct policy *p, const struct policy_setting *settings, size_t n, char *why, size_t why_size)
{
	for (size_t i = 0; i < n; i++) {
		char text[256] = "";
		int r = -ENOENT;

		if (p->ops->config)
			r = p->ops->config(p->instance, settings[i].key, settings[i].value, text, sizeof(text));
		if (r == -ENOENT)
			snprintf(why, why_size, "policy %s has no key %s", p->ops->name, settings[i].key);
		else if (r < 0)
			snprintf(why, why_size, "%s = %s: %s", settings[i].key, settings[i].value, text);
		if (r < 0)
			return r == -ENOENT ? -EINVAL : r;
	}
	return 0;
}

struct policy *policy_close(struct policy *p)
{
	if (!p)
		return NULL;
	if (p->ops)
		p->ops->close(p->instance);
	free(p->region);
	free(p);
	return NULL;
}

static struct iopfd_request *to_abi(struct policy_request *rq)
{
	return (struct iopfd_request *)(void *)rq;
}

static inline void check_range(const struct policy *p, uint64_t offset, uint64_t length)
{
	assert(!((offset | length) & p->misaligned));
	assert(offset <= p->length && length <= p->length - offset);
	(void)p;
	(void)offset;
	(void)length;
}

static int nonsense(struct policy *p, const char *what)
{
	p->failed = true;
	p->one_file.fd = -1;
	log_with(LOG_ERR, 0, &((struct log_fields){ .policy = p->ops->name }),
		 "region %s: policy %s %s; the region is not served any more", p->region, p->ops->name, what);
	return -EBADE;
}

/* The kernel maps shmem and hugetlb files only; which kind an fd is, is asked once. Nodes of
 * devices are on a tmpfs as well. */
static bool is_mappable(struct policy *p, int fd)
{
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return false;
	if (fd == p->checked_fd)
		return true;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (fstatfs(fd, &fs) < 0 || (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC))
		return false;
	p->checked_fd = fd;
	return true;
}

/* After a call that may be pending. */
static int note_pending(struct policy *p, int r)
{
	if (r == IOPFD_PENDING)
		p->holds = true;
	return r;
}

/* Nothing is wrong where the file is not of the right kind: fills are asked then, and say so. */
static void find_one_file(struct policy *p)
{
	struct iopfd_memory memory = { .fd = -1 };

	if (!(p->ops->flags & IOPFD_POLICY_ONE_FILE) || !p->ops->memory || p->ops->memory(p->instance, &memory) < 0)
		return;
	if (is_mappable(p, memory.fd) && !(memory.offset & p->misaligned) && memory.offset + p->length >= p->length)
		p->one_file = memory;
}

int policy_open(const struct iopfd_policy *ops, const struct iopfd_region *region,
		const struct policy_setting *settings, size_t n_settings, struct policy **ret, char *why,
		size_t why_size)
{
	_cleanup_(policy_closep) struct policy *p = calloc(1, sizeof(*p));
	int r;

	*why = 0;
	if (ops->size < POLICY_SIZE_MIN || ops->abi_version != IOPFD_POLICY_ABI_VERSION) {
		snprintf(why, why_size, "made for another version of iopfd");
		return -EPROTONOSUPPORT;
	}
	if (!p || !(p->region = strdup(region->name)))
		return -ENOMEM;
	p->length = region->length;
	p->misaligned = region->granule - 1;
	p->memory_size = ops->size > POLICY_SIZE_MIN ? sizeof(struct iopfd_memory) : offsetof(struct iopfd_memory, flags);
	p->checked_fd = p->one_file.fd = -1;
	r = ops->create(&policy_host, &p->instance);
	if (r < 0)
		return r;
	p->ops = ops;
	r = configure(p, settings, n_settings, why, why_size);
	if (r >= 0)
		r = ops->open(p->instance, region, why, why_size);
	if (r < 0)
		return r;
	find_one_file(p);
	*ret = TAKE_PTR(p);
	return 0;
}

static int check_result(struct policy *p, int r)
{
	return r > IOPFD_NOSPACE || r < -4095 ? nonsense(p, "returned what is no result") : r;
}

/* What nearly every fill answers: the file that it always was, at an offset that fits. */
static bool is_usual(const struct policy *p, const struct iopfd_memory *memory, uint64_t length)
{
	return memory->fd == p->checked_fd && memory->fd >= 0 && !(memory->offset & p->misaligned) &&
	       memory->offset + length >= length;
}

/* The policy said r, and not only what is_usual(). */
__attribute__((noinline))
static int check_fill(struct policy *p, const struct policy_request *rq, int r, uint64_t length)
{
	if (r)
		return check_result(p, r);
	if (!is_mappable(p, rq->memory.fd))
		return nonsense(p, "gave an fd that is neither shmem nor hugetlb");
	if (rq->memory.offset & p->misaligned || rq->memory.offset + length < length)
		return nonsense(p, "gave an offset that is no multiple of the granule");
	return 0;
}

int policy_fill_result(struct policy *p, const struct policy_request *rq, uint64_t length)
{
	return rq->result == IOPFD_PENDING ? nonsense(p, "completed a fill as pending") :
					     check_fill(p, rq, rq->result, length);
}

__attribute__((noinline))
static int ask_fill(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length, uint32_t access)
{
	int r;

	if (p->failed)
		return -EBADE;
	policy_request_begin(rq, p->memory_size);
	rq->memory = (struct iopfd_memory){ .fd = -1 };
	r = p->ops->fill(p->instance, to_abi(rq), offset, length, access, &rq->memory);
	r = policy_request_end(rq, r);
	if (r == 0 && is_usual(p, &rq->memory, length))
		return 0;
	return check_fill(p, rq, note_pending(p, r), length);
}

int policy_fill(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length, uint32_t access)
{
	check_range(p, offset, length);
	if (p->one_file.fd < 0)
		return ask_fill(p, rq, offset, length, access);
	rq->memory = p->one_file;
	rq->memory.offset += offset;
	return 0;
}

int policy_release(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length, bool dirty)
{
	int r;

	check_range(p, offset, length);
	if (!p->ops->release)
		return 0;
	policy_request_begin(rq, 0);
	r = p->ops->release(p->instance, to_abi(rq), offset, length, dirty);
	return check_result(p, policy_request_end(rq, note_pending(p, r)));
}

int policy_flush(struct policy *p, struct policy_request *rq, uint64_t offset, uint64_t length)
{
	int r;

	check_range(p, offset, length);
	if (!p->ops->flush)
		return 0;
	policy_request_begin(rq, 0);
	r = p->ops->flush(p->instance, to_abi(rq), offset, length);
	return check_result(p, policy_request_end(rq, note_pending(p, r)));
}

void policy_prefetch(struct policy *p, uint64_t offset, uint64_t length)
{
	if (p->ops->prefetch && !p->failed)
		p->ops->prefetch(p->instance, offset, length);
}

void policy_submit(struct policy *p)
{
	if (p->holds && p->ops->flags & IOPFD_POLICY_SUBMITS)
		p->ops->submit(p->instance);
	p->holds = false;
}

const char *policy_name(const struct policy *p)
{
	return p->ops->name;
}

bool policy_tracks_dirty(const struct policy *p)
{
	return p->ops->flags & IOPFD_POLICY_TRACKS_DIRTY;
}

bool policy_releases(const struct policy *p)
{
	return p->ops->release;
}

int policy_memory(struct policy *p, struct iopfd_memory *ret_memory)
{
	return p->ops->memory ? p->ops->memory(p->instance, ret_memory) : -EOPNOTSUPP;
}

uint64_t policy_backed_bytes(struct policy *p)
{
	return p->ops->backed_bytes ? p->ops->backed_bytes(p->instance) : 0;
}

size_t policy_stats(struct policy *p, struct iopfd_counter *ret, size_t n)
{
	size_t filled = p->ops->stats ? p->ops->stats(p->instance, ret, n) : 0;

	return MIN(filled, n);
}
