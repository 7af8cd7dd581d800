/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells when files come, go or change their rights, by inotify and nothing else: it works in
 * a sandbox without netlink and costs nothing while nothing happens. Folders on the way may
 * be missing and may go: then the nearest one that is there is watched, as /dev/vfio, which
 * the kernel removes with the last device.
 *
 * Used by the control thread.
 */
#pragma once

#include "base/cleanup.h"
#include "loop/loop.h"

struct hotplug;
struct hotplug_watch;

int hotplug_new(struct loop *l, struct hotplug **ret);
struct hotplug *hotplug_free(struct hotplug *h); /* every watch removed; takes NULL, returns NULL */
DEFINE_CLEANUP(struct hotplug, hotplug_free)

/* path: absolute; its last component may be "*", any file of the folder. changed: maybe once too
 * often, never too rarely, and not for what is there now; it may not add or remove watches.
 * -ENOMEM, -ENOSPC (fs.inotify.max_user_watches), and others of inotify_add_watch(2). */
int hotplug_add(struct hotplug *h, const char *path, void (*changed)(void *userdata), void *userdata,
		struct hotplug_watch **ret);
struct hotplug_watch *hotplug_remove(struct hotplug_watch *w); /* takes NULL, returns NULL */
