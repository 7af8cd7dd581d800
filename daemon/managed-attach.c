/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are attached because somebody on the bus says so: a configured one again, or
 * one that no file names (a transient device), with a space of its own or in one that
 * exists. A transient device lives until it is detached; one that cannot be attached is not
 * kept.
 */
#include "managed-attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "managed-set.h"
#include "policy/policy.h"

/* What diagnostics call the text. */
#define TEXT_NAME "bus"

/* Somebody waits until all spaces that go with a device are closed. */
struct farewell {
	unsigned n;
	struct service_call *call;
	char *name;        /* of the device, which may have gone */
	struct reason why; /* error 0: all is well */
};

static void fail(struct service_call *call, const char *name, const struct reason *why)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "%s: %s", name, why->text) < 0)
		text = NULL;
	service_call_fail(call, why->error, text ?: "out of memory");
}

static void answer(struct service_call *call, const char *name, const struct reason *why)
{
	if (why->error)
		fail(call, name, why);
	else
		service_call_reply(call, 0, 0);
}

/* NULL: nobody waits, or he could not be made to wait and was answered. */
static struct farewell *farewell_new(struct managed_device *d)
{
	struct service_call *call = TAKE_PTR(d->reply);
	struct farewell *f = call ? calloc(1, sizeof(*f)) : NULL;

	if (f && (f->name = strdup(d->entry.name))) {
		f->n = 1;
		f->call = call;
		f->why = d->why;
		return f;
	}
	free(f);
	if (call)
		answer(call, d->entry.name, &d->why);
	return NULL;
}

static void farewell_unref(struct farewell *f)
{
	if (!f || --f->n)
		return;
	answer(f->call, f->name, &f->why);
	free(f->name);
	free(f);
}

static void space_closed(struct managed_space *s)
{
	struct farewell *f = s->farewell;

	managed_space_free(s);
	farewell_unref(f);
}

/* A transient space always has users, until the last one goes. */
static void close_unused(struct manager *m, struct farewell *f)
{
	struct space_entry *e, *next;

	for (e = TAILQ_FIRST(&m->directory.spaces); e; e = next) {
		struct managed_space *s = managed_space(e);

		next = TAILQ_NEXT(e, link);
		if (!s->transient || s->n_users || s->is_closing)
			continue;
		if (!managed_space_is_in_use(s)) {
			managed_space_free(s);
			continue;
		}
		s->farewell = f;
		if (f)
			f->n++;
		managed_space_close(s, space_closed);
	}
	farewell_unref(f);
}

void managed_attach_forget(struct managed_device *d)
{
	struct farewell *f = farewell_new(d);
	struct manager *m = d->manager;

	managed_device_free(d);
	close_unused(m, f);
}

void managed_attach_answer(struct managed_device *d)
{
	close_unused(d->manager, farewell_new(d));
}

void managed_attach_tidy(struct manager *m)
{
	close_unused(m, NULL);
}

/* The start of a device has ended. */
static void attached(struct managed_device *d)
{
	struct manager *m = d->manager;

	if (!d->why.error)
		service_call_reply_device(TAKE_PTR(d->reply), &d->entry);
	else if (managed_device_is_transient(d))
		managed_attach_forget(d);
	else
		managed_attach_answer(d);
	manager_report(m);
}

static void attach_again(struct manager *m, const char *name, struct service_call *call)
{
	struct device_entry *e = directory_device(&m->directory, name);
	struct managed_device *d = e ? managed_device(e) : NULL;
	struct reason why;

	if (!d)
		reason_set(&why, ENOENT, "There is no such device.");
	else if (d->ended)
		reason_set(&why, EBUSY, "It is %s, try again when that has ended.", device_state_to_string(e->state));
	else if (managed_device_is_attached(d))
		reason_set(&why, EEXIST, "It is attached already.");
	else
		why.error = 0;
	if (why.error) {
		fail(call, name, &why);
		return;
	}
	d->reply = call;
	managed_device_start(d, attached);
}

/* The keys of policy fd come from programs only, and it judges them when it is opened. */
static int check_setting(const char *policy, const char *plugin_dir, const char *key, const char *value, char *text,
			 size_t size)
{
	(void)plugin_dir;
	if (!strcmp(policy, "fd") && (!strcmp(key, "fd") || !strcmp(key, "offset")))
		return 0;
	return policy_check_setting(policy, key, value, text, size);
}

/* vfioN: the name of a cdev's folder in sysfs. */
static int address_of_cdev(int fd, char *text, size_t size, struct reason *why)
{
	char link[64], target[PATH_MAX];
	const char *name;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return reason_set(why, EINVAL, "The descriptor is of no character device.");
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return reason_set(why, EINVAL, "%s: %s", link, strerror(errno));
	target[n] = 0;
	name = strrchr(target, '/');
	if (!name || strncmp(name, "/vfio", 5) != 0 || !strstr(target, "/vfio-dev/"))
		return reason_set(why, EINVAL, "The descriptor is of %s, expected a /dev/vfio/devices/vfioN.", target);
	snprintf(text, size, "%s", name + 1);
	return 0;
}

