/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-host.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "t.h"

#define HUGE_SHIFT 26

struct request {
	bool done;
	int result;
	struct iopfd_memory memory;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char logged[4096];

static void complete(struct iopfd_request *request, int result, const struct iopfd_memory *memory)
{
	struct request *rq = (struct request *)(void *)request;

	pthread_mutex_lock(&lock);
	T_ASSERT(!rq->done);
	rq->done = true;
	rq->result = result;
	if (memory)
		rq->memory = *memory;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int make_memory(const char *name, uint64_t length, uint64_t page_size, int32_t numa_node)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	(void)numa_node;
	if (page_size)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(page_size) << HUGE_SHIFT;
	fd = memfd_create(name, flags);
	if (fd < 0)
		return -errno;
	T_EQ(ftruncate(fd, (off_t)length), 0);
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	return fd;
}

static void add_to_log(int level, const char *message)
{
	size_t used;

	pthread_mutex_lock(&lock);
	used = strlen(logged);
	snprintf(logged + used, sizeof(logged) - used, "<%d>%s\n", level, message);
	pthread_mutex_unlock(&lock);
}

const struct iopfd_host t_host = {
	.size = sizeof(t_host),
	.complete = complete,
	.make_memory = make_memory,
	.log = add_to_log,
};

const char *t_host_log(void)
{
	static char copy[sizeof(logged)];

	pthread_mutex_lock(&lock);
	memcpy(copy, logged, sizeof(copy));
	logged[0] = 0;
	pthread_mutex_unlock(&lock);
	return copy;
}

static void *configured(const struct iopfd_policy *policy, va_list ap)
{
	char why[256] = "";
	const char *key;
	void *instance;

	T_OK(policy->create(&t_host, &instance));
	while ((key = va_arg(ap, const char *))) {
		int r = policy->config(instance, key, va_arg(ap, const char *), why, sizeof(why));

		if (r < 0)
			t_fail(__FILE__, __LINE__, "key %s: %d, %s", key, r, why);
	}
	return instance;
}

void *t_policy_open(const struct iopfd_policy *policy, const struct iopfd_region *region, ...)
{
	char why[256] = "";
	void *instance;
	va_list ap;
	int r;

	va_start(ap, region);
	instance = configured(policy, ap);
	va_end(ap);
	r = policy->open(instance, region, why, sizeof(why));
	if (r < 0)
		t_fail(__FILE__, __LINE__, "open: %d, %s", r, why);
	return instance;
}

void t_policy_refuses(const struct iopfd_policy *policy, const struct iopfd_region *region, int error,
		      const char *words, ...)
{
	char why[256] = "";
	void *instance;
	va_list ap;

	va_start(ap, words);
	instance = configured(policy, ap);
	va_end(ap);
	T_EQ(policy->open(instance, region, why, sizeof(why)), error);
	if (!strstr(why, words))
		t_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why, words);
	policy->close(instance);
}

static int start(const struct iopfd_policy *policy, void *instance, struct request *rq, uint64_t offset,
		 uint64_t length, uint32_t access)
{
	struct iopfd_memory memory = { .fd = -1 };
	int r = policy->fill(instance, (struct iopfd_request *)(void *)rq, offset, length, access, &memory);

	if (r != IOPFD_PENDING)
		complete((struct iopfd_request *)(void *)rq, r, &memory);
	return r;
}

static void submit(const struct iopfd_policy *policy, void *instance)
{
	if (policy->flags & IOPFD_POLICY_SUBMITS)
		policy->submit(instance);
}

static void wait_for(const struct request *rq)
{
	pthread_mutex_lock(&lock);
	while (!rq->done)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

int t_policy_fill(const struct iopfd_policy *policy, void *instance, uint64_t offset, uint64_t length,
		  uint32_t access, struct iopfd_memory *ret, bool *ret_pending)
{
	struct request rq = { .memory = { .fd = -1 } };
	int r = start(policy, instance, &rq, offset, length, access);

	if (ret_pending)
		*ret_pending = r == IOPFD_PENDING;
	submit(policy, instance);
	wait_for(&rq);
	*ret = rq.memory;
	return rq.result;
}

void t_policy_fill_many(const struct iopfd_policy *policy, void *instance, const uint64_t offsets[], size_t n,
			uint64_t length, int ret_results[], struct iopfd_memory ret[])
{
	struct request *rqs = calloc(n, sizeof(*rqs));

	T_ASSERT(rqs);
	for (size_t i = 0; i < n; i++)
		start(policy, instance, &rqs[i], offsets[i], length, IOPFD_ACCESS_READ);
	submit(policy, instance);
	for (size_t i = 0; i < n; i++) {
		wait_for(&rqs[i]);
		ret_results[i] = rqs[i].result;
		ret[i] = rqs[i].memory;
	}
	free(rqs);
}

uint64_t t_policy_counter(const struct iopfd_policy *policy, void *instance, const char *name)
{
	struct iopfd_counter counters[16];
	size_t n = policy->stats(instance, counters, 16);

	T_ASSERT(n <= 16);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(counters[i].name, name))
			return counters[i].value;
	t_fail(__FILE__, __LINE__, "no counter %s", name);
}
