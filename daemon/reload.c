/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All of a reload that can fail: reading the files, comparing, making what is new though
 * nobody sees it yet. And how it ends.
 */
#include "reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/messages.h"
#include "config/diff.h"
#include "config/usage.h"

static struct reload *reload_free(struct reload *r)
{
	managed_set_deinit(&r->set);
	config_diff_free(&r->diff);
	config_free(r->config);
	free(r);
	return NULL;
}
DEFINE_CLEANUP(struct reload, reload_free)

static void for_each_line(const char *text, void (*fn)(const char *line, int length))
{
	while (*text) {
		int length = (int)strcspn(text, "\n");

		fn(text, length);
		text += length + (text[length] == '\n');
	}
}

static void log_diagnostic(const char *line, int length)
{
	log_error("%.*s", length, line);
}

static void log_change(const char *line, int length)
{
	log_notice("reload: %.*s", length, line);
}

static void remember(struct manager *m, int error, char *text_consume)
{
	free(m->directory.reload_error_text);
	m->directory.reload_error = error;
	m->directory.reload_error_text = text_consume;
	service_config_changed(m->service);
}

/* Nothing was changed. */
static void reject(struct manager *m, struct service_call *call, int error, const char *text)
{
	for_each_line(text, log_diagnostic);
	log_with(LOG_ERR, 0, &(struct log_fields){ .message_id = MESSAGE_CONFIG_REJECTED },
		 "the configuration is not reloaded, what runs goes on as it was");
	remember(m, error, strdup(text));
	if (call)
		service_call_fail(call, error, text);
}

/* Something that is no file's uses it. */
static int check_user(const struct reload *r, const struct managed_space *s, struct managed_device *d,
		      struct config_diagnostics *diagnostics)
{
	struct attachment_entry *a;

	TAILQ_FOREACH(a, &d->entry.attachments, link)
		if (a->space == &s->entry && reload_keeps_device(r, d))
			return usage_refuse(r->config, diagnostics, SECTION_SPACE, s->entry.name,
					    "the device '%s' was attached to this space later, expected it to be detached "
					    "before the space goes", d->entry.name);
	return 0;
}

static int check_space(const struct manager *m, const struct reload *r, struct managed_space *s,
		       struct config_diagnostics *diagnostics)
{
	bool is_new = config_find_space(r->config, s->entry.name) != SIZE_MAX;
	struct device_entry *d;
	int error = 0;

	if (s->transient && is_new)
		return usage_refuse(r->config, diagnostics, SECTION_SPACE, s->entry.name,
				    "there is a transient space of this name, expected its device to be detached before");
	if (s->transient || is_new)
		return 0;
	TAILQ_FOREACH(d, &m->directory.devices, link)
		if (error >= 0)
			error = check_user(r, s, managed_device(d), diagnostics);
	return error;
}

/* What is valid by itself and cannot be done beside what came over the bus. */
static int check_transient(const struct manager *m, const struct reload *r, struct config_diagnostics *diagnostics)
{
	struct device_entry *d;
	struct space_entry *s;
	int error = 0;

	TAILQ_FOREACH(d, &m->directory.devices, link)
		if (error >= 0 && managed_device_is_transient(managed_device(d)) &&
		    config_find_device(r->config, d->name) != SIZE_MAX)
			error = usage_refuse(r->config, diagnostics, SECTION_DEVICE, d->name,
					     "there is a transient device of this name, expected it to be detached before");
	TAILQ_FOREACH(s, &m->directory.spaces, link)
		if (error >= 0)
			error = check_space(m, r, managed_space(s), diagnostics);
	return error < 0 ? error : diagnostics->n_errors ? -EINVAL : 0;
}

static int load(struct manager *m, struct config **ret, struct config_diagnostics *diagnostics)
{
	struct config_source source = m->source;

	source.strict = true;
	return config_load(&source, &m->hooks, ret, diagnostics);
}

/* The files as they are, compared with what is in force. On an error *ret_text has the
 * diagnostics, else the warnings; on the heap, NULL = no memory. */
static int prepare(struct manager *m, struct reload **ret, char **ret_text)
{
	_cleanup_(config_diagnostics_free) struct config_diagnostics diagnostics = { 0 };
	_cleanup_(reload_freep) struct reload *r = calloc(1, sizeof(*r));
	int error = r ? load(m, &r->config, &diagnostics) : -ENOMEM;

	if (error >= 0)
		error = config_diff(m->started, m->config, r->config, &m->hooks, &r->diff);
	if (error >= 0)
		error = check_transient(m, r, &diagnostics);
	*ret_text = error == -ENOMEM ? NULL : config_diagnostics_text(&diagnostics);
	if (error >= 0)
		*ret = TAKE_PTR(r);
	return error == -ENOMEM ? error : error < 0 ? -EINVAL : 0;
}

