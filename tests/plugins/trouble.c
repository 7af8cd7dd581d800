/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy that fails, delays and lies on command. Without keys it gives zeroed memory and
 * is no trouble at all.
 *
 *	calls = fill release flush	which calls delay and fail-every are about; default: fill
 *	delay = MS			they end later, from one of two threads
 *	delay-share = PERCENT		... so many of them, evenly; default: 100
 *	fail-every = N			every N-th of them fails, the N-th first
 *	error = NAME			... with this errno; default: EIO
 *	lie = WORD			what fills do that would not fail, see `lies`
 *	lie-every = N			... every N-th of them; default: 1
 *
 * What is filled already is found at once, without any trouble, as the interface wants it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include <iopfd/policy.h>

#define N_THREADS 2

enum call { FILL, RELEASE, FLUSH, N_CALLS };
static const char *const calls[N_CALLS] = { "fill", "release", "flush" };

enum lie {
	NONE,
	FD,      /* an fd that is no memory */
	CLOSED,  /* an fd that is none */
	OFFSET,  /* not a multiple of the granule */
	BEYOND,  /* behind the end of the file */
	RESULT,  /* a result that does not exist */
	NOSPACE, /* always "try again" */
	PENDING, /* ends, as pending */
	BOTH,    /* ends twice: completed, and returned */
	NEVER,   /* is pending for ever */
	N_LIES,
};
static const char *const lies[N_LIES] = {
	"none", "fd", "closed", "offset", "beyond", "result", "nospace", "pending", "both", "never",
};

static const struct {
	const char *name;
	int number;
} errors[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "ENOMEM", ENOMEM }, { "EINVAL", EINVAL }, { "EAGAIN", EAGAIN } };

/* A call that ends later. */
struct job {
	STAILQ_ENTRY(job) link;
	struct iopfd_request *request;
	int result;
	struct iopfd_memory memory;
	struct timespec due;
};

struct trouble {
	const struct iopfd_host *host;
	unsigned affected; /* one bit for each call */
	unsigned long delay_ms, delay_share, fail_every, lie_every;
	int error;
	enum lie lie;
	uint64_t length, granule;
	unsigned char *filled; /* for each granule, the access */
	int fd, null;

	atomic_ulong n_calls[N_CALLS], n_affected, n_fills_done, n_failures, n_delays, n_lies;

	pthread_t threads[N_THREADS];
	unsigned n_threads;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	STAILQ_HEAD(, job) jobs; /* by due, as all wait equally long */
	bool ending;
};

static int trouble_create(const struct iopfd_host *host, void **ret_instance)
{
	struct trouble *t = calloc(1, sizeof(*t));
	pthread_condattr_t attr;

	if (!t)
		return -ENOMEM;
	t->host = host;
	t->affected = 1u << FILL;
	t->delay_share = 100;
	t->lie_every = 1;
	t->error = EIO;
	t->fd = t->null = -1;
	STAILQ_INIT(&t->jobs);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attr);
	pthread_condattr_destroy(&attr);
	*ret_instance = t;
	return 0;
}

static void trouble_close(void *instance)
{
	struct trouble *t = instance;

	pthread_mutex_lock(&t->lock);
	t->ending = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 0; i < t->n_threads; i++)
		pthread_join(t->threads[i], NULL);
	if (t->fd >= 0)
		close(t->fd);
	if (t->null >= 0)
		close(t->null);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t->filled);
	free(t);
}

static int parse_word(const char *word, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(words[i], word))
			return (int)i;
	return -EINVAL;
}

static int parse_calls(const char *value, unsigned *ret)
{
	char copy[64], *save = NULL;
	unsigned mask = 0;

	snprintf(copy, sizeof(copy), "%s", value);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		int call = parse_word(word, calls, N_CALLS);

		if (call < 0)
			return call;
		mask |= 1u << call;
	}
	*ret = mask;
	return 0;
}

static int parse_error(const char *value)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].name, value))
			return errors[i].number;
	return -EINVAL;
}

static int parse_number(const char *value, unsigned long *ret)
{
	char *end;

	*ret = strtoul(value, &end, 10);
	return end == value || *end ? -EINVAL : 0;
}

