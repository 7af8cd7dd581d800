/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One contract for all engines behind device_ops: attaching, mapping, the fault queue, and
 * what a detach does to it. Without an argument on the simulated device; `mock` on the
 * kernel's own test device, inside the rig.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device-fixture.h"
#include "device/uapi.h"
#include "t.h"

#define R ((ssize_t)sizeof(struct uapi_fault_record))
#define A ((ssize_t)sizeof(struct uapi_answer))
#define P 4096ull
#define RW (ACCESS_READ | ACCESS_WRITE)

static const struct device_fixture *fixture = &device_sim_fixture;
static struct iommufd *iommufd;
static struct device *device, *second;
static struct ioas *ioas;
static struct uapi_fault_record records[256];
static uint64_t base;

static struct device *open_device(const char *name)
{
	struct reason why = { 0 };
	struct device *d;

	T_OK(fixture->ops->new(name, fixture->address, &d, &why));
	if (d->ops->open(d, iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "open: %s", why.text);
	d->uses_pasids = true;
	return d;
}

static void close_device(struct device *d)
{
	d->ops->close(d);
	d->ops->free(d);
}

static struct ioas *open_ioas(void)
{
	struct iova_range range = { fixture->iova, fixture->length };
	struct reason why = { 0 };
	struct ioas *a;

