/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each watch has one folder of its path under inotify, the deepest that is there, and waits
 * for one name in it: the file's, or the next folder's. The kernel gives the same number for
 * the same folder, so several watches may share it.
 */
#include "hotplug.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/util.h"

#define FOLDER_EVENTS \
	(IN_CREATE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct hotplug_watch {
	LIST_ENTRY(hotplug_watch) link;
	struct hotplug *hotplug;
	char *path;
	int wd;           /* of the folder that is watched; -1: none, not even / */
	size_t name_at;   /* what is waited for in it: path[name_at], name_length bytes */
	size_t name_length;
	bool hit;         /* by the events read last */
	void (*changed)(void *userdata);
	void *userdata;
};

LIST_HEAD(watch_list, hotplug_watch);

struct hotplug {
	int fd;
	struct loop_source *source;
	struct watch_list watches;
};

static bool is_last(const struct hotplug_watch *w)
{
	return !w->path[w->name_at + w->name_length];
}

static void release_wd(struct hotplug_watch *w)
{
	const struct hotplug_watch *other;
	int wd = w->wd;

	w->wd = -1;
	LIST_FOREACH(other, &w->hotplug->watches, link)
		if (other->wd == wd)
			return;
	/* Fails when the folder has gone, and the watch with it. */
	if (wd >= 0)
		inotify_rm_watch(w->hotplug->fd, wd);
}

/* The folder that ends before path[slash]. */
static int watch_folder(const struct hotplug_watch *w, size_t slash)
{
	char folder[PATH_MAX];
	int wd;

	if (slash >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, w->path, slash);
	memcpy(folder + slash, slash ? "" : "/", slash ? 1 : 2);
	wd = inotify_add_watch(w->hotplug->fd, folder, FOLDER_EVENTS);
	return wd < 0 ? -errno : wd;
}

static bool is_missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES;
}

static size_t slash_before(const char *path, size_t at)
{
	while (path[--at] != '/')
		;
	return at;
}

/* Sets out from the file's own folder and goes up until there is one. What appears below it
 * after that is an event. Returns 0, 1 when it is now another folder than before, or an errno. */
static int watch_deepest(struct hotplug_watch *w)
{
	size_t end = strlen(w->path), slash = slash_before(w->path, end);
	int wd = watch_folder(w, slash), before = w->wd;

	while (is_missing(wd) && slash) {
		end = slash;
		slash = slash_before(w->path, end);
		wd = watch_folder(w, slash);
	}
	if (wd >= 0 && wd == before && w->name_at == slash + 1)
		return 0;
	if (before >= 0 && wd != before)
		release_wd(w);
	w->wd = wd < 0 ? -1 : wd;
	w->name_at = slash + 1;
	w->name_length = end - slash - 1;
	return wd < 0 ? wd : 1;
}

/* A folder may have come between the look for it and the watch of the one above. */
static int arm(struct hotplug_watch *w)
{
	int r;

	do
		r = watch_deepest(w);
	while (r > 0 && !is_last(w));
	return MIN(r, 0);
}

static bool concerns(const struct hotplug_watch *w, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return true;
	if (e->wd != w->wd)
		return false;
	/* Without a name: the folder itself. */
	if (!e->len || (is_last(w) && strcmp(w->path + w->name_at, "*") == 0))
		return true;
	return strlen(e->name) == w->name_length && memcmp(e->name, w->path + w->name_at, w->name_length) == 0;
}

static void on_event(struct hotplug *h, const struct inotify_event *e)
{
	struct hotplug_watch *w;

	LIST_FOREACH(w, &h->watches, link) {
		if (!concerns(w, e))
			continue;
		w->hit = true;
		/* The number may be given again, to another folder. */
		if (e->mask & IN_IGNORED)
			w->wd = -1;
	}
}

static void tell(struct hotplug *h)
{
	struct hotplug_watch *w;

	LIST_FOREACH(w, &h->watches, link) {
		int r = w->hit ? arm(w) : 0;

		if (r < 0)
			log_warning_errno(r, "cannot see any more whether %s comes or goes", w->path);
		if (w->hit)
			w->changed(w->userdata);
		w->hit = false;
	}
}

static int on_readable(struct loop_source *s, uint32_t events, void *userdata)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct hotplug *h = userdata;
	ssize_t n = read(h->fd, buffer, sizeof(buffer));

	(void)s;
	(void)events;
	for (const char *p = buffer; n > 0 && p < buffer + n;) {
		const struct inotify_event *e = (const void *)p;

		on_event(h, e);
		p += sizeof(*e) + e->len;
	}
	tell(h);
	return 0;
}

int hotplug_new(struct loop *l, struct hotplug **ret)
{
	_cleanup_(hotplug_freep) struct hotplug *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	LIST_INIT(&h->watches);
	h->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (h->fd < 0)
		return -errno;
	r = loop_add(l, h->fd, LOOP_READ, on_readable, h, &h->source);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
	if (!h)
		return NULL;
	loop_remove(h->source);
	close_fd(&h->fd);
	free(h);
	return NULL;
}

int hotplug_add(struct hotplug *h, const char *path, void (*changed)(void *userdata), void *userdata,
		struct hotplug_watch **ret)
{
	struct hotplug_watch *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (!w)
		return -ENOMEM;
	w->hotplug = h;
	w->wd = -1;
	w->changed = changed;
	w->userdata = userdata;
	w->path = strdup(path);
	LIST_INSERT_HEAD(&h->watches, w, link);
	if (w->path)
		r = arm(w);
	if (r < 0) {
		hotplug_remove(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct hotplug_watch *hotplug_remove(struct hotplug_watch *w)
{
	if (!w)
		return NULL;
	LIST_REMOVE(w, link);
	release_wd(w);
	free(w->path);
	free(w);
	return NULL;
}
