/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory of an owner who goes on looking at it; the region begins in the middle of it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy-fixture.h"
#include "t.h"

#define GRANULE (16ull << 10)
#define N 32
#define START (3 * GRANULE)

static int owner = -1, handed_over = -1;

static bool set_up(uint32_t access, struct policy_case *ret, char *why, size_t why_size)
{
	static char number[16], offset[24];
	char path[64];

	(void)why;
	(void)why_size;
	owner = fixture_memfd(START + N * GRANULE, MFD_ALLOW_SEALING);
	T_EQ(fcntl(owner, F_ADD_SEALS, F_SEAL_SHRINK | (access & IOPFD_ACCESS_WRITE ? 0 : F_SEAL_WRITE)), 0);
	/* Opened anew, so that it can have less rights. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", owner);
	handed_over = open(path, (access & IOPFD_ACCESS_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	T_ASSERT(handed_over >= 0);
	snprintf(number, sizeof(number), "%d", handed_over);
	snprintf(offset, sizeof(offset), "%llu", START);
	*ret = (struct policy_case){ &policy_fd, { { "fd", number }, { "offset", offset } }, 2 };
	return true;
}

static void tear_down(void)
{
	close_fd(&owner);
	close_fd(&handed_over);
}

static void untouched(uint64_t offset, uint8_t *bytes, uint64_t n)
{
	fixture_fill(START + offset, bytes, n);
}

static void durable(uint64_t offset, uint8_t *bytes, uint64_t n)
{
	T_EQ(pread(owner, bytes, n, (off_t)(START + offset)), n);
}

const struct policy_fixture policy_fd_fixture = {
	.name = "fd",
	.granule = GRANULE,
	.n_granules = N,
	.backing = BACKING_UNKNOWN,
	.set_up = set_up,
	.tear_down = tear_down,
	.untouched = untouched,
	.durable = durable,
};