/* What the configurations do not say: how things are now. On the heap; NULL = no memory. */
static char *make_plan(const struct manager *m, const struct reload *r)
{
	struct device_entry *e;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(r->diff.text, out);
	TAILQ_FOREACH(e, &m->directory.devices, link) {
		struct managed_device *d = managed_device(e);
		bool transient = managed_device_is_transient(d);

		if (transient && managed_device_is_attached(d) && reload_stops(r, d))
			fprintf(out, "device %s: detached and attached again, because a space of it changes\n", e->name);
		else if (!transient && reload_retries(d) && !reload_stops(r, d))
			fprintf(out, "device %s: is %s, tried again\n", e->name, device_state_to_string(e->state));
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int reload_plan(void *manager, char **ret_plan, char **ret_why)
{
	_cleanup_(reload_freep) struct reload *r = NULL;
	_cleanup_free_ char *text = NULL;
	struct manager *m = manager;
	int error = prepare(m, &r, &text);

	if (error < 0) {
		*ret_why = TAKE_PTR(text);
		return *ret_why ? error : -ENOMEM;
	}
	*ret_plan = make_plan(m, r);
	return *ret_plan ? 0 : -ENOMEM;
}

int reload_check(void *manager, struct config_diagnostics *ret)
{
	_cleanup_(config_freep) struct config *config = NULL;

	return load(manager, &config, ret) == -ENOMEM ? -ENOMEM : 0;
}

static void log_warning_line(const char *line, int length)
{
	log_warning("%.*s", length, line);
}

void reload_request(void *manager, struct service_call *call)
{
	struct manager *m = manager;
	_cleanup_free_ char *text = NULL;
	int error;

	if (m->stop_asked || m->reload) {
		m->reload_again |= !m->stop_asked && !call;
		if (call)
			service_call_fail(call, m->stop_asked ? ENODEV : EBUSY,
					  m->stop_asked ? "The daemon stops." : "Another reload is under way.");
		return;
	}
	error = prepare(m, &m->reload, &text);
	if (error < 0) {
		reject(m, call, -error, text ?: "out of memory");
		return;
	}
	for_each_line(text ?: "", log_warning_line);
	m->reload->call = call;
	m->reload_waits = true;
	manager_set_state(m, MANAGER_RELOADING);
	manager_begin(m);
	manager_settled(m);
}

void reload_applied(struct manager *m, struct config *config)
{
	struct timespec now;

	if (m->config != m->started)
		config_free(m->config);
	m->config = config;
	clock_gettime(CLOCK_REALTIME, &now);
	m->directory.config_serial++;
	m->directory.config_load_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	m->directory.config_files = config->files;
	remember(m, 0, NULL);
}

void reload_abort(struct manager *m)
{
	struct reload *r = TAKE_PTR(m->reload);

	m->reload_waits = false;
	if (!r)
		return;
	if (r->call)
		service_call_fail(r->call, ENODEV, "The daemon stops.");
	reload_free(r);
}

/* It is over, and what was asked for by a signal meanwhile begins. */
static void finish(struct manager *m, struct reload *r)
{
	bool again = m->reload_again;

	reload_free(r);
	manager_report(m);
	m->reload_again = false;
	if (again)
		reload_request(m, NULL);
}

void reload_end(struct manager *m)
{
	struct reload *r = TAKE_PTR(m->reload);

	log_notice("configuration %llu is in force", (unsigned long long)m->directory.config_serial);
	if (r->call)
		service_call_reply(r->call, 0, 0);
	finish(m, r);
}

/* The new beside the old. */
static int make(struct manager *m, struct reload *r)
{
	const struct config *c = r->config;
	int error = managed_set_init(&r->set, m, c);

	for (size_t i = 0; error >= 0 && i < c->n_spaces; i++)
		if (r->diff.spaces[i] == CONFIG_SAME || r->diff.spaces[i] == CONFIG_RETUNED)
			r->set.spaces[i] = managed_space(directory_find_space(&m->directory, c->spaces[i].name));
	for (size_t i = 0; error >= 0 && i < c->n_devices; i++)
		if (r->diff.devices[i] == CONFIG_SAME)
			r->set.devices[i] = managed_device(directory_device(&m->directory, c->devices[i].name));
	return error < 0 ? error : managed_set_make(&r->set);
}

static void refuse(struct manager *m, int error, const char *text)
{
	struct reload *r = TAKE_PTR(m->reload);

	reject(m, r->call, error, text);
	finish(m, r);
}

void reload_begin(struct manager *m)
{
	_cleanup_(config_diagnostics_free) struct config_diagnostics diagnostics = { 0 };
	_cleanup_free_ char *plan = NULL;
	int error;

	m->reload_waits = false;
	/* Again: something may have come over the bus while it waited. */
	error = check_transient(m, m->reload, &diagnostics);
	if (error == -EINVAL) {
		_cleanup_free_ char *text = config_diagnostics_text(&diagnostics);

		refuse(m, EINVAL, text ?: "out of memory");
		return;
	}
	if (error >= 0)
		error = make(m, m->reload);
	if (error < 0) {
		refuse(m, -error, error == -ENOSPC ? "there are too many devices and spaces at once; a restart makes room" :
						     "out of memory");
		return;
	}
	plan = make_plan(m, m->reload);
	for_each_line(plan ?: "", log_change);
	reload_apply(m);
}
