/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mock.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/util.h"
#include "device/iommufd.h"
#include "device/uapi-iommufd.h"
#include "scenario.h"

#define IOMMU_IOAS_ALLOC _IO(';', 0x81)
#define IOMMU_GET_HW_INFO _IO(';', 0x8a)

#define LAST_ID 512u /* objects have small numbers: a device has four, a space three */

struct hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len;
	uint64_t data;
	uint32_t out_type;
	uint32_t out_more;
	uint64_t out_capabilities;
};

struct ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_id;
};

static int find_iommufd(pid_t process)
{
	char path[64], link[64];
	struct dirent *e;
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", process);
	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	while (fd < 0 && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = 0;
		if (!strcmp(link, IOMMUFD_PATH))
			fd = atoi(e->d_name);
	}
	closedir(dir);
	return fd;
}

static int take_iommufd(pid_t process)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
	int fd = find_iommufd(process);

	if (pidfd < 0 || fd < 0)
		die("process %d has no " IOMMUFD_PATH " open", process);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (fd < 0)
		die("pidfd_getfd: %s", strerror(errno));
	return fd;
}

static bool is_device(const struct mock *m, uint32_t id)
{
	struct hw_info info = { .size = sizeof(info), .dev_id = id };

	return ioctl(m->iommufd, IOMMU_GET_HW_INFO, &info) == 0;
}

/* A device is no page table: EINVAL when the id is what REPLACE takes, else ENOENT. */
static bool is_stdev(const struct mock *m, uint32_t id, uint32_t dev_id)
{
	struct kernel_mock_command c = { .op = MOCK_OP_REPLACE, .id = id, .replace.pt_id = dev_id };

	return kernel_mock_call(m->iommufd, &c) == -EINVAL;
}

uint32_t mock_next_id(pid_t process)
{
	struct ioas_alloc a = { .size = sizeof(a) };
	_cleanup_close_ int fd = take_iommufd(process);
	struct uapi_iommu_destroy d = { .size = sizeof(d) };

	if (ioctl(fd, IOMMU_IOAS_ALLOC, &a) < 0)
		die("IOAS_ALLOC: %s", strerror(errno));
	d.id = a.out_id;
	if (ioctl(fd, UAPI_IOMMU_DESTROY, &d) < 0)
		die("DESTROY: %s", strerror(errno));
	return a.out_id;
}

void mock_open(struct mock *m, pid_t process, unsigned index)
{
	unsigned n = 0;

	*m = (struct mock){ .iommufd = take_iommufd(process) };
	for (uint32_t id = 1; id < LAST_ID && !m->dev_id; id++)
		if (is_device(m, id) && n++ == index)
			m->dev_id = id;
	if (!m->dev_id)
		die("the daemon has only %u mock devices", n);
	n = 0;
	for (uint32_t id = 1; id < LAST_ID && !m->stdev_id; id++)
		if (is_stdev(m, id, m->dev_id) && n++ == index)
			m->stdev_id = id;
	if (!m->stdev_id)
		die("no handle of mock device %u", m->dev_id);
}

void mock_close(struct mock *m)
{
	close_fd(&m->iommufd);
}

void mock_trigger(struct mock *m, uint32_t pasid, uint64_t address, uint32_t perm)
{
	MUST(kernel_mock_trigger(m->iommufd, m->dev_id, pasid, m->group, perm, address));
	m->records++;
	if (!(perm & MOCK_MORE)) {
		m->groups++;
		m->group++;
	}
}

void mock_trigger_group(struct mock *m, uint32_t pasid, uint64_t address, uint32_t n, uint64_t step, uint32_t perm)
{
	for (uint32_t i = 0; i < n; i++)
		mock_trigger(m, pasid, address + i * step, perm | (i + 1 < n ? MOCK_MORE : 0));
}

void mock_answers(struct mock_answers *ret)
{
	MUST(kernel_mock_counter("resp_success", &ret->success));
	MUST(kernel_mock_counter("resp_invalid", &ret->invalid));
	MUST(kernel_mock_counter("resp_failure", &ret->failure));
}

void mock_wait_answers(const struct mock_answers *before, uint64_t n, struct mock_answers *ret)
{
	uint64_t deadline = clock_now_ns() + 60 * NSEC_PER_SEC;
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };
	struct mock_answers now;
	uint64_t got;

	for (;;) {
		mock_answers(&now);
		*ret = (struct mock_answers){ .success = now.success - before->success,
					      .invalid = now.invalid - before->invalid,
					      .failure = now.failure - before->failure };
		got = ret->success + ret->invalid + ret->failure;
		if (got >= n)
			break;
		if (clock_now_ns() > deadline)
			die("only %" PRIu64 " of %" PRIu64 " groups were answered", got, n);
		nanosleep(&pause, NULL);
	}
	if (got > n)
		die("%" PRIu64 " answers to %" PRIu64 " groups", got, n);
}

int mock_check_map(const struct mock *m, uint32_t hwpt_id, uint64_t iova, uint64_t length, const void *memory)
{
	struct kernel_mock_command c = {
		.op = MOCK_OP_CHECK_MAP,
		.id = hwpt_id,
		.check_map = { .iova = iova, .length = length, .memory = (uintptr_t)memory },
	};

	return kernel_mock_call(m->iommufd, &c);
}

uint32_t mock_find_hwpt(const struct mock *m, uint64_t iova, const void *memory)
{
	for (uint32_t id = 1; id < LAST_ID; id++)
		if (!mock_check_map(m, id, iova, MOCK_PAGE, memory))
			return id;
	return 0;
}

int mock_leave(const struct mock *m, uint32_t pasid, uint32_t ioas_id)
{
	struct kernel_mock_command c = { .op = MOCK_OP_REPLACE, .id = m->stdev_id, .replace.pt_id = ioas_id };

	if (pasid) {
		c.op = MOCK_OP_PASID_DETACH;
		c.pasid.pasid = pasid;
	}
	return kernel_mock_call(m->iommufd, &c);
}

int mock_return(const struct mock *m, uint32_t pasid, uint32_t hwpt_id)
{
	struct kernel_mock_command c = { .op = MOCK_OP_REPLACE, .id = m->stdev_id, .replace.pt_id = hwpt_id };

	if (pasid) {
		c.op = MOCK_OP_PASID_ATTACH;
		c.pasid.pasid = pasid;
		c.pasid.pt_id = hwpt_id;
	}
	return kernel_mock_call(m->iommufd, &c);
}

uint32_t mock_new_ioas(const struct mock *m)
{
	struct ioas_alloc a = { .size = sizeof(a) };

	if (ioctl(m->iommufd, IOMMU_IOAS_ALLOC, &a) < 0)
		die("IOAS_ALLOC: %s", strerror(errno));
	return a.out_id;
}
