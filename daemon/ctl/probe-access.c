/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device nodes: that they exist, that the daemon's user may open them, and that the
 * running kernel's iommufd has what page faults need. No udev rule of a distribution covers
 * these nodes; ours gives them to the group iopfd.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "ctl/probe-files.h"
#include "ctl/probe.h"

#define IOMMU_FAULT_QUEUE_ALLOC _IO(';', 0x8e)
#define IOMMU_IOAS_MAP_FILE _IO(';', 0x8f)

static void add_group(struct probe_user *user, gid_t gid)
{
	if (user->n_groups < ARRAY_SIZE(user->groups))
		user->groups[user->n_groups++] = gid;
}

static bool find_user(const char *name, struct probe_user *ret)
{
	const struct passwd *entry = NULL;
	char path[PATH_MAX];
	FILE *f;

	if (!files_path(path, sizeof(path), "/etc/passwd") || !(f = fopen(path, "re")))
		return false;
	while ((entry = fgetpwent(f)))
		if (strcmp(entry->pw_name, name) == 0)
			break;
	if (entry) {
		snprintf(ret->name, sizeof(ret->name), "%s", name);
		ret->uid = entry->pw_uid;
		add_group(ret, entry->pw_gid);
	}
	fclose(f);
	return *ret->name;
}

/* By the files, not by NSS: the user of a service comes from sysusers. */
static void find_groups(struct probe_user *user)
{
	const struct group *entry;
	char path[PATH_MAX];
	FILE *f;

	if (!files_path(path, sizeof(path), "/etc/group") || !(f = fopen(path, "re")))
		return;
	while ((entry = fgetgrent(f)))
		for (char **member = entry->gr_mem; *member; member++)
			if (strcmp(*member, user->name) == 0)
				add_group(user, entry->gr_gid);
	fclose(f);
}

void probe_user_load(struct probe_user *ret)
{
	int n;

	*ret = (struct probe_user){ 0 };
	if (find_user("iopfd", ret)) {
		find_groups(ret);
		return;
	}
	ret->uid = geteuid();
	add_group(ret, getegid());
	n = getgroups((int)ARRAY_SIZE(ret->groups) - 1, ret->groups + 1);
	ret->n_groups += n > 0 ? (size_t)n : 0;
}

static bool in_group(const struct probe_user *user, gid_t gid)
{
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == gid)
			return true;
	return false;
}

/* As the kernel does: the first class that fits decides, even if a later one allows more. */
static bool may_use(const struct probe_user *user, const struct stat *st)
{
	unsigned bits = st->st_mode & 7;

	if (user->uid == 0)
		return true;
	if (user->uid == st->st_uid)
		bits = st->st_mode >> 6 & 7;
	else if (in_group(user, st->st_gid))
		bits = st->st_mode >> 3 & 7;
	return (bits & 6) == 6;
}

static void judge_node(const struct probe_user *user, const char *node, const char *rule, struct probe_result *ret)
{
	const char *who = *user->name ? user->name : "this user (there is no user iopfd)";
	char path[PATH_MAX];
	struct stat st;

	/* That it is missing is another check's business. */
	if (!files_path(path, sizeof(path), "%s", node) || stat(path, &st) < 0)
		return;
	if (may_use(user, &st)) {
		probe_says(ret, PROBE_PASS, "%s may open %s", who, node);
		return;
	}
	probe_says(ret, PROBE_FAIL, "%s may not open %s (mode %03o, owner %u:%u)", who, node,
		   (unsigned)st.st_mode & 0777, (unsigned)st.st_uid, (unsigned)st.st_gid);
	probe_remedy(ret, "install the udev rule 60-iopfd.rules (%s, GROUP=\"iopfd\", MODE=\"0660\"), then: udevadm "
		     "trigger", rule);
}

void probe_iommufd(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)t;
	if (files_exist("/dev/iommu")) {
		probe_says(ret, PROBE_PASS, "/dev/iommu is there");
		return;
	}
	probe_says(ret, PROBE_FAIL, "there is no /dev/iommu");
	if (probe_option(p, "CONFIG_IOMMUFD") == PROBE_FAIL)
		probe_remedy(ret, "build a kernel with CONFIG_IOMMUFD=y: this one has no iommufd");
	else
		probe_remedy(ret, "modprobe iommufd, and for every boot: echo iommufd > "
			     "/etc/modules-load.d/iopfd.conf");
}

void probe_iommufd_access(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	(void)t;
	judge_node(&p->user, "/dev/iommu", "KERNEL==\"iommu\", SUBSYSTEM==\"misc\"", ret);
}

void probe_cdev_access(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	char name[32], node[64];

	if (!probe_vfio_name(t->name, name, sizeof(name)))
		return;
	snprintf(node, sizeof(node), "/dev/vfio/devices/%s", name);
	judge_node(&p->user, node, "SUBSYSTEM==\"vfio-dev\"", ret);
}

/* A command that the kernel does not know gives ENOTTY; one it knows refuses an empty request
 * or, if there is nothing wrong with it, does it: all goes with the fd. */
static bool knows(int iommu, unsigned long command, uint32_t size)
{
	uint32_t request[16] = { size };

	return ioctl(iommu, command, request) == 0 || errno != ENOTTY;
}

void probe_features(const struct probe *p, const struct probe_target *t, struct probe_result *ret)
{
	_cleanup_close_ int iommu = -1;

	(void)p;
	(void)t;
	/* A folder that stands for a machine has no kernel. */
	if (files_rooted())
		return;
	iommu = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommu < 0) {
		if (errno == ENOENT)
			return;
		probe_says(ret, PROBE_UNKNOWN, "cannot open /dev/iommu: %s", strerror(errno));
		probe_remedy(ret, "run iopfctl probe as root or as a member of the group iopfd");
	} else if (!knows(iommu, IOMMU_FAULT_QUEUE_ALLOC, 16)) {
		probe_says(ret, PROBE_FAIL, "iommufd has no fault queues");
		probe_remedy(ret, "boot Linux 6.13 or newer with CONFIG_IOMMU_IOPF");
	} else if (!knows(iommu, IOMMU_IOAS_MAP_FILE, 40)) {
		probe_says(ret, PROBE_FAIL, "iommufd cannot map files");
		probe_remedy(ret, "boot Linux 6.13 or newer");
	} else {
		probe_says(ret, PROBE_PASS, "iommufd has fault queues and maps files");
	}
}
