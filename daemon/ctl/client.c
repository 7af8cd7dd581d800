/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table turns names of errors into exit codes; everything else about an error is the
 * daemon's own sentence. A member that the daemon does not have is told apart from one that
 * failed: that is what happens when an old daemon meets a new iopfctl.
 */
#include "ctl/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DBUS_ERROR "org.freedesktop.DBus.Error."
#define IOPFD_ERROR CLIENT_NAME ".Error."

enum ctl_exit client_complain(enum ctl_exit code, const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fputs("iopfctl: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return code;
}

enum ctl_exit client_usage(const char *verb, const char *format, ...)
{
	va_list list;

	fprintf(stderr, "iopfctl: %s: ", verb);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\nTry 'iopfctl %s --help'.\n", verb);
	return CTL_USAGE;
}

enum ctl_exit client_no_memory(void)
{
	return client_complain(CTL_FAILURE, "%s", strerror(ENOMEM));
}

#define OLD_DAEMON "the daemon does not know this (is it older than iopfctl?)"

static const struct error_kind {
	const char *name;
	enum ctl_exit code;
	const char *text; /* instead of the daemon's; NULL = the daemon's */
} error_kinds[] = {
	{ DBUS_ERROR "ServiceUnknown", CTL_NOT_RUNNING, "iopfd is not running" },
	{ DBUS_ERROR "NameHasNoOwner", CTL_NOT_RUNNING, "iopfd is not running" },
	{ DBUS_ERROR "AccessDenied", CTL_DENIED, NULL },
	{ DBUS_ERROR "InteractiveAuthorizationRequired", CTL_DENIED, NULL },
	{ DBUS_ERROR "UnknownMethod", CTL_NOT_SUPPORTED, OLD_DAEMON },
	{ DBUS_ERROR "UnknownInterface", CTL_NOT_SUPPORTED, OLD_DAEMON },
	{ DBUS_ERROR "UnknownProperty", CTL_NOT_SUPPORTED, OLD_DAEMON },
	{ DBUS_ERROR "NotSupported", CTL_NOT_SUPPORTED, NULL },
	{ IOPFD_ERROR "NoSuchDevice", CTL_NO_DEVICE, "no such device" },
	{ IOPFD_ERROR "NoSuchSpace", CTL_NO_DEVICE, "no such space" },
	{ IOPFD_ERROR "NoSuchRegion", CTL_NO_DEVICE, "no such region" },
	{ IOPFD_ERROR "NoPageRequest", CTL_NOT_SUPPORTED, NULL },
	{ IOPFD_ERROR "NoCharDevice", CTL_NOT_SUPPORTED, NULL },
	{ IOPFD_ERROR "KernelTooOld", CTL_NOT_SUPPORTED, NULL },
	{ IOPFD_ERROR "IommufdUnavailable", CTL_NOT_SUPPORTED, NULL },
};

static struct error_kind kind_of(const struct client_call *c, const sd_bus_error *error)
{
	struct error_kind kind = { error->name, CTL_FAILURE, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(error_kinds); i++) {
		if (!sd_bus_error_has_name(error, error_kinds[i].name))
			continue;
		kind = error_kinds[i];
		/* What is missing is the subject itself, or something that the daemon names. */
		if (kind.code == CTL_NO_DEVICE && c->member && strncmp(c->member, "Get", 3) != 0)
			kind.text = NULL;
		return kind;
	}
	if (sd_bus_error_has_name(error, DBUS_ERROR "UnknownObject")) {
		/* It was there when its path was asked for. */
		bool gone = c->path && !strncmp(c->path, CLIENT_PATH "/", strlen(CLIENT_PATH "/"));

		kind.code = gone ? CTL_NO_DEVICE : CTL_NOT_SUPPORTED;
		kind.text = gone ? "it is gone" : OLD_DAEMON;
	}
	return kind;
}

/* The policy of the bus, not the daemon, which says it better; of dbus-daemon or dbus-broker. */
static bool is_refused_by_bus(const sd_bus_error *error)
{
	const char *text = error->message ?: "";

	return sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) &&
	       (!strncmp(text, "Rejected send message", 21) || !strncmp(text, "Sender is not authorized", 24));
}

static bool is_lost(int r)
{
	return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ECONNREFUSED || r == -ENOENT ||
	       r == -ESHUTDOWN;
}

enum ctl_exit client_failed(const struct client_call *c, const sd_bus_error *error, int r)
{
	const char *subject = c->subject ?: c->member, *text;
	size_t n = strlen(subject);
	struct error_kind kind;

	/* What fails here and not there has a name of System.Error or none. */
	if (is_lost(r) && (!sd_bus_error_is_set(error) || !strncmp(error->name, "System.Error.", 13)))
		return client_complain(CTL_NOT_RUNNING, "%s: the connection to %s is lost: %s", subject,
				       ctl_options.host ?: "the bus", strerror(-r));
	if (!sd_bus_error_is_set(error))
		return client_complain(CTL_FAILURE, "%s: %s", subject, strerror(-r));
	kind = kind_of(c, error);
	if (kind.code == CTL_NOT_RUNNING)
		return client_complain(kind.code, "%s (%s)", kind.text, error->name);
	if (is_refused_by_bus(error))
		kind.text = "only root, the daemon's user and the group iopfd may do that";
	text = kind.text ?: error->message ?: strerror(-r);
	/* Some sentences of the daemon begin with the device. */
	if (!strncmp(text, subject, n) && !strncmp(text + n, ": ", 2))
		text += n + 2;
	return client_complain(kind.code, "%s: %s (%s)", subject, text, error->name);
}

