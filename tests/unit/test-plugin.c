/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which shared objects are taken for plugins, which are refused and how that is told, and
 * that the two examples work. */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/plugin.h"
#include "t-host.h"
#include "t.h"

#define MIB (1ull << 20)

static const struct iopfd_region region = {
	.size = sizeof(region),
	.access = IOPFD_ACCESS_READ | IOPFD_ACCESS_WRITE,
	.name = "space/region",
	.iova = 1ull << 32,
	.length = 16 * MIB,
	.granule = 65536,
	.numa_node = -1,
};

static char why[512];

/* A new folder. */
static const char *folder(void)
{
	static char paths[32][PATH_MAX];
	static unsigned n;
	char *path = paths[n];

	T_ASSERT(n < 32);
	snprintf(path, sizeof(paths[0]), "%s/%u", t_tmpdir(), n++);
	T_EQ(mkdir(path, 0755), 0);
	T_EQ(chmod(path, 0755), 0);
	return path;
}

static const char *path_in(const char *dir, const char *file)
{
	static char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

/* Next to this program: ../plugins. */
static const char *built(const char *name)
{
	static char path[2 * PATH_MAX];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	T_ASSERT(n > 0);
	self[n] = 0;
	snprintf(path, sizeof(path), "%s/../plugins/%s.so", dirname(self), name);
	return path;
}

static void put(const char *name, const char *dir, const char *file)
{
	_cleanup_close_ int from = open(built(name), O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = open(path_in(dir, file), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	char buffer[65536];
	ssize_t n;

	if (from < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", built(name), strerror(errno));
	T_ASSERT(to >= 0);
	T_EQ(fchmod(to, 0644), 0);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		T_EQ(write(to, buffer, (size_t)n), n);
	T_EQ(n, 0);
}

static const struct iopfd_policy *load(const char *dir, const char *name)
{
	const struct iopfd_policy *policy = NULL;
	int r = plugin_load(dir, name, &policy, why, sizeof(why));

	if (r < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", strerror(-r), why);
	return policy;
}

static void refused(const char *dir, const char *name, int error, const char *words)
{
	const struct iopfd_policy *policy = NULL;

	strcpy(why, "nothing");
	T_EQ(plugin_load(dir, name, &policy, why, sizeof(why)), error);
	T_ASSERT(!policy);
	if (!strstr(why, words))
		t_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why, words);
	printf("    %s\n", why);
}

static void it_is_loaded_once(void)
{
	const char *dir = folder();
	const struct iopfd_policy *policy;

	put("pattern", dir, "pattern.so");
	T_EQ(plugin_exists(dir, "pattern"), 0);
	T_EQ(plugin_exists(dir, "patterns"), -ENOENT);
	T_EQ(plugin_exists(dir, "../pattern"), -EINVAL);
	policy = load(dir, "pattern");
	T_STREQ(policy->name, "pattern");
	T_EQ(policy->size, sizeof(*policy));
	T_ASSERT(load(dir, "pattern") == policy);
	/* It is not looked for again, and it stays. */
	T_EQ(unlink(path_in(dir, "pattern.so")), 0);
	T_ASSERT(load(dir, "pattern") == policy);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void pattern_fills(void)
{
	const char *dir = folder();
	const struct iopfd_policy *policy;
	struct iopfd_memory memory;
	void *instance;
	uint64_t *words;

	put("pattern", dir, "pattern.so");
	policy = load(dir, "pattern");
	T_OK(policy->create(&t_host, &instance));
	T_EQ(policy->config(instance, "sead", "1", why, sizeof(why)), -ENOENT);
	T_EQ(policy->config(instance, "seed", "1x", why, sizeof(why)), -EINVAL);
	policy->close(instance);

	instance = t_policy_open(policy, &region, "seed", "77", NULL);
	T_OK(t_policy_fill(policy, instance, MIB, 131072, IOPFD_ACCESS_WRITE, &memory, NULL));
	T_EQ(memory.offset, MIB);
	words = mmap(NULL, 131072, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, (off_t)memory.offset);
	T_ASSERT(words != MAP_FAILED);
	for (uint64_t i = 0; i < 131072 / 8; i++)
		T_EQ(words[i], mix(77 + MIB / 8 + i));
	words[8192] = 1; /* a device's write, in the second granule */
	T_OK(t_policy_fill(policy, instance, MIB + 65536, 65536, IOPFD_ACCESS_READ, &memory, NULL));
	T_EQ(words[8192], 1);
	munmap(words, 131072);
	policy->close(instance);
}

static const struct iopfd_policy *trouble(void)
{
	static const struct iopfd_policy *policy;

	if (!policy) {
		const char *dir = folder();

		put("trouble", dir, "trouble.so");
		policy = load(dir, "trouble");
	}
	return policy;
}

static void trouble_fails(void)
{
	const struct iopfd_policy *policy = trouble();
	struct iopfd_memory memory;
	void *instance;

	T_OK(policy->create(&t_host, &instance));
	T_EQ(policy->config(instance, "lies", "fd", why, sizeof(why)), -ENOENT);
	T_EQ(policy->config(instance, "lie", "white", why, sizeof(why)), -EINVAL);
	T_EQ(policy->config(instance, "calls", "fill nothing", why, sizeof(why)), -EINVAL);
	T_EQ(policy->config(instance, "delay", "long", why, sizeof(why)), -EINVAL);
	T_EQ(policy->config(instance, "error", "EWHATEVER", why, sizeof(why)), -EINVAL);
	policy->close(instance);

	instance = t_policy_open(policy, &region, "fail-every", "3", "error", "ENOSPC", NULL);
	for (unsigned i = 1; i <= 9; i++)
		T_EQ(t_policy_fill(policy, instance, i * 65536, 65536, IOPFD_ACCESS_READ, &memory, NULL),
		     i % 3 ? 0 : -ENOSPC);
	T_EQ(t_policy_counter(policy, instance, "Fills"), 9);
	T_EQ(t_policy_counter(policy, instance, "Failures"), 3);
	policy->close(instance);
}

static void trouble_delays(void)
{
	const struct iopfd_policy *policy = trouble();
	struct iopfd_memory memories[64];
	uint64_t offsets[64];
	int results[64];
	void *instance;

	instance = t_policy_open(policy, &region, "delay", "2", "delay-share", "50", "fail-every", "4", NULL);
	for (size_t i = 0; i < 64; i++)
		offsets[i] = i * 65536;
	t_policy_fill_many(policy, instance, offsets, 64, 65536, results, memories);
	for (size_t i = 0; i < 64; i++) {
		T_EQ(results[i], i % 4 == 3 ? -EIO : 0);
		if (!results[i])
			T_EQ(memories[i].offset, offsets[i]);
	}
	T_EQ(t_policy_counter(policy, instance, "Delays"), 32);
	policy->close(instance);
}

static void trouble_lies(void)
{
	const struct iopfd_policy *policy = trouble();
	struct iopfd_memory memory;
	void *instance;

	instance = t_policy_open(policy, &region, "lie", "offset", "lie-every", "2", NULL);
	T_OK(t_policy_fill(policy, instance, 65536, 65536, IOPFD_ACCESS_READ, &memory, NULL));
	T_EQ(memory.offset, 65536);
	/* What is filled is found at once, and truly. */
	T_OK(t_policy_fill(policy, instance, 65536, 65536, IOPFD_ACCESS_READ, &memory, NULL));
	T_EQ(memory.offset, 65536);
	T_OK(t_policy_fill(policy, instance, 131072, 65536, IOPFD_ACCESS_READ, &memory, NULL));
	T_EQ(memory.offset, 131072 + 512);
	policy->close(instance);
	instance = t_policy_open(policy, &region, "lie", "nospace", "delay", "1", NULL);
	T_EQ(t_policy_fill(policy, instance, 0, 65536, IOPFD_ACCESS_READ, &memory, NULL), IOPFD_NOSPACE);
	T_EQ(t_policy_counter(policy, instance, "Lies"), 1);
	policy->close(instance);
}

static void names_are_checked(void)
{
	const char *dir = folder();

	refused(dir, "", -EINVAL, "is no name of a policy");
	refused(dir, "../pattern", -EINVAL, "is no name of a policy");
	refused(dir, "Pattern", -EINVAL, "is no name of a policy");
	refused(dir, "a23456789012345678901234567890123", -EINVAL, "1 to 32");
	refused(dir, "a2345678901234567890123456789012", -ENOENT, "does not exist");
	refused("/nowhere", "pattern", -ENOENT, "/nowhere cannot be opened");
}

static void files_are_checked(void)
{
	const char *dir = folder();
	_cleanup_free_ char *target = strdup(path_in(dir, "real.so"));

	put("pattern", dir, "real.so");
	T_EQ(symlink(target, path_in(dir, "link.so")), 0);
	refused(dir, "link", -ELOOP, "is a symbolic link");
	T_EQ(mkdir(path_in(dir, "dir.so"), 0755), 0);
	refused(dir, "dir", -EINVAL, "is not a regular file");
	T_EQ(plugin_exists(dir, "dir"), -EINVAL);
	T_EQ(mkfifo(path_in(dir, "fifo.so"), 0644), 0);
	refused(dir, "fifo", -EINVAL, "is not a regular file");
	refused(target, "pattern", -ENOTDIR, "cannot be opened");
	if (geteuid() != 0) {
		put("pattern", dir, "secret.so");
		T_EQ(chmod(path_in(dir, "secret.so"), 0), 0);
		refused(dir, "secret", -EACCES, "must be able to read it");
	}
}

static void modes_are_checked(void)
{
	const char *dir = folder();

	put("pattern", dir, "pattern.so");
	T_EQ(chmod(path_in(dir, "pattern.so"), 0664), 0);
	refused(dir, "pattern", -EPERM, "mode 0664");
	T_EQ(chmod(path_in(dir, "pattern.so"), 0646), 0);
	refused(dir, "pattern", -EPERM, "chmod go-w");
	T_EQ(chmod(path_in(dir, "pattern.so"), 0644), 0);
	T_EQ(chmod(dir, 0775), 0);
	refused(dir, "pattern", -EPERM, "mode 0775");
	T_EQ(chmod(dir, 01777), 0);
	refused(dir, "pattern", -EPERM, "mode 1777");
	T_EQ(chmod(dir, 0755), 0);
	load(dir, "pattern");
}

static void owners_are_checked(void)
{
	const char *dir = folder();

	put("pattern", dir, "pattern.so");
	if (geteuid() != 0) {
		/* A folder and files that are not ours and not root's need root to be made. */
		printf("    not tested, as this is not root: owners\n");
		return;
	}
	T_EQ(chown(path_in(dir, "pattern.so"), 65534, 65534), 0);
	refused(dir, "pattern", -EPERM, "belongs to user 65534");
	T_EQ(chown(path_in(dir, "pattern.so"), 0, 65534), 0);
	T_EQ(chown(dir, 65534, 0), 0);
	refused(dir, "pattern", -EPERM, "belongs to user 65534");
	T_EQ(chown(dir, 0, 0), 0);
	load(dir, "pattern");
}

/* The file misfit.so in a folder of its own. */
static const char *misfit(const char *variant)
{
	const char *dir = folder();
	char name[64];

	snprintf(name, sizeof(name), "misfit-%s", variant);
	put(name, dir, "misfit.so");
	return dir;
}

static void contents_are_checked(void)
{
	const char *dir = folder();

	t_write_file("text/text.so", "no ELF\n");
	refused(path_in(t_tmpdir(), "text"), "text", -ENOEXEC, "text.so cannot be loaded");
	T_ASSERT(!strstr(why, "/proc/"));
	refused(misfit("symbol"), "misfit", -ENOEXEC, "does not define iopfd_policy");
	refused(misfit("function"), "misfit", -ENOEXEC, "not a struct iopfd_policy");
	refused(misfit("version"), "misfit", -EPROTONOSUPPORT, "version 2 of the plugin interface");
	refused(misfit("small"), "misfit", -EPROTONOSUPPORT, "at least");
	refused(misfit("lie"), "misfit", -EPROTONOSUPPORT, "at least");
	refused(misfit("name"), "misfit", -EINVAL, "must have the same name");
	refused(misfit("fill"), "misfit", -EINVAL, "has no function fill");
	refused(misfit("submits"), "misfit", -EINVAL, "no function submit");
	refused(misfit("flags"), "misfit", -EPROTONOSUPPORT, "flags 0x80000000");
	put("pattern", dir, "other.so");
	refused(dir, "other", -EINVAL, "calls its policy \"pattern\"");
}

/* Larger than ours: what we do not know is left alone. */
static void a_newer_one_is_taken(void)
{
	const struct iopfd_policy *policy = load(misfit("large"), "misfit");

	T_EQ(policy->size, sizeof(*policy));
	T_ASSERT(policy->close && !policy->flush);
}

/* Smaller than ours, as it was at first: what it does not have is missing. */
static void an_older_one_is_taken(void)
{
	const struct iopfd_policy *policy = load(misfit("first"), "misfit");

	T_EQ(policy->size, offsetof(struct iopfd_policy, submit));
	T_ASSERT(policy->close && !policy->submit);
}

/* What was refused is replaced, renamed, or changed in place. */
static void a_refusal_is_not_for_ever(void)
{
	const char *dir = misfit("version");
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	_cleanup_free_ char *from = NULL;

	refused(dir, "misfit", -EPROTONOSUPPORT, "version");
	refused(dir, "misfit", -EPROTONOSUPPORT, "version");
	T_EQ(utimensat(AT_FDCWD, path_in(dir, "misfit.so"), times, 0), 0);
	refused(dir, "misfit", -EBUSY, "was changed in place");
	T_EQ(unlink(path_in(dir, "misfit.so")), 0);
	put("misfit-large", dir, "misfit.so");
	load(dir, "misfit");

	dir = folder();
	put("misfit-large", dir, "other.so");
	refused(dir, "other", -EINVAL, "must have the same name");
	from = strdup(path_in(dir, "other.so"));
	T_EQ(rename(from, path_in(dir, "misfit.so")), 0);
	load(dir, "misfit");
	refused(dir, "other", -ENOENT, "does not exist");
}

int main(void)
{
	t_run(it_is_loaded_once);
	t_run(pattern_fills);
	t_run(trouble_fails);
	t_run(trouble_delays);
	t_run(trouble_lies);
	t_run(names_are_checked);
	t_run(files_are_checked);
	t_run(modes_are_checked);
	t_run(owners_are_checked);
	t_run(contents_are_checked);
	t_run(a_newer_one_is_taken);
	t_run(an_older_one_is_taken);
	t_run(a_refusal_is_not_for_ever);
	return 0;
}