	if (fixture->ops->ioas_open(iommufd, &range, 1, &a, &why) < 0)
		t_fail(__FILE__, __LINE__, "ioas_open: %s", why.text);
	return a;
}

static void attach(struct device *d, uint32_t pasid, struct ioas *a)
{
	struct reason why = { 0 };

	if (d->ops->attach(d, pasid, a, &why) < 0)
		t_fail(__FILE__, __LINE__, "attach: %s", why.text);
}

static void set_up(void)
{
	base = fixture->iova;
	fixture->set_up(&iommufd);
	device = open_device("first");
	ioas = open_ioas();
	attach(device, PASID_NONE, ioas);
}

static void tear_down(void)
{
	T_OK(device->ops->detach(device, PASID_NONE, ioas));
	ioas = ioas->ops->ioas_close(ioas);
	close_device(device);
	fixture->tear_down(iommufd);
}

static void trigger(uint64_t page, size_t n)
{
	struct request requests[64];

	for (size_t i = 0; i < n; i++)
		requests[i] = (struct request){ UAPI_PERM_READ, base + (page + i) * P };
	fixture->trigger(device, ioas, PASID_NONE, requests, n);
}

static ssize_t read_records(size_t n)
{
	return ioas->ops->read(ioas, records, n * sizeof(records[0]));
}

static ssize_t answer(uint32_t cookie, uint32_t code)
{
	struct uapi_answer a = { cookie, code };

	return ioas->ops->write(ioas, &a, sizeof(a));
}

static void expect_answers(uint64_t success, uint64_t invalid)
{
	uint64_t n_success, n_invalid;

	fixture->answers(ioas, &n_success, &n_invalid);
	T_EQ(n_success, success);
	T_EQ(n_invalid, invalid);
}

static bool is_readable(void)
{
	struct pollfd p = { .fd = ioas->fault_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static int memory(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	T_ASSERT(fd >= 0);
	T_ASSERT(ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static int map(uint64_t page, uint64_t n, int fd, uint64_t offset)
{
	return ioas->ops->map(ioas, base + page * P, n * P, fd, offset * P, RW);
}

static int unmap(uint64_t page, uint64_t n)
{
	return ioas->ops->unmap(ioas, base + page * P, n * P);
}

static void test_map(void)
{
	int fd = memory(16 * P), file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	set_up();
	T_OK(map(4, 4, fd, 0));
	T_EQ(map(4, 4, fd, 0), -EEXIST);
	T_EQ(map(7, 1, fd, 0), -EEXIST);
	T_EQ(map(2, 3, fd, 0), -EEXIST);
	T_EQ(map(0, 16, fd, 0), -EEXIST);
	T_OK(map(8, 1, fd, 0));
	T_OK(map(3, 1, fd, 15));
	T_EQ(map(20, 0, fd, 0), -EINVAL);
	T_EQ(map(20, 1, fd, 16), -EINVAL);
	T_EQ(map(20, 2, fd, 15), -EINVAL);
	T_EQ(map(20, 1, file, 0), -EINVAL);
	T_EQ(map(20, 1, -1, 0), -EBADF);
	T_EQ(ioas->ops->map(ioas, base + 20 * P + 512, P, fd, 0, RW), -EINVAL);
	T_EQ(ioas->ops->map(ioas, base + 20 * P, P - 512, fd, 0, RW), -EINVAL);
	T_EQ(ioas->ops->map(ioas, base + 20 * P, P, fd, 0, 0), -EINVAL);
	T_EQ(ioas->ops->map(ioas, fixture->outside, P, fd, 0, RW), -EINVAL);
	T_OK(ioas->ops->map(ioas, base + 20 * P, P, fd, 0, ACCESS_READ));
	T_OK(ioas->ops->map(ioas, base + fixture->length - P, P, fd, 0, RW));
	close(fd);
	close(file);
	tear_down();
}

static void test_unmap(void)
{
	int fd = memory(16 * P);

	set_up();
	T_EQ(unmap(0, 1), -ENOENT);
	T_EQ(unmap(0, 0), -EINVAL);
	T_OK(map(0, 4, fd, 0));
	T_OK(map(4, 4, fd, 4));
	T_OK(map(12, 4, fd, 12));
	/* Never a part; areas before the one that sticks out are gone. */
	T_EQ(unmap(1, 1), -ENOENT);
	T_EQ(unmap(1, 7), -ENOENT);
	T_EQ(map(0, 1, fd, 0), -EEXIST);
	T_EQ(unmap(0, 6), -ENOENT);
	T_OK(map(0, 4, fd, 8));
	T_EQ(map(5, 1, fd, 0), -EEXIST);
	T_OK(unmap(0, 16));
	T_EQ(unmap(0, 16), -ENOENT);
	T_OK(map(0, 16, fd, 0));
	close(fd);
	tear_down();
}

static void test_read(void)
{
	set_up();
	T_EQ(is_readable(), false);
	T_EQ(read_records(0), 0);
	T_EQ(read_records(256), 0);
	T_EQ(ioas->ops->read(ioas, records, R - 1), -ESPIPE);
	trigger(0, 1);
	trigger(1, 3);
	trigger(4, 1);
	T_EQ(is_readable(), true);
	T_EQ(read_records(0), -EINVAL);
	T_EQ(read_records(2), R);
	T_EQ(records[0].cookie, 1);
	T_EQ(records[0].addr, base);
	T_EQ(records[0].dev_id, device->dev_id);
	T_EQ(records[0].flags & UAPI_FAULT_PASID_VALID, 0);
	T_EQ(records[0].perm, UAPI_PERM_READ);
	T_EQ(records[0].length, 0);
	T_EQ(read_records(2), -EINVAL);
	T_EQ(is_readable(), true);
	T_EQ(read_records(256), 4 * R);
	for (unsigned i = 0; i < 3; i++) {
		T_EQ(records[i].addr, base + (i + 1) * P);
		T_EQ(records[i].cookie, 2);
		T_EQ(records[i].flags & UAPI_FAULT_LAST_PAGE, i == 2 ? UAPI_FAULT_LAST_PAGE : 0);
	}
	T_EQ(records[3].cookie, 3);
	T_EQ(is_readable(), false);
	expect_answers(0, 0);
	tear_down();
}

static void test_write(void)
{
	struct uapi_answer a[] = { { 1, 0 }, { 2, 1 }, { 77, 0 }, { 3, 0 } };

	set_up();
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), -EINVAL);
	for (unsigned i = 0; i < 4; i++)
		trigger(i * 8, i + 1);
	T_EQ(read_records(256), 10 * R);
	T_EQ(ioas->ops->write(ioas, a, 0), 0);
	T_EQ(ioas->ops->write(ioas, a, 12), -ESPIPE);
	T_EQ(ioas->ops->write(ioas, a, sizeof(a)), 2 * A);
	T_EQ(ioas->ops->write(ioas, a + 2, 2 * sizeof(a[0])), -EINVAL);
	T_EQ(ioas->ops->write(ioas, a + 3, sizeof(a[0])), A);
	expect_answers(2, 1);
	T_EQ(answer(4, 2), -EINVAL);
	T_EQ(answer(4, UAPI_ANSWER_INVALID), A);
	T_EQ(answer(4, UAPI_ANSWER_INVALID), -EINVAL);
	expect_answers(2, 2);
	/* Freed cookies are used again, the lowest first. */
	trigger(0, 1);
	trigger(1, 1);
	T_EQ(read_records(256), 2 * R);
	T_EQ(records[0].cookie, 1);
	T_EQ(records[1].cookie, 2);
	T_EQ(answer(2, UAPI_ANSWER_SUCCESS), A);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), A);
	expect_answers(4, 2);
	tear_down();
}

static void test_many_groups(void)
{
	struct uapi_answer a[64];
	uint64_t n_seen = 0;

	set_up();
	for (unsigned i = 0; i < 1000; i++)
		trigger(i, 1);
	for (ssize_t size; (size = read_records(64)) > 0; n_seen += (uint64_t)(size / R)) {
		for (unsigned i = 0; i < size / R; i++) {
			T_EQ(records[i].addr, base + (n_seen + i) * P);
			a[i] = (struct uapi_answer){ records[i].cookie, UAPI_ANSWER_SUCCESS };
		}
		T_EQ(ioas->ops->write(ioas, a, (size_t)(size / R * A)), size / R * A);
	}
	T_EQ(n_seen, 1000);
	expect_answers(1000, 0);
	tear_down();
}

/* Groups read and unread are answered INVALID; others stay. */
static void test_detach(void)
{
	struct request request = { UAPI_PERM_WRITE, base };

	set_up();
	second = open_device("second");
	attach(second, PASID_NONE, ioas);
	T_ASSERT(second->dev_id != device->dev_id);
	trigger(0, 2);
	fixture->trigger(second, ioas, PASID_NONE, &request, 1);
	T_EQ(read_records(256), 3 * R);
	T_EQ(records[2].dev_id, second->dev_id);
	T_EQ(records[2].perm, UAPI_PERM_WRITE);
	trigger(5, 1);
	fixture->trigger(second, ioas, PASID_NONE, &request, 1);
	T_OK(device->ops->detach(device, PASID_NONE, ioas));
	expect_answers(0, 2);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), -EINVAL);
	T_EQ(answer(2, UAPI_ANSWER_SUCCESS), A);
	T_EQ(read_records(256), R);
	T_EQ(records[0].dev_id, second->dev_id);
	T_EQ(records[0].cookie, 1);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), A);
	T_EQ(is_readable(), false);
	expect_answers(2, 2);
	/* And it can come back. */
	attach(device, PASID_NONE, ioas);
	trigger(0, 1);
	T_EQ(read_records(256), R);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), A);
	T_OK(second->ops->detach(second, PASID_NONE, ioas));
	close_device(second);
	expect_answers(3, 2);
	tear_down();
}