static int open_address(const char *address, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r = strchr(address, ':') ? sd_bus_new(&bus) : -EINVAL;

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		*ret = TAKE_PTR(bus);
	return r;
}

enum ctl_exit client_open(sd_bus **ret)
{
	const char *bus = ctl_options.bus ?: "system";
	int r;

	if (ctl_options.host)
		r = sd_bus_open_system_remote(ret, ctl_options.host);
	else if (!strcmp(bus, "system"))
		r = sd_bus_open_system(ret);
	else if (!strcmp(bus, "session"))
		r = sd_bus_open_user(ret);
	else
		r = open_address(bus, ret);
	if (r >= 0)
		return CTL_OK;
	if (r == -EINVAL && ctl_options.bus)
		return client_complain(CTL_USAGE, "--bus=%s: neither system, session, nor an address such as "
						  "unix:path=/run/bus", bus);
	return client_complain(r == -EACCES || r == -EPERM ? CTL_DENIED : CTL_NOT_RUNNING, "cannot connect to %s%s: %s",
			       ctl_options.host ?: bus, ctl_options.host || strchr(bus, ':') ? "" : " bus", strerror(-r));
}

enum ctl_exit client_message(sd_bus *bus, const struct client_call *c, sd_bus_message **ret)
{
	int r = sd_bus_message_new_method_call(bus, ret, CLIENT_NAME, c->path ?: CLIENT_PATH, c->interface, c->member);

	/* A call must not start the daemon: it takes devices. */
	if (r >= 0)
		r = sd_bus_message_set_auto_start(*ret, false);
	return r < 0 ? client_complain(CTL_FAILURE, "%s: %s", c->member, strerror(-r)) : CTL_OK;
}

enum ctl_exit client_send(sd_bus *bus, const struct client_call *c, sd_bus_message *m, sd_bus_message **ret_reply)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, m, c->takes_time ? UINT64_MAX : 0, &error, ret_reply);

	return r < 0 ? client_failed(c, &error, r) : CTL_OK;
}

static enum ctl_exit call_list(sd_bus *bus, const struct client_call *c, sd_bus_message **ret_reply, const char *types,
			       va_list list)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	enum ctl_exit e = client_message(bus, c, &m);
	int r;

	if (e)
		return e;
	r = types ? sd_bus_message_appendv(m, types, list) : 0;
	return r < 0 ? client_complain(CTL_FAILURE, "%s: %s", c->member, strerror(-r)) :
		       client_send(bus, c, m, ret_reply);
}

enum ctl_exit client_call(sd_bus *bus, const struct client_call *c, sd_bus_message **ret_reply, const char *types, ...)
{
	enum ctl_exit e;
	va_list list;

	va_start(list, types);
	e = call_list(bus, c, ret_reply, types, list);
	va_end(list);
	return e;
}

enum ctl_exit client_ask(sd_bus *bus, const struct client_call *c, struct variant **ret, const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum ctl_exit e;
	va_list list;
	int r;

	va_start(list, types);
	e = call_list(bus, c, &reply, types, list);
	va_end(list);
	if (e)
		return e;
	r = variant_read(reply, ret);
	if (r < 0)
		e = client_complain(CTL_FAILURE, "%s: the reply makes no sense: %s", c->member, strerror(-r));
	return e;
}

int client_try(sd_bus *bus, const struct client_call *c, struct variant **ret, sd_bus_error *ret_error,
	       const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	va_list list;
	int r;

	va_start(list, types);
	r = sd_bus_call_methodv(bus, CLIENT_NAME, c->path ?: CLIENT_PATH, c->interface, c->member, ret_error, &reply,
				types, list);
	va_end(list);
	return r < 0 ? r : variant_read(reply, ret);
}

enum ctl_exit client_get_all(sd_bus *bus, const char *path, const char *interface, struct variant **ret)
{
	const struct client_call c = { path, "org.freedesktop.DBus.Properties", "GetAll", interface, false };

	return client_ask(bus, &c, ret, "s", interface);
}

enum ctl_exit client_get(sd_bus *bus, const char *path, const char *interface, const char *name, struct variant **ret)
{
	const struct client_call c = { path, "org.freedesktop.DBus.Properties", "Get", name, false };

	return client_ask(bus, &c, ret, "ss", interface, name);
}

enum ctl_exit client_objects(sd_bus *bus, struct variant **ret)
{
	const struct client_call c = { NULL, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, false };

	return client_ask(bus, &c, ret, NULL);
}

enum ctl_exit client_find(sd_bus *bus, const char *method, const char *name, char **ret_path)
{
	const struct client_call c = { NULL, CLIENT_MANAGER, method, name, false };
	_cleanup_(variant_freep) struct variant *path = NULL;
	enum ctl_exit e = client_ask(bus, &c, &path, "s", name);

	if (e)
		return e;
	*ret_path = strdup(variant_string(path));
	return *ret_path ? CTL_OK : client_no_memory();
}
