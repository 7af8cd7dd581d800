/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-wrap.h"

#include <pthread.h>
#include <stdatomic.h>

#include "policy-later.h"
#include "t.h"

#define COMMAND_NONE (-1)

const char *const trouble_names[TROUBLE_MAX] = {
	[TROUBLE_NONE] = "none",
	[TROUBLE_ERROR] = "error",
	[TROUBLE_LATE_ERROR] = "late error",
	[TROUBLE_LOST] = "done, but answered as an error",
	[TROUBLE_LATE_LOST] = "done, but answered as an error later",
	[TROUBLE_LATE] = "late",
	[TROUBLE_EARLY] = "completed before it returned",
	[TROUBLE_TWICE] = "completed twice",
	[TROUBLE_BOTH] = "completed and returned",
	[TROUBLE_AFTERWARDS] = "returned, then completed",
	[TROUBLE_NOSPACE] = "no space",
	[TROUBLE_LATE_NOSPACE] = "no space, late",
};

/* One call of the inner policy, and what comes of it. */
struct wrapped_call {
	struct wrapped *wrapped;
	struct iopfd_request *outer;
	enum wrap_call kind;
	enum trouble trouble;
	uint64_t offset;
	uint64_t length;
	uint32_t access;
	int result;
	struct iopfd_memory memory;
};

struct wrapped {
	const struct iopfd_host *host;
	struct iopfd_host inner_host;
	void *inner;
	uint64_t granule;
	uint64_t n_granules;
	uint64_t n_calls; /* the caller's, as `random` */
	uint64_t random;
	struct later *later;

	pthread_mutex_t lock; /* of all below */
	uint8_t *filled; /* for each granule, the access */
	uint8_t *dirty;  /* ... written, and not brought to safety by a release or flush */
};

static const struct iopfd_policy *inner;
static enum wrap kind;
static int commanded = COMMAND_NONE;
static enum trouble command;
static atomic_uint n_under_way;
static struct wrapped_call *held; /* for wrap_let_go() */

void wrap_command(enum wrap_call call, enum trouble trouble)
{
	commanded = (int)call;
	command = trouble;
}

void wrap_let_go(void)
{
	if (held)
		later_add(held->wrapped->later, held);
	held = NULL;
}

unsigned wrap_n_under_way(void)
{
	return atomic_load(&n_under_way);
}