static int trouble_config(void *instance, const char *key, const char *value, char *why, size_t why_size)
{
	struct trouble *t = instance;
	int r;

	if (!strcmp(key, "calls")) {
		r = parse_calls(value, &t->affected);
	} else if (!strcmp(key, "lie")) {
		r = parse_word(value, lies, N_LIES);
		t->lie = r < 0 ? NONE : (enum lie)r;
	} else if (!strcmp(key, "error")) {
		r = parse_error(value);
		t->error = r;
	} else if (!strcmp(key, "delay")) {
		r = parse_number(value, &t->delay_ms);
	} else if (!strcmp(key, "delay-share")) {
		r = parse_number(value, &t->delay_share);
	} else if (!strcmp(key, "fail-every")) {
		r = parse_number(value, &t->fail_every);
	} else if (!strcmp(key, "lie-every")) {
		r = parse_number(value, &t->lie_every);
	} else {
		return -ENOENT;
	}
	if (r < 0)
		snprintf(why, why_size, "see the top of trouble.c");
	return r < 0 ? r : 0;
}

/* Waits until the first job is due; NULL: there will be none any more. */
static struct job *wait_job(struct trouble *t)
{
	struct timespec now;
	struct job *j;

	for (;;) {
		j = STAILQ_FIRST(&t->jobs);
		if (!j && t->ending)
			return NULL;
		if (!j) {
			pthread_cond_wait(&t->changed, &t->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > j->due.tv_sec || (now.tv_sec == j->due.tv_sec && now.tv_nsec >= j->due.tv_nsec))
			break;
		now = j->due;
		pthread_cond_timedwait(&t->changed, &t->lock, &now);
	}
	STAILQ_REMOVE_HEAD(&t->jobs, link);
	return j;
}

static void *run(void *userdata)
{
	struct trouble *t = userdata;
	struct job *j;

	do {
		pthread_mutex_lock(&t->lock);
		j = wait_job(t);
		pthread_mutex_unlock(&t->lock);
		if (j)
			t->host->complete(j->request, j->result, &j->memory);
		free(j);
	} while (j);
	return NULL;
}

static int trouble_open(void *instance, const struct iopfd_region *region, char *why, size_t why_size)
{
	struct trouble *t = instance;
	int r = 0;

	t->length = region->length;
	t->granule = region->granule;
	t->filled = calloc(region->length / region->granule, 1);
	t->fd = t->host->make_memory(region->name, region->length, 0, region->numa_node);
	t->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (!r && t->n_threads < N_THREADS) {
		r = -pthread_create(&t->threads[t->n_threads], NULL, run, t);
		t->n_threads += !r;
	}
	if (t->filled && t->fd >= 0 && t->null >= 0 && !r)
		return 0;
	snprintf(why, why_size, "not enough memory, files or threads");
	return -ENOMEM;
}

static bool is_nth(unsigned long i, unsigned long n)
{
	return n && i % n == 0;
}

static int end_later(struct trouble *t, struct iopfd_request *request, int result, const struct iopfd_memory *memory)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->request = request;
	j->result = result;
	if (memory)
		j->memory = *memory;
	clock_gettime(CLOCK_MONOTONIC, &j->due);
	j->due.tv_sec += (time_t)(t->delay_ms / 1000);
	j->due.tv_nsec += (long)(t->delay_ms % 1000) * 1000000;
	if (j->due.tv_nsec >= 1000000000) {
		j->due.tv_nsec -= 1000000000;
		j->due.tv_sec++;
	}
	atomic_fetch_add(&t->n_delays, 1);
	pthread_mutex_lock(&t->lock);
	STAILQ_INSERT_TAIL(&t->jobs, j, link);
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return IOPFD_PENDING;
}

/* Changes the answer, or gives another; IOPFD_PENDING: nothing is left to do. */
static int tell_lie(struct trouble *t, struct iopfd_request *request, struct iopfd_memory *memory)
{
	atomic_fetch_add(&t->n_lies, 1);
	switch (t->lie) {
	case FD:
		memory->fd = t->null;
		return 0;
	case CLOSED:
		memory->fd = 1 << 28;
		return 0;
	case OFFSET:
		memory->offset += 512;
		return 0;
	case BEYOND:
		memory->offset += t->length;
		return 0;
	case RESULT:
		return 42;
	case NOSPACE:
		return IOPFD_NOSPACE;
	case PENDING:
		t->host->complete(request, IOPFD_PENDING, memory);
		return IOPFD_PENDING;
	case BOTH:
		t->host->complete(request, 0, memory);
		return 0;
	default:
		return IOPFD_PENDING;
	}
}

