/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel-mock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define MOCK_IOCTL _IO(';', 0xa0)

_Static_assert(sizeof(struct kernel_mock_command) == 72, "size of the kernel's command");

int kernel_mock_call(int iommufd, struct kernel_mock_command *c)
{
	c->size = sizeof(*c);
	return ioctl(iommufd, MOCK_IOCTL, c) < 0 ? -errno : 0;
}

int kernel_mock_trigger(int iommufd, uint32_t dev_id, uint32_t pasid, uint32_t group, uint32_t perm, uint64_t address)
{
	struct kernel_mock_command c = {
		.op = MOCK_OP_TRIGGER,
		.trigger = { .dev_id = dev_id, .pasid = pasid, .group = group, .perm = perm, .address = address },
	};

	return kernel_mock_call(iommufd, &c);
}

int kernel_mock_counter(const char *name, uint64_t *ret)
{
	char path[96];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/sys/kernel/debug/fail_iommufd/%s", name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%" SCNu64, ret);
	fclose(f);
	return n == 1 ? 0 : -EBADMSG;
}