static uint64_t next_random(struct wrapped *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static enum trouble choose(struct wrapped *w, enum wrap_call call)
{
	enum trouble trouble = TROUBLE_NONE;

	if (kind == WRAP_DELAY)
		return TROUBLE_LATE;
	if (commanded == (int)call)
		trouble = command;
	/* The one that makes its request unusable for anything after it is for commands only. */
	else if (commanded == COMMAND_NONE && ++w->n_calls % 3 == 0)
		do {
			trouble = (enum trouble)(next_random(w) % (call == WRAP_FILL ? TROUBLE_MAX : TROUBLE_NOSPACE));
		} while (trouble == TROUBLE_AFTERWARDS || trouble == TROUBLE_TWICE);
	if (commanded != COMMAND_NONE && commanded == (int)call)
		command = TROUBLE_NONE;
	return trouble;
}

static void mark(uint8_t *flags, const struct wrapped_call *c, unsigned value)
{
	memset(flags + c->offset / c->wrapped->granule, (int)value, c->length / c->wrapped->granule);
}

/* What the wrapper knows after it. */
static void note(struct wrapped_call *c)
{
	struct wrapped *w = c->wrapped;

	pthread_mutex_lock(&w->lock);
	if (c->kind == WRAP_FILL && c->result == 0)
		for (uint64_t at = c->offset; at < c->offset + c->length; at += w->granule)
			w->filled[at / w->granule] |= (uint8_t)c->access;
	if (c->kind != WRAP_FILL && c->result == 0)
		mark(w->dirty, c, false);
	pthread_mutex_unlock(&w->lock);
}

static void complete_outer(struct wrapped_call *c)
{
	note(c);
	c->wrapped->host->complete(c->outer, c->result, &c->memory);
}

static void forget(struct wrapped_call *c)
{
	free(c);
	atomic_fetch_sub(&n_under_way, 1);
}

/* A thread of the wrapper's. */
static void end_now(void *item)
{
	struct wrapped_call *c = item;
	const struct iopfd_host *host = c->wrapped->host;

	if (c->trouble == TROUBLE_AFTERWARDS)
		host->complete(c->outer, -EIO, NULL);
	else
		complete_outer(c);
	if (c->trouble == TROUBLE_TWICE)
		host->complete(c->outer, -EIO, NULL);
	forget(c);
}

static void inner_complete(struct iopfd_request *request, int result, const struct iopfd_memory *memory)
{
	struct wrapped_call *c = (struct wrapped_call *)(void *)request;

	c->result = result;
	if (result == 0 && memory)
		c->memory = *memory;
	if (c->trouble == TROUBLE_LOST || c->trouble == TROUBLE_LATE_LOST)
		c->result = -EIO;
	/* It has not returned with an answer, so this is the one completion. */
	if (c->trouble == TROUBLE_AFTERWARDS)
		c->trouble = TROUBLE_LATE;
	later_add(c->wrapped->later, c);
}

/* The inner policy has answered at once. */
static int answer(struct wrapped_call *c, struct iopfd_memory *ret_memory)
{
	int r = c->result;

	switch (c->trouble) {
	case TROUBLE_EARLY:
		complete_outer(c);
		r = IOPFD_PENDING;
		break;
	case TROUBLE_BOTH:
		complete_outer(c);
		break;
	case TROUBLE_LATE_LOST:
	case TROUBLE_LATE:
	case TROUBLE_TWICE:
	case TROUBLE_LATE_ERROR:
	case TROUBLE_LATE_NOSPACE:
		later_add(c->wrapped->later, c);
		return IOPFD_PENDING;
	case TROUBLE_AFTERWARDS:
		note(c);
		if (ret_memory)
			*ret_memory = c->memory;
		held = c;
		return r;
	default:
		note(c);
		break;
	}
	if (ret_memory && r == 0)
		*ret_memory = c->memory;
	forget(c);
	return r;
}

static int ask_inner(struct wrapped_call *c, bool dirty)
{
	struct iopfd_request *request = (struct iopfd_request *)(void *)c;
	void *instance = c->wrapped->inner;

	switch (c->kind) {
	case WRAP_FILL:
		return inner->fill(instance, request, c->offset, c->length, c->access, &c->memory);
	case WRAP_RELEASE:
		return inner->release ? inner->release(instance, request, c->offset, c->length, dirty) : 0;
	default:
		return inner->flush ? inner->flush(instance, request, c->offset, c->length) : 0;
	}
}

static int start(struct wrapped_call *c, bool dirty, struct iopfd_memory *ret_memory)
{
	int r;

	switch (c->trouble) {
	case TROUBLE_ERROR:
	case TROUBLE_LATE_ERROR:
		c->result = -EIO;
		break;
	case TROUBLE_NOSPACE:
	case TROUBLE_LATE_NOSPACE:
		c->result = IOPFD_NOSPACE;
		break;
	default:
		r = ask_inner(c, dirty);
		/* It may have ended by now. */
		if (r == IOPFD_PENDING)
			return r;
		c->result = r;
		if (c->trouble == TROUBLE_LOST || c->trouble == TROUBLE_LATE_LOST)
			c->result = -EIO;
	}
	return answer(c, ret_memory);
}

static struct wrapped_call *new_call(struct wrapped *w, enum wrap_call call, struct iopfd_request *request,
				     uint64_t offset, uint64_t length)
{
	struct wrapped_call *c = calloc(1, sizeof(*c));

	T_ASSERT(c);
	c->wrapped = w;
	c->outer = request;
	c->kind = call;
	c->offset = offset;
	c->length = length;
	c->memory.fd = -1;
	c->trouble = choose(w, call);
	atomic_fetch_add(&n_under_way, 1);
	return c;
}

/* True for all of the range. */
static bool is_filled(struct wrapped *w, uint64_t offset, uint64_t length, uint32_t access)
{
	bool filled = true;

	pthread_mutex_lock(&w->lock);
	for (uint64_t i = offset / w->granule; i < (offset + length) / w->granule; i++)
		filled = filled && w->filled[i] && !(access & ~w->filled[i]);
	pthread_mutex_unlock(&w->lock);
	return filled;
}

static int wrapped_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length,
			uint32_t access, struct iopfd_memory *ret_memory)
{
	struct wrapped *w = instance;
	bool at_once = is_filled(w, offset, length, access);
	struct wrapped_call *c = new_call(w, WRAP_FILL, request, offset, length);
	int r;

	c->access = access;
	if (at_once)
		c->trouble = TROUBLE_NONE;
	r = start(c, false, ret_memory);
	T_ASSERT(!at_once || r == 0);
	return r;
}

