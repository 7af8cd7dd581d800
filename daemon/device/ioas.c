/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An IOAS with its fault queue. The kernel wants a page table of its own (HWPT) for each
 * kind of attachment (with PASIDs or without) and for each IOMMU unit that cannot use what
 * another one built: they are made at attach, when the kernel says that none of those that
 * exist fits, and live until the IOAS goes. All hold the same mappings and ask on the one
 * queue.
 *
 * Destroyed in the kernel's order: HWPTs, the queue's fd, the queue, mappings, the IOAS.
 */
#include "device/ioas.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"

#define MAX_RANGES 64
#define MAX_SHOWN_RANGES 3

/* The IOMMU's own queue holds as many, and no device is given more credits (Linux, intel/prq.c). */
#define LARGEST_GROUP 2048

struct hwpt {
	struct hwpt *next;
	uint32_t id;
	uint32_t flags;
};

struct kernel_ioas {
	struct ioas ioas;
	struct iommufd *iommufd;
	uint32_t id;
	uint32_t fault_id;
	struct hwpt *hwpts;
	struct uapi_iommu_iova_range *ranges; /* allowed ones: what regions need */
	size_t n_ranges;
};

static struct kernel_ioas *to_kernel_ioas(struct ioas *a)
{
	return container_of(a, struct kernel_ioas, ioas);
}

/* Only the first object that stays is told: it is what keeps the others. */
static void destroy(const struct kernel_ioas *a, const char *kind, uint32_t id, int *result)
{
	int r = iommufd_destroy(a->iommufd, id);

	if (r >= 0 || *result < 0)
		return;
	*result = log_warning_errno(r, "cannot destroy the %s (object %u of the iommufd)%s", kind, id,
				    r == -EBUSY ? ", it is still in use" : "");
}

static struct kernel_ioas *kernel_ioas_free(struct kernel_ioas *a)
{
	struct hwpt *next;
	int result = 0;

	/* The kernel keeps what is in use: a queue while its fd is open or an HWPT has it. */
	for (struct hwpt *h = a->hwpts; h; h = next) {
		next = h->next;
		destroy(a, "page table", h->id, &result);
		free(h);
	}
	close_fd(&a->ioas.fault_fd);
	if (a->fault_id)
		destroy(a, "fault queue", a->fault_id, &result);
	if (a->id) {
		/* Everything at once; that is no error when there is nothing. */
		iommufd_unmap(a->iommufd, a->id, 0, UINT64_MAX);
		destroy(a, "IO address space", a->id, &result);
	}
	free(a->ranges);
	free(a);
	return NULL;
}
DEFINE_CLEANUP(struct kernel_ioas, kernel_ioas_free)

static int allow_ranges(struct kernel_ioas *a, const struct iova_range *ranges, size_t n, struct reason *why)
{
	int r;

	/* Allowed ranges make the kernel refuse, at attach, a device that cannot have them: not
	 * the first fault, but the start fails. An empty list would allow everything, as does a
	 * fresh IOAS. */
	if (n == 0)
		return 0;
	a->ranges = calloc(n, sizeof(*a->ranges));
	if (!a->ranges)
		return reason_set(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		assert(ranges[i].length > 1);
		a->ranges[i].start = ranges[i].start;
		a->ranges[i].last = ranges[i].start + ranges[i].length - 1;
	}
	a->n_ranges = n;
	r = iommufd_allow_iovas(a->iommufd, a->id, a->ranges, n);
	if (r < 0)
		return iommufd_explain("the kernel does not take the regions as allowed IOVAs",
				       "IOMMU_IOAS_ALLOW_IOVAS", -r, why);
	return 0;
}

/* Asked with nothing in it, MAP_FILE is refused for that, unless the kernel has no such call. */
static int check_map_file(struct kernel_ioas *a, struct reason *why)
{
	if (iommufd_map_file(a->iommufd, a->id, 0, 0, -1, 0, 0) == -ENOTTY)
		return reason_set(why, ENOTTY, "this kernel cannot map files for devices (6.13 or newer is "
					       "needed)");
	return 0;
}

