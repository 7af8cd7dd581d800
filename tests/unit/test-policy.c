/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract of every built-in policy, and the core's check of answers. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "policy/host.h"
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
	const struct iopfd_policy *ops;
	char why[256];

	T_OK(policy_find("anon", "/nowhere", &ops, why, sizeof(why)));
	T_ASSERT(ops == &policy_anon);
	T_ASSERT(policy_find("anonymous", "/nowhere", &ops, why, sizeof(why)) < 0 && *why);
	T_EQ(policy_check("anon", "/nowhere"), 0);
	T_EQ(policy_check("anonymous", "/nowhere"), -ENOENT);
	T_EQ(policy_check_setting("anon", "discard", "yes", why, sizeof(why)), 0);
	T_EQ(policy_check_setting("anon", "discard", "perhaps", why, sizeof(why)), -EINVAL);
	T_EQ(policy_check_setting("anon", "path", "/x", why, sizeof(why)), -ENOENT);
	T_STREQ(policy_names()[0], "anon");
}

static char why[256];
static struct policy_request rq;

static struct policy *open_anon(const char *discard)
{
	struct policy_setting setting = { "discard", discard };
	struct policy *p;

	T_OK(policy_open(&policy_anon, &region, &setting, 1, &p, why, sizeof(why)));
	return p;
}

static unsigned char *look(const struct iopfd_memory *m)
{
	unsigned char *bytes = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, (off_t)m->offset);

	T_ASSERT(bytes != MAP_FAILED);
	return bytes;
}

/* Filled memory is there, zero, and the same bytes each time, also after a release; unless
 * they may be thrown away. */
static void anon_keeps_or_discards(void)
{
	for (int discard = 0; discard < 2; discard++) {
		struct policy *p = open_anon(discard ? "yes" : "no");
		unsigned char *bytes;

		T_EQ(policy_fill(p, &rq, 65536 * 3, 65536, IOPFD_ACCESS_WRITE), 0);
		bytes = look(&rq.memory);
		for (size_t k = 0; k < 65536; k++)
			T_EQ(bytes[k], 0);
		bytes[4097] = 77;
		T_ASSERT(policy_backed_bytes(p) >= 65536);
		T_EQ(policy_fill(p, &rq, 65536 * 3, 65536, IOPFD_ACCESS_READ), 0);
		T_EQ(policy_release(p, &rq, 65536 * 3, 65536, true), 0);
		T_EQ(bytes[4097], discard ? 0 : 77);
		munmap(bytes, 65536);
		policy_close(p);
	}
}

static void shared_memory_is_the_memory_of_fill(void)
{
	struct policy *p = open_anon("no");
	struct iopfd_memory memory;
	struct stat st;

	T_OK(policy_memory(p, &memory));
	T_EQ(policy_fill(p, &rq, 5 * MIB, 65536, IOPFD_ACCESS_WRITE), 0);
	T_EQ(memory.fd, rq.memory.fd);
	T_EQ(memory.offset + 5 * MIB, rq.memory.offset);
	T_EQ(fstat(memory.fd, &st), 0);
	T_EQ(st.st_size, 16 * MIB);
	T_EQ(st.st_blocks, 0); /* nothing is allocated ahead: see anon.c on fallocate */
	policy_close(p);
	p = open_anon("yes");
	T_EQ(policy_memory(p, &memory), -EOPNOTSUPP);
	policy_close(p);
}

