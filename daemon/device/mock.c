/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's own test device (CONFIG_IOMMUFD_TEST): no hardware, but the same iommufd. It
 * exists inside this process' /dev/iommu only, and has no faults of its own: whoever holds
 * the iommufd triggers them.
 *
 * The kernel makes such a device attached and has no call to detach it. So each has an IOAS
 * of its own, without a fault queue, where it is parked while it is in no space. A device
 * with PASIDs is parked on an HWPT made for them, without which none could be attached.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/util.h"
#include "device/ioas.h"

/* The ioctl is internal to the kernel and no ABI; this is how Linux 7.2 has it. */
#define MOCK_IOCTL _IO(';', 0xa0)
#define MOCK_OP_REPLACE 10
#define MOCK_OP_DEVICE_FLAGS 12
#define MOCK_OP_PASID_ATTACH 18
#define MOCK_OP_PASID_DETACH 20
#define MOCK_FLAG_PASID (1u << 2)

struct mock_command {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_stdev_id; /* for REPLACE, PASID_* and DESTROY */
			uint32_t out_hwpt_id;
			uint32_t out_idev_id;  /* for all that takes a device, and in records */
			uint32_t flags;
		} device;
		struct {
			uint32_t pt_id;
		} replace;
		struct {
			uint32_t pasid;
			uint32_t pt_id;
		} pasid;
		uint64_t room[6];
	};
	uint64_t last;
};
_Static_assert(sizeof(struct mock_command) == 72, "layout of mock_command");

struct mock {
	struct device device;
	struct iommufd *iommufd;
	bool has_pasids;
	uint32_t stdev_id;       /* 0 = not open */
	uint32_t ioas_id;
	uint32_t parked_hwpt_id; /* 0 = parked on the IOAS itself */
};

static struct mock *to_mock(struct device *d)
{
	return container_of(d, struct mock, device);
}

static int mock_call(struct mock *m, uint32_t op, uint32_t id, struct mock_command *c)
{
	c->size = sizeof(*c);
	c->op = op;
	c->id = id;
	return ioctl(m->iommufd->fd, MOCK_IOCTL, c) < 0 ? -errno : 0;
}

static int mock_replace(struct mock *m, uint32_t pt_id)
{
	struct mock_command c = { .replace.pt_id = pt_id };

	return mock_call(m, MOCK_OP_REPLACE, m->stdev_id, &c);
}

static bool mock_claims(const char *address, struct reason *why)
{
	if (strcmp(address, "mock") == 0 || strcmp(address, "mock:pasid") == 0)
		return true;
	if (strncmp(address, "mock:", 5) != 0)
		return false;
	reason_set(why, EINVAL, "unknown option \"%.64s\" of mock: expected pasid", address + 5);
	return true;
}

static int mock_new(const char *name, const char *address, struct device **ret, struct reason *why)
{
	struct mock *m = calloc(1, sizeof(*m));

	if (!m || device_init(&m->device, &device_mock_ops, name, address) < 0) {
		free(m);
		return reason_set(why, ENOMEM, "out of memory");
	}
	m->has_pasids = strcmp(address, "mock:pasid") == 0;
	*ret = &m->device;
	return 0;
}

static void mock_free(struct device *d)
{
	device_deinit(d);
	free(to_mock(d));
}

static void mock_close(struct device *d)
{
	struct mock *m = to_mock(d);

	/* Destroying the device detaches it from where it is parked, so that comes first. */
	if (m->stdev_id)
		iommufd_destroy(m->iommufd, m->stdev_id);
	if (m->parked_hwpt_id)
		iommufd_destroy(m->iommufd, m->parked_hwpt_id);
	if (m->ioas_id)
		iommufd_destroy(m->iommufd, m->ioas_id);
	m->stdev_id = m->parked_hwpt_id = m->ioas_id = 0;
}

