/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mock engine on a real kernel: a device's RID and two PASIDs in spaces of their own,
 * faults triggered, mapped, answered; detach; everything closed in order and again.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "device/device.h"
#include "device/iommufd.h"
#include "device/uapi.h"
#include "kernel-mock.h"
#include "t.h"

#define PAGE 4096u
#define BASE 0x10000000ull

const struct device_ops *const device_table[] = { &device_mock_ops, NULL };

static struct iommufd *iommufd;

static void trigger(const struct device *d, uint32_t pasid, uint64_t addr)
{
	T_OK(kernel_mock_trigger(iommufd->fd, d->dev_id, pasid, 0, MOCK_READ | MOCK_WRITE, addr));
}

static struct ioas *open_space(const struct device *d)
{
	const struct iova_range range = { .start = BASE, .length = 16 * PAGE };
	struct reason why = { 0 };
	struct ioas *a;

	if (d->ops->ioas_open(iommufd, &range, 1, &a, &why) < 0)
		t_fail(__FILE__, __LINE__, "ioas_open: %s", why.text);
	return a;
}

static void attach(struct device *d, uint32_t pasid, struct ioas *a)
{
	struct reason why = { 0 };

	if (d->ops->attach(d, pasid, a, &why) < 0)
		t_fail(__FILE__, __LINE__, "attach %x: %s", pasid, why.text);
}

static struct device *open_device(const char *address)
{
	struct reason why = { 0 };
	struct device *d;