static void who_shares_the_memory_cannot_take_it_away(void)
{
	struct iopfd_memory memory;
	struct policy *p = open_anon("no");

	T_OK(policy_memory(p, &memory));
	T_EQ(ftruncate(memory.fd, 0), -1);
	T_EQ(errno, EPERM);
	T_EQ(ftruncate(memory.fd, 32 * MIB), -1);
	T_EQ(fcntl(memory.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	T_EQ(fcntl(memory.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	policy_close(p);
}

static struct iopfd_memory answer, one_file;
static int result;
static unsigned n_submits, n_done;

static int liar_create(const struct iopfd_host *host, void **ret_instance)
{
	T_ASSERT(host->size >= sizeof(*host));
	*ret_instance = NULL;
	return 0;
}

static int liar_open(void *instance, const struct iopfd_region *r, char *text, size_t size)
{
	(void)instance;
	if (r->length <= 64 * MIB)
		return 0;
	snprintf(text, size, "too large for me");
	return -ENOSPC;
}

static int liar_fill(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, uint32_t access,
		     struct iopfd_memory *ret)
{
	(void)instance;
	(void)request;
	(void)offset;
	(void)length;
	(void)access;
	*ret = answer;
	return result;
}

static void liar_close(void *instance)
{
	(void)instance;
}

static void liar_submit(void *instance)
{
	(void)instance;
	n_submits++;
}

static int liar_memory(void *instance, struct iopfd_memory *ret)
{
	(void)instance;
	*ret = one_file;
	return one_file.fd < 0 ? -EOPNOTSUPP : 0;
}

static int liar_release(void *instance, struct iopfd_request *request, uint64_t offset, uint64_t length, int dirty)
{
	(void)instance;
	(void)request;
	(void)offset;
	(void)length;
	(void)dirty;
	return 77;
}

static struct iopfd_policy liar = { .size = sizeof(liar), .abi_version = IOPFD_POLICY_ABI_VERSION, .name = "liar",
				    .create = liar_create, .open = liar_open, .fill = liar_fill, .close = liar_close,
				    .submit = liar_submit };

static void refuse_answer(int fd, uint64_t offset, int r)
{
	struct policy *p;

	T_OK(policy_open(&liar, &region, NULL, 0, &p, why, sizeof(why)));
	answer = (struct iopfd_memory){ .fd = fd, .offset = offset };
	result = r;
	T_EQ(policy_fill(p, &rq, 0, 65536, IOPFD_ACCESS_READ), -EBADE);
	result = 0;
	T_EQ(policy_fill(p, &rq, 0, 65536, IOPFD_ACCESS_READ), -EBADE); /* and never asked again */
	policy_close(p);
}

static void nonsense_is_refused(void)
{
	int memfd = memfd_create("liar", 0), file = open("/proc/self/exe", O_RDONLY);
	struct iopfd_region big = region;
	struct policy *p;

	log_set_max_level(LOG_CRIT);
	liar.abi_version++;
	T_EQ(policy_open(&liar, &region, NULL, 0, &p, why, sizeof(why)), -EPROTONOSUPPORT);
	liar.abi_version--;
	big.length = 65 * MIB;
	T_EQ(policy_open(&liar, &big, NULL, 0, &p, why, sizeof(why)), -ENOSPC);
	T_STREQ(why, "too large for me");
	T_EQ(policy_open(&liar, &region, &(struct policy_setting){ "colour", "red" }, 1, &p, why, sizeof(why)), -EINVAL);
	T_ASSERT(strstr(why, "colour"));
	refuse_answer(-1, 0, 0);
	refuse_answer(file, 0, 0);
	refuse_answer(memfd, 4096, 0);
	refuse_answer(memfd, -65536ull, 0);
	refuse_answer(memfd, 0, 77);
	refuse_answer(memfd, 0, -100000);
	T_OK(policy_open(&liar, &region, NULL, 0, &p, why, sizeof(why)));
	T_EQ(policy_memory(p, &answer), -EOPNOTSUPP);
	answer = (struct iopfd_memory){ .fd = memfd, .offset = 65536 };
	T_EQ(policy_fill(p, &rq, 0, 65536, IOPFD_ACCESS_READ), 0);
	T_EQ(rq.memory.offset, 65536);
	policy_close(p);
	close(memfd);
	close(file);
}

static void on_done(struct policy_request *request)
{
	T_ASSERT(request == &rq);
	n_done++;
}

/* Of the first version, whose struct iopfd_memory had no flags. */
static void what_an_older_one_does_not_know_is_not_read(void)
{
	int memfd = memfd_create("liar", 0);
	struct policy *p;

	liar.size = POLICY_SIZE_MIN;
	rq.done = on_done;
	answer = (struct iopfd_memory){ .fd = memfd, .flags = 77 };
	for (size_t i = 0; i < 2; i++) {
		T_OK(policy_open(&liar, &region, NULL, 0, &p, why, sizeof(why)));
		result = IOPFD_PENDING;
		T_EQ(policy_fill(p, &rq, 0, 65536, IOPFD_ACCESS_READ), IOPFD_PENDING);
		policy_submit(p);
		T_EQ(n_submits, i);
		policy_host.complete((struct iopfd_request *)(void *)&rq, 0, &answer);
		T_EQ(n_done, i + 1);
		T_OK(policy_fill_result(p, &rq, 65536));
		T_EQ(rq.memory.flags, i ? 77 : 0);
		policy_submit(p);
		T_EQ(n_submits, i);
		policy_close(p);
		liar.size = sizeof(liar);
		liar.flags = IOPFD_POLICY_SUBMITS;
	}
	liar.flags = 0;
	close(memfd);
}

/* Fills are asked, and fail: the answer is none. */
static bool is_asked(int fd, uint64_t offset)
{
	struct policy *p;
	int r;

	one_file = (struct iopfd_memory){ .fd = fd, .offset = offset, .flags = IOPFD_MEMORY_POPULATED };
	result = -EIO;
	T_OK(policy_open(&liar, &region, NULL, 0, &p, why, sizeof(why)));
	r = policy_fill(p, &rq, 3 * 65536, 65536, IOPFD_ACCESS_READ);
	if (r == 0) {
		T_EQ(rq.memory.fd, fd);
		T_EQ(rq.memory.offset, offset + 3 * 65536);
		T_EQ(rq.memory.flags, IOPFD_MEMORY_POPULATED);
	}
	/* What answers nonsense is not served any more, whatever it said before. */
	T_EQ(policy_release(p, &rq, 0, 65536, true), -EBADE);
	T_EQ(policy_fill(p, &rq, 0, 65536, IOPFD_ACCESS_READ), -EBADE);
	policy_close(p);
	return r == -EIO;
}

static void one_file_need_not_be_asked_for(void)
{
	int memfd = memfd_create("liar", 0), file = open("/proc/self/exe", O_RDONLY);

	liar.memory = liar_memory;
	liar.release = liar_release;
	T_ASSERT(is_asked(memfd, 0));
	liar.flags = IOPFD_POLICY_ONE_FILE;
	T_ASSERT(!is_asked(memfd, 0));
	T_ASSERT(!is_asked(memfd, 65536));
	T_ASSERT(is_asked(-1, 0));
	T_ASSERT(is_asked(file, 0));
	T_ASSERT(is_asked(memfd, 4096));
	T_ASSERT(is_asked(memfd, -65536ull));
	liar.memory = NULL;
	T_ASSERT(is_asked(memfd, 0));
	liar.release = NULL;
	liar.flags = 0;
	close(memfd);
	close(file);
}

int main(void)
{
	t_run(names_are_found);
	t_run(anon_keeps_or_discards);
	t_run(shared_memory_is_the_memory_of_fill);
	t_run(who_shares_the_memory_cannot_take_it_away);
	t_run(nonsense_is_refused);
	t_run(what_an_older_one_does_not_know_is_not_read);
	t_run(one_file_need_not_be_asked_for);
	return 0;
}
