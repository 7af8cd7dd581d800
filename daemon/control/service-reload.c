/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration as it is in the files: applied, compared, checked.
 */
#include "control/service-call.h"

#include <errno.h>
#include <stdio.h>

#include "control/service-error.h"
#include "control/service-members.h"

static int reload_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	struct service_call *c;
	int r;

	if (!s->hooks.on_reload)
		return service_not_supported(ret_error);
	r = service_call_new(s, m, SERVICE_REPLY_NOTHING, &c, ret_error);
	if (r < 0)
		return r;
	s->hooks.on_reload(s->hooks.userdata, c);
	return 1;
}

SERVICE_ADMIN_HANDLER(service_reload, reload_allowed)

SERVICE_HANDLER(service_plan_reload)
{
	const struct service *s = userdata;
	_cleanup_free_ char *plan = NULL, *why = NULL;
	int r;

	if (!s->hooks.on_plan)
		return service_not_supported(ret_error);
	r = s->hooks.on_plan(s->hooks.userdata, &plan, &why);
	if (r == -EINVAL)
		return sd_bus_error_set(ret_error, SERVICE_ERROR_CONFIG_INVALID, why);
	return r < 0 ? r : sd_bus_reply_method_return(m, "s", plan);
}

static int append_diagnostic(sd_bus_message *reply, const struct config_diagnostic *d)
{
	_cleanup_free_ char *where = NULL;
	const char *blank = *d->section && *d->key ? " " : "";

	if (asprintf(&where, *d->section ? "[%s]%s%s" : "%s%s%s", d->section, blank, d->key) < 0) {
		where = NULL;
		return -ENOMEM;
	}
	return sd_bus_message_append(reply, "(susss)", d->file, d->line,
				     d->severity == CONFIG_ERROR ? "error" : "warning", where, d->message);
}

static int append_diagnostics(sd_bus_message *reply, const struct service *s, const void *userdata)
{
	const struct config_diagnostics *d = userdata;
	int r = 0;

	(void)s;
	for (size_t i = 0; i < d->n_items && r >= 0; i++)
		r = append_diagnostic(reply, &d->items[i]);
	return r;
}

SERVICE_HANDLER(service_check_configuration)
{
	const struct service *s = userdata;
	struct config_diagnostics diagnostics = { 0 };
	int r;

	if (!s->hooks.on_check)
		return service_not_supported(ret_error);
	r = s->hooks.on_check(s->hooks.userdata, &diagnostics);
	if (r >= 0)
		r = service_reply_array(s, m, "(susss)", append_diagnostics, &diagnostics);
	config_diagnostics_free(&diagnostics);
	return r;
}