static int alloc_queue(struct kernel_ioas *a, struct reason *why)
{
	int r = iommufd_fault_alloc(a->iommufd, &a->fault_id, &a->ioas.fault_fd);

	if (r == -ENOTTY)
		return reason_set(why, ENOTTY, "this kernel has no fault queues (6.13 or newer is needed)");
	if (r < 0)
		return iommufd_explain("cannot make a fault queue", "IOMMU_FAULT_QUEUE_ALLOC", -r, why);
	return 0;
}

int ioas_open(const struct device_ops *ops, struct iommufd *iommufd, const struct iova_range *ranges, size_t n_ranges,
	      struct ioas **ret, struct reason *why)
{
	_cleanup_(kernel_ioas_freep) struct kernel_ioas *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return reason_set(why, ENOMEM, "out of memory");
	a->ioas.ops = ops;
	a->ioas.largest_group = LARGEST_GROUP;
	a->ioas.fault_fd = -1;
	a->iommufd = iommufd;

	r = iommufd_ioas_alloc(iommufd, &a->id);
	if (r < 0)
		return iommufd_explain("cannot make an IO address space", "IOMMU_IOAS_ALLOC", -r, why);
	r = check_map_file(a, why);
	if (r < 0)
		return r;
	r = allow_ranges(a, ranges, n_ranges, why);
	if (r < 0)
		return r;
	r = alloc_queue(a, why);
	if (r < 0)
		return r;
	*ret = &TAKE_PTR(a)->ioas;
	return 0;
}

struct ioas *ioas_close(struct ioas *a)
{
	if (a)
		kernel_ioas_free(to_kernel_ioas(a));
	return NULL;
}

/* The first region that the allowed ranges do not hold whole, as text. */
static void explain_ranges(const struct kernel_ioas *a, const struct uapi_iommu_iova_range *allowed, size_t n,
			   struct reason *why)
{
	char text[160] = "";
	size_t used = 0, i, j;

	for (i = 0; i < a->n_ranges; i++) {
		for (j = 0; j < n; j++)
			if (a->ranges[i].start >= allowed[j].start && a->ranges[i].last <= allowed[j].last)
				break;
		if (j == n)
			break;
	}
	if (i == a->n_ranges || n == 0)
		return;
	for (j = 0; j < n && j < MAX_SHOWN_RANGES; j++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s0x%" PRIx64 "-0x%" PRIx64, j ? ", " : "",
					 allowed[j].start, allowed[j].last);
	reason_set(why, EADDRINUSE, "the region at 0x%" PRIx64 "-0x%" PRIx64 " cannot be used with this device: "
		   "allowed are %s%s", a->ranges[i].start, a->ranges[i].last, text, j < n ? ", ..." : "");
}

/*
 * A region lies where the IOMMU or the device cannot have it (EADDRINUSE). What is possible
 * shows in an IOAS of its own, without regions but with this device. `attach` is NULL if the
 * page table alone is to be looked at: the device itself may be attached elsewhere when it
 * is about a PASID. Leaves *why as it is when nothing is found out.
 */
static void find_allowed(struct kernel_ioas *a, struct device *d, uint32_t flags, ioas_attach_fn attach,
			 struct reason *why)
{
	struct uapi_iommu_iova_range allowed[MAX_RANGES];
	size_t n = ARRAY_SIZE(allowed);
	uint32_t id, hwpt;
	int r;

	if (iommufd_ioas_alloc(a->iommufd, &id) < 0)
		return;
	r = iommufd_hwpt_alloc(a->iommufd, d->dev_id, id, flags & ~UAPI_IOMMU_HWPT_FAULT_ID_VALID, 0, &hwpt);
	if (r == 0) {
		if (attach)
			r = attach(d, PASID_NONE, hwpt, NULL);
		if (r == 0 && iommufd_iova_ranges(a->iommufd, id, allowed, &n) == 0)
			explain_ranges(a, allowed, n, why);
		if (attach && r == 0)
			d->ops->detach(d, PASID_NONE, &a->ioas);
		iommufd_destroy(a->iommufd, hwpt);
	}
	iommufd_destroy(a->iommufd, id);
}