static int make_device(struct mock *m)
{
	struct mock_command c = { .device.flags = m->has_pasids ? MOCK_FLAG_PASID : 0 };
	int r;

	r = iommufd_ioas_alloc(m->iommufd, &m->ioas_id);
	if (r < 0)
		return r;
	r = mock_call(m, MOCK_OP_DEVICE_FLAGS, m->ioas_id, &c);
	if (r < 0)
		return r;
	/* Made on the IOAS itself: an HWPT for PASIDs can only be made for a device that exists. */
	m->stdev_id = c.device.out_stdev_id;
	m->device.dev_id = c.device.out_idev_id;
	if (m->has_pasids) {
		r = iommufd_hwpt_alloc(m->iommufd, m->device.dev_id, m->ioas_id, UAPI_IOMMU_HWPT_ALLOC_PASID, 0,
				       &m->parked_hwpt_id);
		if (r == 0)
			r = mock_replace(m, m->parked_hwpt_id);
	}
	return r < 0 ? r : iommufd_max_pasids(m->iommufd, m->device.dev_id, &m->device.max_pasids);
}

static int mock_open(struct device *d, struct iommufd *iommufd, struct reason *why)
{
	struct mock *m = to_mock(d);
	int r;

	assert(!m->stdev_id && iommufd);
	m->iommufd = iommufd;
	r = make_device(m);
	if (r < 0)
		mock_close(d);
	if (r == -ENOTTY)
		return reason_set(why, ENOTTY, "this kernel has no mock devices (CONFIG_IOMMUFD_TEST)");
	if (r == -EOPNOTSUPP && m->has_pasids)
		return reason_set(why, EOPNOTSUPP, "this kernel's mock devices have no PASIDs (6.15 or newer "
						   "is needed)");
	if (r < 0)
		return reason_set(why, -r, "the kernel makes no mock device: %s", strerror(-r));
	return 0;
}

static int mock_lend(struct device *d, int *ret_fd)
{
	(void)d;
	(void)ret_fd;
	return -EOPNOTSUPP;
}

static int mock_ioas_open(struct iommufd *iommufd, const struct iova_range *ranges, size_t n_ranges, struct ioas **ret,
			  struct reason *why)
{
	return ioas_open(&device_mock_ops, iommufd, ranges, n_ranges, ret, why);
}

static int attach_hwpt(struct device *d, uint32_t pasid, uint32_t hwpt_id, struct reason *why)
{
	struct mock *m = to_mock(d);
	struct mock_command c = { .pasid = { .pasid = pasid, .pt_id = hwpt_id } };
	int r;

	if (pasid == PASID_NONE)
		r = mock_replace(m, hwpt_id);
	else
		r = mock_call(m, MOCK_OP_PASID_ATTACH, m->stdev_id, &c);
	return r < 0 ? reason_set(why, -r, "the mock device refuses the page table: %s", strerror(-r)) : 0;
}

static int mock_attach(struct device *d, uint32_t pasid, struct ioas *a, struct reason *why)
{
	if (pasid != PASID_NONE && d->max_pasids == 0)
		return reason_set(why, EOPNOTSUPP, "PASID %u: this mock device has none, use the address "
						   "mock:pasid", pasid);
	if (pasid != PASID_NONE && (pasid == 0 || pasid >= d->max_pasids))
		return reason_set(why, EINVAL, "PASID %u: the device takes 1 to %u", pasid, d->max_pasids - 1);
	return ioas_attach(a, d, pasid, attach_hwpt, why);
}

static int mock_detach(struct device *d, uint32_t pasid, struct ioas *a)
{
	struct mock *m = to_mock(d);
	struct mock_command c = { .pasid.pasid = pasid };

	(void)a;
	if (pasid == PASID_NONE)
		return mock_replace(m, m->parked_hwpt_id ? m->parked_hwpt_id : m->ioas_id);
	return mock_call(m, MOCK_OP_PASID_DETACH, m->stdev_id, &c);
}

const struct device_ops device_mock_ops = {
	.name = "mock",
	.uses_iommufd = true,
	.claims = mock_claims,
	.new = mock_new,
	.open = mock_open,
	.close = mock_close,
	.free = mock_free,
	.lend = mock_lend,
	.ioas_open = mock_ioas_open,
	.ioas_close = ioas_close,
	.attach = mock_attach,
	.detach = mock_detach,
	.map = ioas_map,
	.unmap = ioas_unmap,
	.read = ioas_read,
	.write = ioas_write,
};
