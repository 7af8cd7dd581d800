/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that come, go and change their rights, in folders that come and go themselves: each
 * time it is told, and what does not concern is not.
 */
#include "hotplug.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "t.h"

static struct loop *loop;
static struct hotplug *hotplug;
static struct loop_source *until;
static unsigned n_told, n_other;

static void on_changed(void *userdata)
{
	(*(unsigned *)userdata)++;
}

/* Below the temporary folder. */
static const char *at(const char *path)
{
	static char whole[4][4200];
	static unsigned n;
	char *to = whole[n++ % ARRAY_SIZE(whole)];

	snprintf(to, sizeof(whole[0]), "%s/%s", t_tmpdir(), path);
	return to;
}

static int on_time(struct loop_source *s, uint32_t events, void *userdata)
{
	(void)s;
	(void)events;
	(void)userdata;
	loop_stop(loop, 0);
	return 0;
}

/* All that is known to inotify is told by then: its events are there when the call returns. */
static unsigned told(void)
{
	unsigned n;

	for (int i = 0; i < 3; i++) {
		T_OK(loop_set_timer(until, 1));
		T_OK(loop_run(loop));
	}
	n = n_told;
	n_told = 0;
	return n;
}

static void setup(const char *path, struct hotplug_watch **ret)
{
	T_OK(loop_new("libevent", &loop));
	T_OK(loop_add_timer(loop, on_time, NULL, &until));
	T_OK(hotplug_new(loop, &hotplug));
	n_told = n_other = 0;
	T_OK(hotplug_add(hotplug, at(path), on_changed, &n_told, ret));
}

static void teardown(struct hotplug_watch *w)
{
	T_ASSERT(!hotplug_remove(w));
	hotplug_free(hotplug);
	loop_remove(until);
	loop_free(loop);
}

static void make(const char *path)
{
	int fd = open(at(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	T_ASSERT(fd >= 0);
	close(fd);
}

static void a_file_comes_and_goes(void)
{
	struct hotplug_watch *w;

	T_EQ(mkdir(at("a"), 0700), 0);
	setup("a/file", &w);
	T_EQ(told(), 0);
	make("a/file");
	T_ASSERT(told());
	T_EQ(chmod(at("a/file"), 0640), 0);
	T_ASSERT(told());
	T_EQ(rename(at("a/file"), at("a/other")), 0);
	T_ASSERT(told());
	T_EQ(rename(at("a/other"), at("a/file")), 0);
	T_ASSERT(told());
	T_EQ(unlink(at("a/file")), 0);
	T_ASSERT(told());

	/* Others are nobody's business, nor are names that only begin alike. */
	make("a/fil");
	make("a/file2");
	make("a/elif");
	T_EQ(told(), 0);
	teardown(w);
}

static void any_file_of_a_folder(void)
{
	struct hotplug_watch *w;

	T_EQ(mkdir(at("any"), 0700), 0);
	setup("any/*", &w);
	make("any/vfio0");
	T_ASSERT(told());
	make("any/vfio1");
	T_ASSERT(told());
	T_EQ(unlink(at("any/vfio0")), 0);
	T_ASSERT(told());
	T_EQ(told(), 0);
	teardown(w);
}

/* As /dev/vfio/devices, which the kernel makes with the first device and removes with the last. */
static void folders_come_and_go(void)
{
	struct hotplug_watch *w;

	setup("dev/vfio/devices/*", &w);
	for (int i = 0; i < 3; i++) {
		make("unrelated");
		T_EQ(unlink(at("unrelated")), 0);
		T_EQ(told(), 0);
		T_EQ(mkdir(at("dev"), 0700), 0);
		told();
		T_EQ(mkdir(at("dev/vfio"), 0700), 0);
		told();
		T_EQ(mkdir(at("dev/vfio/devices"), 0700), 0);
		told();
		make("dev/vfio/devices/vfio0");
		T_ASSERT(told());
		T_EQ(unlink(at("dev/vfio/devices/vfio0")), 0);
		T_ASSERT(told());
		T_EQ(rmdir(at("dev/vfio/devices")), 0);
		T_EQ(rmdir(at("dev/vfio")), 0);
		T_EQ(rmdir(at("dev")), 0);
		T_ASSERT(told());
	}
	/* All at once, and away as a whole. */
	T_EQ(mkdir(at("dev"), 0700), 0);
	T_EQ(mkdir(at("dev/vfio"), 0700), 0);
	T_EQ(mkdir(at("dev/vfio/devices"), 0700), 0);
	make("dev/vfio/devices/vfio0");
	T_ASSERT(told());
	make("dev/vfio/devices/vfio1");
	T_ASSERT(told());
	T_EQ(rename(at("dev/vfio/devices"), at("away")), 0);
	T_ASSERT(told());
	T_EQ(mkdir(at("dev/vfio/devices"), 0700), 0);
	told();
	make("dev/vfio/devices/vfio2");
	T_ASSERT(told());
	/* What was moved away is somebody else's now. */
	make("away/vfio3");
	T_EQ(told(), 0);
	teardown(w);
}

static void two_watches_of_one_folder(void)
{
	struct hotplug_watch *w, *other;

	T_EQ(mkdir(at("two"), 0700), 0);
	setup("two/mine", &w);
	T_OK(hotplug_add(hotplug, at("two/theirs"), on_changed, &n_other, &other));
	make("two/theirs");
	T_EQ(told(), 0);
	T_ASSERT(n_other);
	/* One that goes leaves the other in place. */
	n_other = 0;
	T_ASSERT(!hotplug_remove(other));
	make("two/mine");
	T_ASSERT(told());
	T_EQ(n_other, 0);
	T_OK(hotplug_add(hotplug, at("two/nothing/*"), on_changed, &n_other, &other));
	T_EQ(mkdir(at("two/nothing"), 0700), 0);
	T_EQ(told(), 0);
	make("two/nothing/vfio0");
	T_EQ(told(), 0);
	T_ASSERT(n_other);
	make("two/mine2");
	T_EQ(unlink(at("two/mine")), 0);
	T_ASSERT(told());
	hotplug_remove(other);
	teardown(w);
}

static void what_cannot_be(void)
{
	char path[5000];
	struct hotplug_watch *w, *other;

	setup("x", &w);
	memset(path, 'a', sizeof(path));
	path[0] = path[4500] = '/';
	path[sizeof(path) - 1] = 0;
	T_EQ(hotplug_add(hotplug, path, on_changed, &n_other, &other), -ENAMETOOLONG);
	/* A file where a folder should be is none, for now. */
	make("plain");
	T_OK(hotplug_add(hotplug, at("plain/file"), on_changed, &n_other, &other));
	T_EQ(unlink(at("plain")), 0);
	T_EQ(mkdir(at("plain"), 0700), 0);
	told();
	n_other = 0;
	make("plain/file");
	told();
	T_ASSERT(n_other);
	hotplug_remove(other);
	T_ASSERT(!hotplug_remove(NULL));
	T_ASSERT(!hotplug_free(NULL));
	teardown(w);
}

int main(void)
{
	t_run(a_file_comes_and_goes);
	t_run(any_file_of_a_folder);
	t_run(folders_come_and_go);
	t_run(two_watches_of_one_folder);
	t_run(what_cannot_be);
	return 0;
}
