/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract of every built-in policy, and the core's check of answers. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "t.h"

#define MIB (1ull << 20)

static const struct iopfd_region region = {
	.size = sizeof(region),
	.access = IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE,
	.name = "space/region",
	.iova = 1ull << 32,
	.length = 16 * MIB,
	.granule = 65536,
};

static void names_are_found(void)
{
	T_ASSERT(policy_find("anon") == &policy_anon);
	T_ASSERT(!policy_find("anonymous"));
	T_STREQ(policy_names()[0], "anon");
}

/* Filled memory is there, zero, and the same bytes each time. */
static void fill_gives_memory(void)
{
	for (size_t i = 0; policy_table[i]; i++) {
		struct iopfd_memory memory, again;
		struct policy *p;
		unsigned char *bytes;

		T_OK(policy_open(policy_table[i], &region, &p));
		T_OK(policy_fill(p, 65536 * 3, 65536, IOPFD_ACCESS_WRITE, &memory));
		T_EQ(memory.offset % region.granule, 0);
		bytes = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, (off_t)memory.offset);
		T_ASSERT(bytes != MAP_FAILED);
		for (size_t k = 0; k < 65536; k++)
			T_EQ(bytes[k], 0);
		bytes[4097] = 77;
		T_OK(policy_fill(p, 65536 * 3, 65536, IOPFD_ACCESS_READ, &again));
		T_EQ(again.fd, memory.fd);
		T_EQ(again.offset, memory.offset);
		munmap(bytes, 65536);
		policy_close(p);
	}
}

static void shared_memory_is_the_memory_of_fill(void)
{
	struct iopfd_memory memory, filled;
	struct policy *p;
	struct stat st;

	T_OK(policy_open(&policy_anon, &region, &p));
	T_OK(policy_memory(p, &memory));
	T_OK(policy_fill(p, 5 * MIB, 65536, IOPFD_ACCESS_WRITE, &filled));
	T_EQ(memory.fd, filled.fd);
	T_EQ(memory.offset + 5 * MIB, filled.offset);
	T_EQ(fstat(memory.fd, &st), 0);
	T_EQ(st.st_size, 16 * MIB);
	T_EQ(st.st_blocks, 0); /* nothing is allocated ahead: see anon.c on fallocate */
	policy_close(p);
}

static void who_shares_the_memory_cannot_take_it_away(void)
{
	struct iopfd_memory memory;
	struct policy *p;

	T_OK(policy_open(&policy_anon, &region, &p));
	T_OK(policy_memory(p, &memory));
	T_EQ(ftruncate(memory.fd, 0), -1);
	T_EQ(errno, EPERM);
	T_EQ(ftruncate(memory.fd, 32 * MIB), -1);
	T_EQ(fcntl(memory.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	T_EQ(fcntl(memory.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	policy_close(p);
}

static struct iopfd_memory answer;

static int liar_open(const struct iopfd_region *r, void **ret_instance)
{
	*ret_instance = NULL;
	return r->length > 64 * MIB ? -ENOSPC : 0;
}

static int liar_fill(void *instance, uint64_t offset, uint64_t length, uint32_t access, struct iopfd_memory *ret)
{
	(void)instance;
	(void)offset;
	(void)length;
	(void)access;
	*ret = answer;
	return 0;
}

static void liar_close(void *instance)
{
	(void)instance;
}

static void nonsense_is_refused(void)
{
	struct iopfd_policy liar = { .size = sizeof(liar), .abi_version = IOPFD_POLICY_ABI_VERSION, .name = "liar",
				     .open = liar_open, .fill = liar_fill, .close = liar_close };
	struct iopfd_region big = region;
	struct iopfd_memory memory;
	struct policy *p;

	liar.abi_version++;
	T_EQ(policy_open(&liar, &region, &p), -EPROTONOSUPPORT);
	liar.abi_version--;
	liar.size--;
	T_EQ(policy_open(&liar, &region, &p), -EPROTONOSUPPORT);
	liar.size++;
	big.length = 65 * MIB;
	T_EQ(policy_open(&liar, &big, &p), -ENOSPC);
	T_OK(policy_open(&liar, &region, &p));
	answer = (struct iopfd_memory){ .fd = -1 };
	T_EQ(policy_fill(p, 0, 65536, IOPFD_ACCESS_READ, &memory), -EBADE);
	answer = (struct iopfd_memory){ .fd = 1, .offset = 4096 };
	T_EQ(policy_fill(p, 0, 65536, IOPFD_ACCESS_READ, &memory), -EBADE);
	answer = (struct iopfd_memory){ .fd = 1, .offset = -65536ull };
	T_EQ(policy_fill(p, 0, 65536, IOPFD_ACCESS_READ, &memory), -EBADE);
	T_EQ(policy_memory(p, &memory), -EOPNOTSUPP);
	answer = (struct iopfd_memory){ .fd = 1, .offset = 65536 };
	T_OK(policy_fill(p, 0, 65536, IOPFD_ACCESS_READ, &memory));
	policy_close(p);
}

int main(void)
{
	t_run(names_are_found);
	t_run(fill_gives_memory);
	t_run(shared_memory_is_the_memory_of_fill);
	t_run(who_shares_the_memory_cannot_take_it_away);
	t_run(nonsense_is_refused);
	return 0;
}
