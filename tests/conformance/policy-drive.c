/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy-drive.h"

#include <pthread.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "t.h"

#define TRIES_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Any thread. */
static void on_done(struct policy_request *rq)
{
	struct drive_call *c = container_of(rq, struct drive_call, rq);

	pthread_mutex_lock(&lock);
	c->n_done++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void make_shadow(struct drive *d)
{
	d->shadow = calloc(1, d->length);
	d->bytes = malloc(d->length);
	T_ASSERT(d->shadow && d->bytes);
	if (d->fixture->untouched)
		d->fixture->untouched(0, d->shadow, d->length);
}

bool drive_open(struct drive *d, const struct policy_fixture *fixture, enum wrap wrap, uint32_t access,
		int32_t numa_node, char *why, size_t why_size)
{
	struct iopfd_region region = {
		.size = sizeof(region),
		.access = access,
		.name = "space/region",
		.iova = 1ull << 32,
		.length = fixture->granule * fixture->n_granules,
		.granule = fixture->granule,
		.numa_node = numa_node,
	};

	*d = (struct drive){
		.fixture = fixture,
		.wrap = wrap,
		.access = access,
		.granule = fixture->granule,
		.n_granules = fixture->n_granules,
		.length = region.length,
		.random = 88172645463325252u,
	};
	T_ASSERT(d->n_granules <= DRIVE_GRANULES_MAX);
	if (!fixture->set_up(access, &d->set_up, why, why_size))
		return false;
	if (policy_open(wrap_policy(d->set_up.ops, wrap), &region, d->set_up.settings, d->set_up.n_settings, &d->policy,
			why, why_size) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", fixture->name, why);
	make_shadow(d);
	return true;
}

/* What came late has come by then. */
static void check_calls(struct drive *d)
{
	struct drive_call *next;

	for (struct drive_call *c = d->calls; c; c = next) {
		next = c->next;
		T_EQ(c->n_done, c->returned == IOPFD_PENDING);
		free(c);
	}
}

void drive_close(struct drive *d)
{
	policy_submit(d->policy);
	T_WAIT(wrap_n_under_way() == 0);
	d->policy = policy_close(d->policy);
	check_calls(d);
	if (d->fixture->tear_down)
		d->fixture->tear_down();
	free(d->shadow);
	free(d->bytes);
}

uint32_t drive_read_access(const struct drive *d)
{
	return policy_tracks_dirty(d->policy) ? READ : d->access;
}

static void note_fill(struct drive_call *c)
{
	struct drive *d = c->drive;

	for (uint64_t i = 0; i < c->n; i++) {
		struct iopfd_memory memory = { .fd = c->rq.memory.fd, .offset = c->rq.memory.offset + i * d->granule };
		struct iopfd_memory *known = &d->memory[c->first + i];

		/* One that is filled stays where it is. */
		if (d->filled[c->first + i]) {
			T_EQ(memory.fd, known->fd);
			T_EQ(memory.offset, known->offset);
		}
		*known = memory;
		d->range[c->first + i].first = c->first;
		d->range[c->first + i].n = c->n;
		d->filled[c->first + i] |= c->access;
	}
}

/* What was to be thrown away is gone; or, when that failed, maybe. */
static void note_release(struct drive_call *c)
{
	struct drive *d = c->drive;

	if (!d->fixture->discards)
		return;
	if (c->result == 0)
		memset(d->shadow + c->first * d->granule, 0, c->n * d->granule);
	memset(d->may_be_gone + c->first, c->result != 0, c->n);
}

struct drive_call *drive_start(struct drive *d, enum wrap_call kind, uint64_t first, uint64_t n, uint32_t access)
{
	struct drive_call *c = calloc(1, sizeof(*c));
	uint64_t offset = first * d->granule, length = n * d->granule;
	bool dirty = n && d->filled[first] & WRITE;

	T_ASSERT(c);
	*c = (struct drive_call){ .drive = d, .kind = kind, .first = first, .n = n, .access = access, .next = d->calls };
	c->rq.done = on_done;
	d->calls = c;
	switch (kind) {
	case WRAP_FILL:
		c->returned = policy_fill(d->policy, &c->rq, offset, length, access);
		break;
	case WRAP_RELEASE:
		/* From here on nothing is mapped, whatever comes of it. */
		memset(d->filled + first, 0, n * sizeof(*d->filled));
		c->returned = policy_release(d->policy, &c->rq, offset, length, dirty);
		break;
	default:
		for (uint64_t i = 0; i < n; i++)
			d->filled[first + i] = READ;
		c->returned = policy_flush(d->policy, &c->rq, offset, length);
	}
	/* Now and then two are begun together. */
	if (drive_random(d, 2))
		policy_submit(d->policy);
	return c;
}

bool drive_has_ended(struct drive_call *c)
{
	bool ended;

	policy_submit(c->drive->policy);
	pthread_mutex_lock(&lock);
	ended = c->returned != IOPFD_PENDING || c->n_done;
	pthread_mutex_unlock(&lock);
	return ended;
}

int drive_wait(struct drive_call *c)
{
	struct drive *d = c->drive;

	policy_submit(d->policy);
	pthread_mutex_lock(&lock);
	while (c->returned == IOPFD_PENDING && !c->n_done)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (c->returned != IOPFD_PENDING)
		c->result = c->returned;
	else
		c->result = c->kind == WRAP_FILL ? policy_fill_result(d->policy, &c->rq, c->n * d->granule) : c->rq.result;
	if (c->kind == WRAP_FILL && c->result == 0)
		note_fill(c);
	if (c->kind == WRAP_RELEASE)
		note_release(c);
	return c->result;
}

/* True: try again. */
static bool failed(const struct drive *d, int r, unsigned n_tries)
{
	if (r == 0)
		return false;
	if (d->wrap != WRAP_FAIL || (r != -EIO && r != IOPFD_NOSPACE) || n_tries == TRIES_MAX)
		t_fail(__FILE__, __LINE__, "%s: a call ended with %d after %u tries", d->fixture->name, r, n_tries);
	return true;
}

void drive_fill(struct drive *d, uint64_t first, uint64_t n, uint32_t access)
{
	for (unsigned i = 0; failed(d, drive_wait(drive_start(d, WRAP_FILL, first, n, access)), i); i++)
		;
}

void drive_release(struct drive *d, uint64_t first, uint64_t n)
{
	for (unsigned i = 0; failed(d, drive_wait(drive_start(d, WRAP_RELEASE, first, n, 0)), i); i++)
		drive_fill(d, first, n, drive_read_access(d));
}

void drive_flush(struct drive *d, uint64_t first, uint64_t n)
{
	for (unsigned i = 0; failed(d, drive_wait(drive_start(d, WRAP_FLUSH, first, n, 0)), i); i++)
		;
}

void drive_sync(struct drive *d)
{
	drive_flush(d, 0, 0);
}

uint64_t drive_random(struct drive *d, uint64_t below)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random % below;
}

/* The granule as a whole: what is made of huge pages can be mapped in no other way. */
static void dma(const struct drive *d, const struct iopfd_memory *memory, uint64_t at, void *to, const void *from,
		uint64_t n)
{
	uint8_t *map = mmap(NULL, d->granule, PROT_READ | (from ? PROT_WRITE : 0), MAP_SHARED, memory->fd,
			    (off_t)memory->offset);

	T_ASSERT(map != MAP_FAILED);
	memcpy(from ? map + at : to, from ? from : map + at, n);
	munmap(map, d->granule);
}

void drive_poke(struct drive *d, const struct iopfd_memory *memory, uint64_t at, const void *bytes, uint64_t n)
{
	dma(d, memory, at, NULL, bytes, n);
}

/* A bit of it, or all. */
void drive_write(struct drive *d, uint64_t granule)
{
	uint8_t *shadow = d->shadow + granule * d->granule;
	uint64_t n = drive_random(d, 4) ? 64 : d->granule, at = drive_random(d, d->granule / n) * n;

	T_ASSERT(d->filled[granule] & WRITE);
	for (uint64_t i = 0; i < n; i += 8) {
		uint64_t word = drive_random(d, UINT64_MAX);

		memcpy(shadow + at + i, &word, 8);
	}
	drive_poke(d, &d->memory[granule], at, shadow + at, n);
}

static bool is_zero(const uint8_t *bytes, uint64_t n)
{
	return !*bytes && !memcmp(bytes, bytes + 1, n - 1);
}

/* d->bytes is what they see from this offset on. */
static void compare(const struct drive *d, const char *who, uint64_t offset, const uint8_t *expected, uint64_t n)
{
	uint64_t i = 0;

	if (!memcmp(d->bytes, expected, n))
		return;
	while (d->bytes[i] == expected[i])
		i++;
	t_fail(__FILE__, __LINE__, "%s: at %" PRIu64 " in granule %" PRIu64 " %s see 0x%02x, not 0x%02x", d->fixture->name,
	       (offset + i) % d->granule, (offset + i) / d->granule, who, d->bytes[i], expected[i]);
}

void drive_check(struct drive *d, uint64_t first, uint64_t n)
{
	for (uint64_t g = first; g < first + n; g++) {
		uint8_t *shadow = d->shadow + g * d->granule;

		T_ASSERT(d->filled[g]);
		dma(d, &d->memory[g], 0, d->bytes, NULL, d->granule);
		if (d->may_be_gone[g] && is_zero(d->bytes, d->granule))
			memset(shadow, 0, d->granule);
		d->may_be_gone[g] = false;
		compare(d, "devices", g * d->granule, shadow, d->granule);
	}
}

void drive_check_durable(struct drive *d)
{
	_cleanup_free_ uint8_t *expected = NULL;

	if (!d->fixture->durable)
		return;
	expected = malloc(d->length);
	T_ASSERT(expected);
	if (d->fixture->unchanged)
		d->fixture->untouched(0, expected, d->length);
	else
		memcpy(expected, d->shadow, d->length);
	d->fixture->durable(0, d->bytes, d->length);
	compare(d, "others", 0, expected, d->length);
}
