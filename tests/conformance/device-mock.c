/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's mock device on a kernel of the rig: several requests make one group (bit 31 of
 * perm: more follow), and the kernel counts the answers in debugfs. IO pages of 2 KiB, an
 * aperture from 16 MiB to 2 GiB - 1, and rights are not enforced.
 */
#include "device-fixture.h"
#include "device/iommufd.h"
#include "kernel-mock.h"
#include "t.h"

static struct iommufd *open_iommufd;
static uint64_t success_before, invalid_before;
static uint32_t group_index;

static uint64_t read_counter(const char *name)
{
	uint64_t n = 0;
	int r = kernel_mock_counter(name, &n);

	if (r == -ENOENT || r == -EACCES)
		t_skip("the answers are not counted: %s (the rig's kernel is needed)", strerror(-r));
	T_OK(r);
	return n;
}

static void set_up(struct iommufd **ret)
{
	struct reason why;

	if (iommufd_open(IOMMUFD_PATH, &open_iommufd, &why) < 0)
		t_skip("%s: %s", IOMMUFD_PATH, why.text);
	success_before = read_counter("resp_success");
	invalid_before = read_counter("resp_invalid");
	*ret = open_iommufd;
}

static void tear_down(struct iommufd *iommufd)
{
	open_iommufd = iommufd_close(iommufd);
}

static void trigger(struct device *d, struct ioas *a, uint32_t pasid, const struct request *requests, size_t n)
{
	(void)a;
	group_index = (group_index + 1) % 512;
	for (size_t i = 0; i < n; i++) {
		uint32_t perm = requests[i].perm | (i + 1 < n ? MOCK_MORE : 0);

		T_OK(kernel_mock_trigger(open_iommufd->fd, d->dev_id, pasid == PASID_NONE ? 0 : pasid, group_index, perm,
					 requests[i].addr));
	}
}

static void answers(struct ioas *a, uint64_t *ret_success, uint64_t *ret_invalid)
{
	(void)a;
	*ret_success = read_counter("resp_success") - success_before;
	*ret_invalid = read_counter("resp_invalid") - invalid_before;
}

const struct device_fixture device_mock_fixture = {
	.name = "mock",
	.address = "mock:pasid",
	.ops = &device_mock_ops,
	.iova = 16ull << 20,
	.length = 1ull << 30,
	.outside = 0,
	.set_up = set_up,
	.tear_down = tear_down,
	.trigger = trigger,
	.answers = answers,
};
