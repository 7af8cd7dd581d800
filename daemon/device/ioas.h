/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's side of a space: an IOAS, its fault queue and its HWPTs. vfio and mock share
 * all of it and differ in how a device is put on an HWPT only, so devices of both kinds may
 * share a space. The functions have the signatures of struct device_ops and go into it as
 * they are.
 */
#pragma once

#include "device/device.h"
#include "device/iommufd.h"

/* Puts a device (or its PASID) on an HWPT; the reason is the engine's own. */
typedef int (*ioas_attach_fn)(struct device *d, uint32_t pasid, uint32_t hwpt_id, struct reason *why);

/* `ops` is kept as the ioas' own. */
int ioas_open(const struct device_ops *ops, struct iommufd *iommufd, const struct iova_range *ranges, size_t n_ranges,
	      struct ioas **ret, struct reason *why);
struct ioas *ioas_close(struct ioas *a);

/* On an HWPT that is there if the kernel lets it, else on a new one. The device must not be
 * attached: replacing is another thing. */
int ioas_attach(struct ioas *a, struct device *d, uint32_t pasid, ioas_attach_fn attach, struct reason *why);

int ioas_map(struct ioas *a, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access);
int ioas_unmap(struct ioas *a, uint64_t iova, uint64_t length);
ssize_t ioas_read(struct ioas *a, void *records, size_t size);
ssize_t ioas_write(struct ioas *a, const void *answers, size_t size);