/* The trouble that any call may have: its number among those that have it, 0 for the others;
 * *result, what it would return without, changes if it fails. */
static unsigned long begin(struct trouble *t, enum call call, int *result)
{
	unsigned long i;

	atomic_fetch_add(&t->n_calls[call], 1);
	if (!(t->affected & 1u << call))
		return 0;
	i = atomic_fetch_add(&t->n_affected, 1) + 1;
	if (is_nth(i, t->fail_every)) {
		atomic_fetch_add(&t->n_failures, 1);
		*result = -t->error;
	}
	return i;
}

static int end(struct trouble *t, unsigned long i, struct iopfd_request *request, int result,
	       const struct iopfd_memory *memory)
{
	if (t->delay_ms && i * t->delay_share / 100 != (i - (i > 0)) * t->delay_share / 100)
		return end_later(t, request, result, memory);
	return result;
}

static int begin_and_end(struct trouble *t, enum call call, struct iopfd_request *request)
{
	int r = 0;
	unsigned long i = begin(t, call, &r);

	return end(t, i, request, r, NULL);
}

static int is_filled(const struct trouble *t, uint64_t offset, uint64_t length, uint32_t access)
{
	for (uint64_t i = offset / t->granule; i < (offset + length) / t->granule; i++)
		if (!t->filled[i] || access & ~t->filled[i])
			return 0;
	return 1;
}

/* By the calls only: none comes for a range while another one is pending. */
static void set_filled(struct trouble *t, uint64_t offset, uint64_t length, uint32_t access)
{
	memset(t->filled + offset / t->granule, (int)access, length / t->granule);
}

static int trouble_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length,
			uint32_t access, struct iopfd_memory *ret_memory)
{
	struct trouble *t = instance;
	unsigned long i;
	int r = 0;

	*ret_memory = (struct iopfd_memory){ .fd = t->fd, .offset = offset };
	if (is_filled(t, offset, length, access))
		return 0;
	i = atomic_fetch_add(&t->n_fills_done, 1) + 1;
	if (t->lie != NONE && is_nth(i, t->lie_every)) {
		r = tell_lie(t, request, ret_memory);
		if (r == IOPFD_PENDING || t->lie == BOTH)
			return r;
	}
	i = begin(t, FILL, &r);
	if (r == 0)
		set_filled(t, offset, length, access);
	return end(t, i, request, r, ret_memory);
}

static int trouble_release(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty)
{
	(void)dirty;
	set_filled(instance, offset, length, 0);
	return begin_and_end(instance, RELEASE, request);
}

static int trouble_flush(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length)
{
	(void)offset;
	(void)length;
	return begin_and_end(instance, FLUSH, request);
}

static int trouble_memory(void *instance, struct iopfd_memory *ret_memory)
{
	struct trouble *t = instance;

	*ret_memory = (struct iopfd_memory){ .fd = t->fd };
	return 0;
}

static size_t trouble_stats(void *instance, struct iopfd_counter *ret, size_t n)
{
	struct trouble *t = instance;
	const struct iopfd_counter counters[] = {
		{ "Fills", atomic_load(&t->n_fills_done) },
		{ "Releases", atomic_load(&t->n_calls[RELEASE]) },
		{ "Flushes", atomic_load(&t->n_calls[FLUSH]) },
		{ "Failures", atomic_load(&t->n_failures) },
		{ "Delays", atomic_load(&t->n_delays) },
		{ "Lies", atomic_load(&t->n_lies) },
	};
	const size_t n_counters = sizeof(counters) / sizeof(counters[0]);

	for (size_t i = 0; i < n && i < n_counters; i++)
		ret[i] = counters[i];
	return n_counters;
}

extern const struct iopfd_policy iopfd_policy;
const struct iopfd_policy iopfd_policy = {
	.size = sizeof(iopfd_policy),
	.abi_version = IOPFD_POLICY_ABI_VERSION,
	.name = "trouble",
	.flags = IOPFD_POLICY_TRACKS_DIRTY,
	.create = trouble_create,
	.config = trouble_config,
	.open = trouble_open,
	.fill = trouble_fill,
	.release = trouble_release,
	.flush = trouble_flush,
	.memory = trouble_memory,
	.stats = trouble_stats,
	.close = trouble_close,
};
