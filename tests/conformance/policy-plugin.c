/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two example plugins, loaded from a folder as the daemon does it. */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy-fixture.h"
#include "t.h"

#define SEED 7

/* Next to this program: ../plugins. Copied, as its owner there may be anybody. */
static void copy(const char *name, const char *to_path)
{
	char self[PATH_MAX], path[2 * PATH_MAX], buffer[65536];
	_cleanup_close_ int from = -1, to = -1;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	T_ASSERT(n > 0);
	self[n] = 0;
	snprintf(path, sizeof(path), "%s/../plugins/%s.so", dirname(self), name);
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	T_ASSERT(to >= 0 && fchmod(to, 0644) == 0);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		T_EQ(write(to, buffer, (size_t)n), n);
	T_EQ(n, 0);
}

static const struct iopfd_policy *load(const char *name)
{
	const struct iopfd_policy *ops = NULL;
	char folder[PATH_MAX], path[2 * PATH_MAX], why[512];

	snprintf(folder, sizeof(folder), "%s/policies", t_tmpdir());
	if (mkdir(folder, 0755) == 0)
		T_EQ(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s.so", folder, name);
	if (access(path, F_OK) < 0)
		copy(name, path);
	if (policy_find(name, folder, &ops, why, sizeof(why)) < 0)
		t_fail(__FILE__, __LINE__, "%s", why);
	return ops;
}

static bool set_up_pattern(uint32_t rights, struct policy_case *ret, char *why, size_t why_size)
{
	(void)rights;
	(void)why;
	(void)why_size;
	*ret = (struct policy_case){ load("pattern"), { { "seed", "7" } }, 1 };
	return true;
}

static bool set_up_trouble(uint32_t rights, struct policy_case *ret, char *why, size_t why_size)
{
	(void)rights;
	(void)why;
	(void)why_size;
	*ret = (struct policy_case){ .ops = load("trouble") };
	return true;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void untouched_pattern(uint64_t offset, uint8_t *bytes, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += 8) {
		uint64_t word = mix(SEED + (offset + i) / 8);

		memcpy(bytes + i, &word, 8);
	}
}

const struct policy_fixture policy_pattern_fixture = {
	.name = "pattern",
	.granule = 16 << 10,
	.n_granules = 32,
	.is_private = true,
	.backing = BACKING_UNKNOWN,
	.set_up = set_up_pattern,
	.untouched = untouched_pattern,
};

const struct policy_fixture policy_trouble_fixture = {
	.name = "trouble",
	.granule = 16 << 10,
	.n_granules = 32,
	.is_private = true,
	.backing = BACKING_UNKNOWN,
	.set_up = set_up_trouble,
};