/* Before a release or a flush, which may fail. True: it is dirty since another one did. */
static bool note_dirty(struct wrapped *w, const struct wrapped_call *c, bool dirty)
{
	pthread_mutex_lock(&w->lock);
	if (c->kind == WRAP_RELEASE)
		mark(w->filled, c, 0);
	if (dirty)
		mark(w->dirty, c, true);
	dirty = memchr(w->dirty + c->offset / w->granule, true, c->length / w->granule);
	pthread_mutex_unlock(&w->lock);
	return dirty;
}

static int wrapped_release(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty)
{
	struct wrapped_call *c = new_call(instance, WRAP_RELEASE, request, offset, length);

	return start(c, note_dirty(instance, c, dirty), NULL);
}

static int wrapped_flush(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length)
{
	struct wrapped_call *c = new_call(instance, WRAP_FLUSH, request, offset, length);

	return start(c, note_dirty(instance, c, true), NULL);
}

static void wrapped_prefetch(void *instance, uint64_t offset, uint64_t length)
{
	struct wrapped *w = instance;

	if (inner->prefetch)
		inner->prefetch(w->inner, offset, length);
}

static void wrapped_submit(void *instance)
{
	struct wrapped *w = instance;

	inner->submit(w->inner);
}

static int wrapped_create(const struct iopfd_host *host, void **ret_instance)
{
	struct wrapped *w = calloc(1, sizeof(*w));
	int r;

	T_ASSERT(w);
	w->host = host;
	w->inner_host = *host;
	w->inner_host.complete = inner_complete;
	w->random = 88172645463325252u;
	pthread_mutex_init(&w->lock, NULL);
	r = inner->create(&w->inner_host, &w->inner);
	T_EQ(r, 0);
	*ret_instance = w;
	return 0;
}

static int wrapped_config(void *instance, const char *key, const char *value, char *why, size_t why_size)
{
	struct wrapped *w = instance;

	return inner->config ? inner->config(w->inner, key, value, why, why_size) : -ENOENT;
}

static int wrapped_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	struct wrapped *w = instance;

	w->granule = region->granule;
	w->n_granules = region->length / region->granule;
	w->filled = calloc(w->n_granules, 1);
	w->dirty = calloc(w->n_granules, 1);
	T_ASSERT(w->filled && w->dirty);
	w->later = later_new(end_now);
	return inner->open(w->inner, region, why, why_size);
}

static int wrapped_memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct wrapped *w = instance;

	return inner->memory ? inner->memory(w->inner, ret_memory) : -EOPNOTSUPP;
}

static uint64_t wrapped_backed_bytes(void *instance)
{
	struct wrapped *w = instance;

	return inner->backed_bytes ? inner->backed_bytes(w->inner) : 0;
}

static size_t wrapped_stats(void *instance, struct iopfd_counter *ret, size_t n)
{
	struct wrapped *w = instance;

	return inner->stats ? inner->stats(w->inner, ret, n) : 0;
}

static void wrapped_close(void *instance)
{
	struct wrapped *w = instance;

	later_free(w->later);
	T_EQ(wrap_n_under_way(), 0);
	inner->close(w->inner);
	pthread_mutex_destroy(&w->lock);
	free(w->filled);
	free(w->dirty);
	free(w);
}

const struct iopfd_policy *wrap_policy(const struct iopfd_policy *policy, enum wrap wrap)
{
	static struct iopfd_policy ops;

	inner = policy;
	kind = wrap;
	commanded = COMMAND_NONE;
	ops = (struct iopfd_policy){
		.size = sizeof(ops),
		.abi_version = IOPFD_POLICY_ABI_VERSION,
		.name = policy->name,
		.flags = policy->flags & ~IOPFD_POLICY_ONE_FILE, /* what is wrapped is to be called */
		.create = wrapped_create,
		.config = wrapped_config,
		.open = wrapped_open,
		.fill = wrapped_fill,
		.release = wrapped_release,
		.flush = wrapped_flush,
		.prefetch = wrapped_prefetch,
		.memory = wrapped_memory,
		.backed_bytes = wrapped_backed_bytes,
		.stats = wrapped_stats,
		.close = wrapped_close,
		.submit = policy->submit ? wrapped_submit : NULL,
	};
	return wrap == WRAP_NONE ? policy : &ops;
}