/* On the heap; NULL: why. Where plugins are is said at the end, for the lines that diagnostics
 * name are the request's. */
static char *text_of_request(const struct manager *m, const struct attach_request *request, struct reason *why)
{
	char address[64], *text = NULL;
	int r;

	if (request->device_fd < 0) {
		r = asprintf(&text, "%s\n[daemon]\nplugin-dir = %s\n", request->text, m->plugin_dir);
	} else {
		if (address_of_cdev(request->device_fd, address, sizeof(address), why) < 0)
			return NULL;
		r = asprintf(&text, "[device %s]\naddress = %s\n%s\n[daemon]\nplugin-dir = %s\n", request->name, address,
			     request->text, m->plugin_dir);
	}
	if (r >= 0)
		return text;
	reason_set(why, ENOMEM, "out of memory");
	return NULL;
}

/* NULL-terminated; the names are the spaces'. */
static const char **names_of_spaces(const struct manager *m)
{
	const struct space_entry *e;
	const char **names;
	size_t n = 0;

	TAILQ_FOREACH(e, &m->directory.spaces, link)
		n++;
	names = calloc(n + 1, sizeof(*names));
	if (!names)
		return NULL;
	n = 0;
	TAILQ_FOREACH(e, &m->directory.spaces, link)
		names[n++] = e->name;
	return names;
}

/* Returns 0, or answers the call. */
static int load(struct manager *m, const char *name, const char *text, struct service_call *call, struct config **ret)
{
	_cleanup_(config_diagnostics_free) struct config_diagnostics diagnostics = { 0 };
	_cleanup_free_ const char **known = names_of_spaces(m);
	struct config_source source = { .file = TEXT_NAME, .text = text, .strict = true, .known_spaces = known };
	struct config_hooks hooks = m->hooks;
	int r = -ENOMEM;

	hooks.check_setting = check_setting;
	if (known)
		r = config_load(&source, &hooks, ret, &diagnostics);
	if (r < 0) {
		_cleanup_free_ char *why = config_diagnostics_text(&diagnostics);

		service_call_fail(call, r == -ENOMEM ? ENOMEM : EINVAL, why ?: "out of memory");
		return r;
	}
	for (size_t i = 0; i < diagnostics.n_items; i++)
		log_with(LOG_WARNING, 0, &(struct log_fields){ .device = name }, "%s", diagnostics.items[i].message);
	return r;
}

/* The only device of the config, and the spaces that it brings; not listed yet. */
static int make(struct manager *m, const struct config *config, struct managed_set *set, struct reason *why)
{
	int r = managed_set_init(set, m, config);

	for (size_t i = 0; r >= 0 && i < config->n_spaces; i++) {
		struct space_entry *e = directory_find_space(&m->directory, config->spaces[i].name);

		if (e && managed_space(e)->is_closing)
			return reason_set(why, EBUSY, "Space %s is being closed, try again.", e->name);
		set->spaces[i] = e ? managed_space(e) : NULL;
	}
	if (r >= 0)
		r = managed_set_make(set);
	if (r < 0)
		return reason_set(why, -r, r == -ENOSPC ? "There are too many devices and spaces." : "out of memory");
	for (size_t i = 0; i < config->n_spaces; i++)
		set->spaces[i]->transient |= !set->spaces[i]->is_listed;
	set->devices[0]->entry.source[0] = 0;
	return 0;
}

static void attach_new(struct manager *m, const struct attach_request *request, struct service_call *call)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(managed_set_deinit) struct managed_set set = { 0 };
	struct reason why = { 0 };
	_cleanup_free_ char *text = NULL;
	struct managed_device *d;

	if (directory_device(&m->directory, request->name))
		reason_set(&why, EEXIST, "There is a device of this name.");
	else
		text = text_of_request(m, request, &why);
	if (text && load(m, request->name, text, call, &config) < 0)
		return;
	if (config && (config->n_devices != 1 || strcmp(config->devices[0].name, request->name) != 0))
		reason_set(&why, EINVAL, "The text has to be of this one device.");
	else if (config)
		make(m, config, &set, &why);
	if (!why.error && request->device_fd >= 0) {
		set.devices[0]->given_fd = fcntl(request->device_fd, F_DUPFD_CLOEXEC, 3);
		if (set.devices[0]->given_fd < 0)
			reason_set(&why, errno, "Its descriptor cannot be taken: %s", strerror(errno));
	}
	if (why.error) {
		fail(call, request->name, &why);
		return;
	}
	d = set.devices[0];
	managed_set_list(&set);
	d->reply = call;
	managed_device_start(d, attached);
}

void managed_attach(void *manager, const struct attach_request *request, struct service_call *call)
{
	struct manager *m = manager;

	if (m->stop_asked)
		service_call_fail(call, ENODEV, "The daemon stops.");
	else if (m->reload)
		service_call_fail(call, EBUSY, "A reload is under way, try again when it has ended.");
	else if (request->text)
		attach_new(m, request, call);
	else
		attach_again(m, request->name, call);
}
