/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices and the kernel's side of a space, behind one table with three implementations:
 * vfio (a PCI device), mock (the kernel's CONFIG_IOMMUFD_TEST) and sim (a model in this
 * process). Nothing above this folder knows which one it talks to.
 *
 * Threads: a device is opened and closed by the control thread. Everything that takes a
 * struct ioas after ioas_open(), attach and detach included, is called by the shard that
 * owns the space. Different ioas are independent.
 *
 * Errors are negative errnos; set-up calls also say in words what is wrong and what the
 * user can do about it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define PASID_NONE UINT32_MAX /* the device itself (its RID), not one of its PASIDs */

#define ACCESS_READ 1u
#define ACCESS_WRITE 2u

struct device;
struct iommufd; /* iommufd.h: an open /dev/iommu, shared by all vfio and mock devices */
struct ioas;

/* Why a set-up call failed: an errno (positive) and a sentence without the device's name. */
struct reason {
	int error;
	char text[512];
};

struct iova_range {
	uint64_t start;
	uint64_t length; /* bytes */
};

/* A number that an engine counts for itself, e.g. the model's verification errors. */
struct device_counter {
	const char *name; /* static, CamelCase */
	uint64_t value;
};

struct device_ops {
	const char *name; /* "vfio", "mock", "sim" */
	bool uses_iommufd;

	/* True if the address is of this kind; then *why says what is wrong with it, or has
	 * error 0. Looks at the text only. */
	bool (*claims)(const char *address, struct reason *why);

	/* Control thread. new: allocates, touches nothing. open: finds, opens, binds; fills
	 * the identity below; iommufd is not NULL if uses_iommufd. It returns -ENOENT for a
	 * device or node that is not there, -ENXIO for one without a vfio driver, anything
	 * else when the device was refused. close: releases it all (after every detach), does
	 * nothing when it is not open. */
	int (*new)(const char *name, const char *address, struct device **ret, struct reason *why);
	int (*open)(struct device *d, struct iommufd *iommufd, struct reason *why);
	void (*close)(struct device *d);
	void (*free)(struct device *d);

	/* Control thread; NULL: devices of this kind neither come nor go. watch: the path, on the
	 * heap, whose coming, going or change of rights means that a look is worth it; its last
	 * component may be "*"; NULL: there is none. look: open or not, without touching it. 0: it
	 * is there and may be opened; -ENOENT, -ENXIO as open, also of an open one that has gone;
	 * anything else: not yet. */
	char *(*watch)(const struct device *d);
	int (*look)(const struct device *d, struct reason *why);

	int (*lend)(struct device *d, int *ret_fd);   /* a duplicate of the VFIO fd, or -EOPNOTSUPP */
	size_t (*counters)(struct device *d, struct device_counter *ret, size_t size); /* may be NULL */

	/* ioas: IOAS, allowed IOVAs (exactly `ranges`), fault queue. HWPTs come with attach. */
	int (*ioas_open)(struct iommufd *iommufd, const struct iova_range *ranges, size_t n_ranges, struct ioas **ret,
			 struct reason *why);
	struct ioas *(*ioas_close)(struct ioas *a); /* everything detached before; unmaps the rest */

	/* pasid: PASID_NONE or the number. The device asks its page requests on the fault fd
	 * from here on, some maybe before attach() returns. */
	int (*attach)(struct device *d, uint32_t pasid, struct ioas *a, struct reason *why);
	int (*detach)(struct device *d, uint32_t pasid, struct ioas *a);

	/* access: ACCESS_*. The range must be absent: -EEXIST if any of it is not. fd: a memfd,
	 * shmem or hugetlb file. -ENOMEM: over RLIMIT_MEMLOCK or out of memory. */
	int (*map)(struct ioas *a, uint64_t iova, uint64_t length, int fd, uint64_t offset, uint32_t access);

	/* Whole areas only. When it returns no device can touch the memory any more. */
	int (*unmap)(struct ioas *a, uint64_t iova, uint64_t length);

	/* The wire format of iommufd's fault fd (uapi.h; eventq.c in the kernel): whole groups,
	 * 0 = empty, -EINVAL when the first group does not fit; answers may be taken in part,
	 * -EINVAL when the first is for an unknown cookie. */
	ssize_t (*read)(struct ioas *a, void *records, size_t size);
	ssize_t (*write)(struct ioas *a, const void *answers, size_t size);
};

/* Embedded first in an engine's own struct. */
struct device {
	const struct device_ops *ops;
	char *name;
	char *address;        /* as configured */
	bool uses_pasids;     /* set by the owner before attach: PASIDs will be attached too */
	int64_t spin_ns;      /* set by the owner: how long a loop may spin for its faults, as for loop_set_spin() */
	int given_fd;         /* set by the owner before open: its VFIO fd, which open() or free() takes; -1 = none */
	/* Readable when the kernel wants an open device back, and when it had an error that cannot
	 * be corrected; the engine's own; -1: it does not tell. */
	int request_fd;
	int error_fd;
	bool bus_master;      /* set by the owner: memory decoding and bus mastering on with the RID's attach */
	uint32_t dev_id;      /* as in fault records; valid while open */
	uint32_t max_pasids;  /* how many PASIDs it has; 0 = none; valid while open */
	char *sysfs_path;     /* empty string where there is none; kept when open fails later */
	char *vfio_device;    /* likewise: /dev/vfio/devices/vfioN */
	uint16_t vendor_id;
	uint16_t device_id;
};

/* Embedded first in an engine's own struct. */
struct ioas {
	const struct device_ops *ops;
	int fault_fd; /* for readiness only; read and write go through ops */
	size_t largest_group; /* records, at most; may grow with an attach */
};

/* The engine that an address belongs to; NULL and *why filled if there is none. */
const struct device_ops *device_find_ops(const char *address, struct reason *why);

/* For the configuration: 0 or -EINVAL with the sentence in why. */
int device_check_address(const char *address, struct reason *why);

/* Copies both strings. uses_pasids, bus_master and given_fd are the caller's to set afterwards. */
int device_new(const char *name, const char *address, struct device **ret, struct reason *why);
struct device *device_free(struct device *d); /* closes it if need be; takes NULL, returns NULL */
DEFINE_CLEANUP(struct device, device_free)

/* For engines: the common part of ops->new and ops->free. */
int device_init(struct device *d, const struct device_ops *ops, const char *name, const char *address);
void device_deinit(struct device *d);

/* Sets why (may be NULL) and returns -error. */
int reason_set(struct reason *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Defined in devices.c, the one place where engines are listed; tests bring their own. */
extern const struct device_ops *const device_table[]; /* NULL-terminated */
extern const struct device_ops device_vfio_ops;
extern const struct device_ops device_mock_ops;
extern const struct device_ops device_sim_ops;