/* The device and two of its PASIDs, in one space and in another. */
static void test_pasids(void)
{
	struct request request = { UAPI_PERM_READ, base + P };
	struct ioas *other;

	set_up();
	T_ASSERT(device->max_pasids > 9);
	other = open_ioas();
	attach(device, 5, ioas);
	attach(device, 9, other);
	trigger(0, 1);
	fixture->trigger(device, ioas, 5, &request, 1);
	T_EQ(read_records(256), 2 * R);
	T_EQ(records[0].flags & UAPI_FAULT_PASID_VALID, 0);
	T_EQ(records[1].flags & UAPI_FAULT_PASID_VALID, UAPI_FAULT_PASID_VALID);
	T_EQ(records[1].pasid, 5);
	T_EQ(records[1].dev_id, device->dev_id);
	T_EQ(records[1].cookie, 2);
	T_OK(device->ops->detach(device, 5, ioas));
	T_EQ(answer(2, UAPI_ANSWER_SUCCESS), -EINVAL);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), A);
	expect_answers(1, 1);
	/* Queues, cookies and tables of two spaces are independent. */
	fixture->trigger(device, other, 9, &request, 1);
	T_EQ(read_records(256), 0);
	T_EQ(other->ops->read(other, records, sizeof(records)), R);
	T_EQ(records[0].pasid, 9);
	T_EQ(records[0].cookie, 1);
	T_EQ(answer(1, UAPI_ANSWER_SUCCESS), -EINVAL);
	T_OK(device->ops->detach(device, 9, other));
	other = other->ops->ioas_close(other);
	tear_down();
}

static void test_refusals(void)
{
	struct reason why = { 0 };
	int fd;

	set_up();
	T_ASSERT(device->ops->attach(device, PASID_NONE - 1, ioas, &why) < 0);
	T_ASSERT(why.error > 0 && *why.text);
	T_EQ(device->ops->lend(device, &fd), -EOPNOTSUPP);
	tear_down();
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "mock") == 0)
		fixture = &device_mock_fixture;
	printf("engine: %s\n", fixture->name);
	t_run(test_map);
	t_run(test_unmap);
	t_run(test_read);
	t_run(test_write);
	t_run(test_many_groups);
	t_run(test_detach);
	t_run(test_pasids);
	t_run(test_refusals);
	return 0;
}
