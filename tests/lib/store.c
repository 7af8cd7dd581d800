/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "t.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t completion = PTHREAD_COND_INITIALIZER;

unsigned store_n_logged;
char store_logged[512];

static void complete(struct iopfd_request *request, int result, const struct iopfd_memory *memory)
{
	pthread_mutex_lock(&lock);
	T_ASSERT(!request->completed);
	request->completed = true;
	request->result = result;
	if (memory)
		request->memory = *memory;
	request->thread = pthread_self();
	pthread_cond_broadcast(&completion);
	pthread_mutex_unlock(&lock);
}

static int make_memory(const char *name, uint64_t length, uint64_t page_size, int32_t numa_node)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	T_EQ(page_size, 0);
	T_EQ(numa_node, -1);
	T_ASSERT(fd >= 0);
	if (ftruncate(fd, (off_t)length) < 0)
		t_fail(__FILE__, __LINE__, "ftruncate: %s", strerror(errno));
	T_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	return fd;
}

static void log_line(int level, const char *message)
{
	(void)level;
	store_n_logged++;
	snprintf(store_logged, sizeof(store_logged), "%s", message);
}

const struct iopfd_host store_host = {
	.size = sizeof(store_host),
	.complete = complete,
	.make_memory = make_memory,
	.log = log_line,
};

static int configure(struct store *s, const char *setting)
{
	const char *value = strchr(setting, '=') + 1;
	char key[64];

	snprintf(key, sizeof(key), "%.*s", (int)(value - setting - 1), setting);
	return s->ops->config(s->instance, key, value, s->why, sizeof(s->why));
}

int store_open(struct store *s, const struct iopfd_policy *ops, uint64_t length, uint64_t granule, uint32_t access,
	       const char *const *settings)
{
	int r = 0;

	*s = (struct store){
		.ops = ops,
		.region = {
			.size = sizeof(s->region),
			.access = access,
			.name = "space/region",
			.iova = 1ull << 32,
			.length = length,
			.granule = granule,
			.numa_node = -1,
		},
	};
	T_OK(ops->create(&store_host, &s->instance));
	for (; r >= 0 && *settings; settings++)
		r = configure(s, *settings);
	return r < 0 ? r : ops->open(s->instance, &s->region, s->why, sizeof(s->why));
}

void store_close(struct store *s)
{
	s->ops->close(s->instance);
	s->instance = NULL;
}

int store_wait(struct iopfd_request *request, int r)
{
	if (r != IOPFD_PENDING)
		return r;
	pthread_mutex_lock(&lock);
	while (!request->completed)
		pthread_cond_wait(&completion, &lock);
	pthread_mutex_unlock(&lock);
	return request->result;
}

bool store_is_completed(struct iopfd_request *request)
{
	bool completed;

	pthread_mutex_lock(&lock);
	completed = request->completed;
	pthread_mutex_unlock(&lock);
	return completed;
}

void store_submit(struct store *s)
{
	if (s->ops->flags & IOPFD_POLICY_SUBMITS)
		s->ops->submit(s->instance);
}

static int end(struct store *s, struct iopfd_request *request, int r)
{
	store_submit(s);
	return store_wait(request, r);
}

int store_fill(struct store *s, uint64_t offset, uint64_t length, uint32_t access, struct iopfd_memory *ret)
{
	struct iopfd_request request = { 0 };
	int r = s->ops->fill(s->instance, &request, offset, length, access, &request.memory);

	r = end(s, &request, r);
	if (r == 0)
		*ret = request.memory;
	return r;
}

int store_release(struct store *s, uint64_t offset, uint64_t length, bool dirty)
{
	struct iopfd_request request = { 0 };

	return end(s, &request, s->ops->release(s->instance, &request, offset, length, dirty));
}

int store_flush(struct store *s, uint64_t offset, uint64_t length)
{
	struct iopfd_request request = { 0 };

	return end(s, &request, s->ops->flush(s->instance, &request, offset, length));
}

uint64_t store_counter(struct store *s, const char *name)
{
	struct iopfd_counter counters[16];
	size_t n = s->ops->stats(s->instance, counters, 16);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(counters[i].name, name))
			return counters[i].value;
	t_fail(__FILE__, __LINE__, "no counter %s", name);
}

/* Through a mapping of the moment: devices reach pages, not system calls. */
static void dma(const struct iopfd_memory *memory, uint64_t at, void *to, const void *from, uint64_t n)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = (memory->offset + at) & ~(page - 1);
	uint64_t skip = memory->offset + at - start;
	char *map = mmap(NULL, skip + n, PROT_READ | (from ? PROT_WRITE : 0), MAP_SHARED, memory->fd, (off_t)start);

	T_ASSERT(map != MAP_FAILED);
	memcpy(from ? map + skip : to, from ? from : map + skip, n);
	munmap(map, skip + n);
}

void store_dma_write(const struct iopfd_memory *memory, uint64_t at, const void *bytes, uint64_t n)
{
	dma(memory, at, NULL, bytes, n);
}

void store_dma_read(const struct iopfd_memory *memory, uint64_t at, void *bytes, uint64_t n)
{
	dma(memory, at, bytes, NULL, n);
}