	if (device_new("m", address, &d, &why) < 0 || d->ops->open(d, iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", address, why.text);
	return d;
}

/* One fault, expected on this space only, is mapped and answered. */
static void serve(struct device *d, uint32_t pasid, struct ioas *a, unsigned page, int memory)
{
	struct uapi_fault_record record = { 0 };
	struct uapi_answer answer;

	trigger(d, pasid == PASID_NONE ? 0 : pasid, BASE + page * PAGE);
	T_EQ(a->ops->read(a, &record, sizeof(record)), sizeof(record));
	T_EQ(record.dev_id, d->dev_id);
	T_EQ(record.addr, BASE + page * PAGE);
	T_EQ(record.flags & UAPI_FAULT_PASID_VALID, pasid == PASID_NONE ? 0 : UAPI_FAULT_PASID_VALID);
	T_EQ(record.flags & UAPI_FAULT_LAST_PAGE, UAPI_FAULT_LAST_PAGE);
	if (pasid != PASID_NONE)
		T_EQ(record.pasid, pasid);
	T_OK(a->ops->map(a, BASE + page * PAGE, PAGE, memory, page * PAGE, ACCESS_READ | ACCESS_WRITE));
	T_EQ(a->ops->map(a, BASE + page * PAGE, PAGE, memory, page * PAGE, ACCESS_READ), -EEXIST);
	answer = (struct uapi_answer){ .cookie = record.cookie, .code = UAPI_ANSWER_SUCCESS };
	T_EQ(a->ops->write(a, &answer, sizeof(answer)), sizeof(answer));
	T_EQ(a->ops->write(a, &answer, sizeof(answer)), -EINVAL);
	T_EQ(a->ops->read(a, &record, sizeof(record)), 0);
}

static void test_rid_and_pasids(void)
{
	static const uint32_t pasids[] = { PASID_NONE, 5, 6 };
	int memory = memfd_create("memory", MFD_CLOEXEC);
	struct device *d = open_device("mock:pasid");
	struct uapi_fault_record record;
	struct reason why = { 0 };
	struct ioas *a[3];
	int fd;

	T_OK(ftruncate(memory, 16 * PAGE));
	T_EQ(d->max_pasids, 1u << 20);
	T_EQ(d->ops->lend(d, &fd), -EOPNOTSUPP);
	d->uses_pasids = true;
	for (int i = 0; i < 3; i++) {
		a[i] = open_space(d);
		attach(d, pasids[i], a[i]);
	}
	for (int i = 0; i < 3; i++)
		serve(d, pasids[i], a[i], (unsigned)i, memory);
	T_EQ(d->ops->attach(d, 0, a[0], &why), -EINVAL);
	T_OK(a[1]->ops->unmap(a[1], BASE + PAGE, PAGE));
	T_EQ(a[1]->ops->unmap(a[1], BASE + PAGE, PAGE), -ENOENT);

	/* A group that was read dies with its attachment, and nothing comes after. */
	trigger(d, 5, BASE);
	T_EQ(a[1]->ops->read(a[1], &record, sizeof(record)), sizeof(record));
	T_OK(d->ops->detach(d, 5, a[1]));
	T_EQ(a[1]->ops->write(a[1], &(struct uapi_answer){ .cookie = record.cookie }, 8), -EINVAL);
	trigger(d, 5, BASE);
	T_EQ(a[1]->ops->read(a[1], &record, sizeof(record)), 0);

	/* The others go on; the same attachments can be made again. */
	serve(d, PASID_NONE, a[0], 9, memory);
	attach(d, 5, a[1]);
	serve(d, 5, a[1], 3, memory);

	T_OK(d->ops->detach(d, 5, a[1]));
	T_OK(d->ops->detach(d, 6, a[2]));
	T_OK(d->ops->detach(d, PASID_NONE, a[0]));
	trigger(d, 0, BASE);
	T_EQ(a[0]->ops->read(a[0], &record, sizeof(record)), 0);
	for (int i = 0; i < 3; i++)
		a[i]->ops->ioas_close(a[i]);
	device_free(d);
	close(memory);
}

static void test_two_devices_share_a_space(void)
{
	int memory = memfd_create("memory", MFD_CLOEXEC);
	struct device *d = open_device("mock"), *e = open_device("mock");
	struct reason why = { 0 };
	struct ioas *a = open_space(d);

	T_OK(ftruncate(memory, 16 * PAGE));
	T_ASSERT(d->dev_id != e->dev_id);
	attach(d, PASID_NONE, a);
	attach(e, PASID_NONE, a);
	serve(d, PASID_NONE, a, 0, memory);
	serve(e, PASID_NONE, a, 1, memory);
	T_EQ(d->ops->attach(d, 5, a, &why), -EOPNOTSUPP);
	T_OK(d->ops->detach(d, PASID_NONE, a));
	serve(e, PASID_NONE, a, 2, memory);
	T_OK(e->ops->detach(e, PASID_NONE, a));
	device_free(d);
	a->ops->ioas_close(a);
	device_free(e);
	close(memory);
}

/* The order of regions is the configuration's; neighbours are not one. */
static void test_regions_in_any_order(void)
{
	const struct iova_range ranges[] = {
		{ .start = BASE + 8 * PAGE, .length = PAGE },
		{ .start = BASE + PAGE, .length = PAGE },
		{ .start = BASE, .length = PAGE },
	};
	struct device *d = open_device("mock");
	struct reason why = { 0 };
	struct ioas *a;

	if (d->ops->ioas_open(iommufd, ranges, 3, &a, &why) < 0)
		t_fail(__FILE__, __LINE__, "ioas_open: %s", why.text);
	attach(d, PASID_NONE, a);
	T_OK(d->ops->detach(d, PASID_NONE, a));
	a->ops->ioas_close(a);
	device_free(d);
}

/* What the mock cannot translate is said before the first fault. */
static void test_region_outside_aperture(void)
{
	const struct iova_range range = { .start = 0x100000000, .length = PAGE };
	struct device *d = open_device("mock");
	struct reason why = { 0 };
	struct ioas *a;

	T_OK(d->ops->ioas_open(iommufd, &range, 1, &a, &why));
	T_EQ(d->ops->attach(d, PASID_NONE, a, &why), -EADDRINUSE);
	T_EQ(why.error, EADDRINUSE);
	T_STREQ(why.text, "the region at 0x100000000-0x100000fff cannot be used with this device: allowed are "
			  "0x1000000-0x7fffffff");
	a->ops->ioas_close(a);
	device_free(d);
}

int main(void)
{
	struct reason why = { 0 };
	uint32_t first, again;

	if (iommufd_open(IOMMUFD_PATH, &iommufd, &why) < 0)
		t_fail(__FILE__, __LINE__, "%s", why.text);
	T_OK(iommufd_ioas_alloc(iommufd, &first));
	T_OK(iommufd_destroy(iommufd, first));
	t_run(test_rid_and_pasids);
	t_run(test_two_devices_share_a_space);
	t_run(test_regions_in_any_order);
	t_run(test_region_outside_aperture);

	/* The lowest free id again: nothing was left behind. */
	T_OK(iommufd_ioas_alloc(iommufd, &again));
	T_EQ(again, first);
	iommufd_close(iommufd);
	return 0;
}