static int explain_hwpt(struct kernel_ioas *a, struct device *d, uint32_t flags, int error, struct reason *why)
{
	switch (error) {
	case EOPNOTSUPP:
		if (flags & UAPI_IOMMU_HWPT_ALLOC_PASID)
			return reason_set(why, error, "this kernel or this IOMMU has no fault queues for page "
						      "tables with PASIDs (6.15 or newer, and VT-d in scalable "
						      "mode, are needed)");
		return reason_set(why, error, "this kernel has no fault queues for paging tables (6.13 or "
					      "newer is needed), or the IOMMU's driver does not support them");
	case EADDRINUSE:
		reason_set(why, error, "a region of the space lies outside what the IOMMU can translate");
		find_allowed(a, d, flags, NULL, why);
		return -error;
	case ENOENT:
		/* Not ENOENT to the caller, which would mean: no such device. */
		return reason_set(why, EOPNOTSUPP, "the device is emulated in software (mdev): it has no IO "
						   "page faults");
	case ENOMEM:
		return reason_set(why, error, "no memory for the IOMMU's page table: RLIMIT_MEMLOCK "
					      "(LimitMEMLOCK=) or the machine's memory is used up");
	default:
		return reason_set(why, error, "the IOMMU refuses a page table with a fault queue: %s",
				  strerror(error));
	}
}

/* A new HWPT for this device. The kernel accepts a fault queue for any device here: that one
 * cannot fault shows only when it is attached. The HWPT stays in the list only if the
 * device gets on it. */
static int attach_new(struct kernel_ioas *a, struct device *d, uint32_t pasid, uint32_t flags, ioas_attach_fn attach,
		      struct reason *why)
{
	_cleanup_free_ struct hwpt *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return reason_set(why, ENOMEM, "out of memory");
	h->flags = flags;
	r = iommufd_hwpt_alloc(a->iommufd, d->dev_id, a->id, flags, a->fault_id, &h->id);
	if (r < 0)
		return explain_hwpt(a, d, flags, -r, why);
	r = attach(d, pasid, h->id, why);
	if (r < 0) {
		iommufd_destroy(a->iommufd, h->id);
		if (r == -EADDRINUSE)
			find_allowed(a, d, flags, pasid == PASID_NONE ? attach : NULL, why);
		return r;
	}
	h->next = a->hwpts;
	a->hwpts = TAKE_PTR(h);
	return 0;
}

int ioas_attach(struct ioas *ioas, struct device *d, uint32_t pasid, ioas_attach_fn attach, struct reason *why)
{
	struct kernel_ioas *a = to_kernel_ioas(ioas);
	uint32_t flags = UAPI_IOMMU_HWPT_FAULT_ID_VALID;

	/* The RID's table must be of the kind for PASIDs, too, when any is to be attached. */
	if (d->uses_pasids || pasid != PASID_NONE)
		flags |= UAPI_IOMMU_HWPT_ALLOC_PASID;
	for (struct hwpt *h = a->hwpts; h; h = h->next) {
		struct reason refused = { 0 };
		int r;

		if (h->flags != flags)
			continue;
		r = attach(d, pasid, h->id, &refused);
		if (r == -EADDRINUSE)
			find_allowed(a, d, flags, pasid == PASID_NONE ? attach : NULL, &refused);
		if (r < 0 && r != -EINVAL && why)
			*why = refused;
		if (r != -EINVAL) /* which says that the table is for another IOMMU */
			return r;
	}
	return attach_new(a, d, pasid, flags, attach, why);
}

int ioas_map(struct ioas *ioas, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access)
{
	const struct kernel_ioas *a = to_kernel_ioas(ioas);
	uint32_t flags = UAPI_IOMMU_MAP_FIXED_IOVA;

	if (access & ACCESS_READ)
		flags |= UAPI_IOMMU_MAP_READABLE;
	if (access & ACCESS_WRITE)
		flags |= UAPI_IOMMU_MAP_WRITEABLE;
	return iommufd_map_file(a->iommufd, a->id, iova, length, fd, offset, flags);
}

int ioas_unmap(struct ioas *ioas, uint64_t iova, uint64_t length)
{
	const struct kernel_ioas *a = to_kernel_ioas(ioas);

	return iommufd_unmap(a->iommufd, a->id, iova, length);
}

ssize_t ioas_read(struct ioas *a, void *records, size_t size)
{
	ssize_t n = read(a->fault_fd, records, size);

	return n < 0 ? -errno : n;
}

ssize_t ioas_write(struct ioas *a, const void *answers, size_t size)
{
	ssize_t n = write(a->fault_fd, answers, size);

	return n < 0 ? -errno : n;
}
