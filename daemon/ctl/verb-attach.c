/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attach: a configured device again, or a new one whose options are those of a configuration
 * file, written on the command line. They are passed on as text, unread: the daemon knows the
 * keys. Only memory and device files are opened here, with the rights of the user.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/units.h"

#define MAX_REGIONS 256

struct attach {
	const char *name;
	const char *address;
	char **settings; /* "key=value" */
	int n_settings;
	const char *device_file;
	const char *regions[MAX_REGIONS];
	size_t n_regions;
	char *fd_file; /* the one that could not be opened */
};

static void attach_deinit(struct attach *a)
{
	free(a->fd_file);
}

static enum ctl_exit add_region(void *userdata, const char *value)
{
	struct attach *a = userdata;

	if (a->n_regions == MAX_REGIONS)
		return client_usage("attach", "too many regions");
	a->regions[a->n_regions++] = value;
	return CTL_OK;
}

static bool same_key(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && !strncmp(a, b, n);
}

/* A key that may come several times is a list, whose items stay in order. */
static int append_list(sd_bus_message *m, char *const *settings, int n, int first)
{
	int r = sd_bus_message_open_container(m, 'v', "as");

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (int i = first; i < n && r >= 0; i++)
		if (same_key(settings[i], settings[first]))
			r = sd_bus_message_append(m, "s", strchr(settings[i], '=') + 1);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* {sv} of the first of its key; the others are in it. */
static int append_setting(sd_bus_message *m, char *const *settings, int n, int at)
{
	_cleanup_free_ char *key = strndup(settings[at], strcspn(settings[at], "="));
	bool repeated = !strncmp(settings[at], "pasid=", 6);
	int r;

	if (!key)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (i < at && same_key(settings[i], settings[at]))
			return 0;
		repeated = repeated || (i > at && same_key(settings[i], settings[at]));
	}
	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", key);
	if (r >= 0)
		r = repeated ? append_list(m, settings, n, at) :
			       sd_bus_message_append(m, "v", "s", strchr(settings[at], '=') + 1);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* fd=FILE, or the number of a descriptor that we were given. */
static int append_fd(struct attach *a, sd_bus_message *m, const char *value)
{
	_cleanup_close_ int opened = -1;
	uint64_t number;
	int fd, r;

	if (units_parse_number(value, &number) >= 0 && number <= INT_MAX) {
		fd = (int)number;
	} else {
		fd = opened = open(value, O_RDWR | O_CLOEXEC | O_NOCTTY);
		r = -errno;
		if (opened < 0) {
			a->fd_file = strdup(value);
			return r;
		}
	}
	return sd_bus_message_append(m, "{sv}", "fd", "h", fd); /* it is duplicated */
}

/* "NAME,KEY=VALUE,..." as (sa{sv}) */
static int append_region(struct attach *a, sd_bus_message *m, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *name, *setting, *value;
	int r;

	if (!copy)
		return -ENOMEM;
	name = strsep(&rest, ",");
	r = sd_bus_message_open_container(m, 'r', "sa{sv}");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	while (r >= 0 && (setting = strsep(&rest, ","))) {
		value = strchr(setting, '=');
		*value++ = '\0';
		r = strcmp(setting, "fd") ? sd_bus_message_append(m, "{sv}", setting, "s", value) :
					    append_fd(a, m, value);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_regions(struct attach *a, sd_bus_message *m)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", "regions");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "a(sa{sv})");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sa{sv})");
	for (size_t i = 0; i < a->n_regions && r >= 0; i++)
		r = append_region(a, m, a->regions[i]);
	for (int i = 0; i < 3 && r >= 0; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

static int append_options(struct attach *a, sd_bus_message *m)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0 && a->address)
		r = sd_bus_message_append(m, "{sv}", "address", "s", a->address);
	for (int i = 0; i < a->n_settings && r >= 0; i++)
		r = append_setting(m, a->settings, a->n_settings, i);
	if (r >= 0 && a->n_regions)
		r = append_regions(a, m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Name and, if there is one, the opened node; then the options. */
static int append_all(struct attach *a, sd_bus_message *m)
{
	_cleanup_close_ int fd = -1;
	int r = sd_bus_message_append(m, "s", a->name);

	if (r >= 0 && a->device_file) {
		fd = open(a->device_file, O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (fd < 0) {
			r = -errno;
			a->fd_file = strdup(a->device_file);
			return r;
		}
		r = sd_bus_message_append(m, "h", fd);
	}
	return r < 0 ? r : append_options(a, m);
}

static enum ctl_exit print_path(sd_bus_message *reply)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	const char *path;

	if (sd_bus_message_read(reply, "o", &path) < 0)
		return client_complain(CTL_FAILURE, "AttachDevice: the reply makes no sense");
	if (!ctl_options.json)
		return CTL_OK;
	json_begin(&j, '{');
	json_key(&j, "Path");
	json_string(&j, path);
	json_end(&j, '}');
	return CTL_OK;
}

static enum ctl_exit attach(struct attach *a)
{
	const char *method = a->device_file ? "AttachDeviceFd" : "AttachDevice";
	const struct client_call c = { NULL, CLIENT_MANAGER, method, a->name, true };
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	enum ctl_exit e = client_open(&bus);
	int r;

	e = e ?: client_message(bus, &c, &m);
	if (e)
		return e;
	r = append_all(a, m);
	if (r < 0)
		return client_complain(r == -EACCES || r == -EPERM ? CTL_DENIED : CTL_FAILURE, "%s: %s",
				       a->fd_file ?: a->name, strerror(-r));
	e = client_send(bus, &c, m, &reply);
	return e ?: print_path(reply);
}

/* "NAME" and, behind each comma, "KEY=VALUE" */
static enum ctl_exit check_region(const char *text)
{
	const char *comma = text + strcspn(text, ",");

	if (comma == text || memchr(text, '=', (size_t)(comma - text)))
		return client_usage("attach", "--region=%s: the name comes first", text);
	for (; *comma; comma += 1 + strcspn(comma + 1, ","))
		if (comma[1 + strcspn(comma + 1, ",=")] != '=')
			return client_usage("attach", "--region=%s: not NAME,KEY=VALUE,...", text);
	return CTL_OK;
}

int verb_attach(int argc, char **argv)
{
	_cleanup_(attach_deinit) struct attach a = { 0 };
	const struct args_option options[] = {
		{ .name = "--region", .each = add_region, .userdata = &a },
		{ .name = "--device-file", .value = &a.device_file },
		{ 0 },
	};
	enum ctl_exit e = args_read(&argc, argv, options, 1, -1);
	int first = 2;

	if (e)
		return e;
	a.name = argv[1];
	/* An address may have '=' in it: sim:count=10. */
	if (argc > 2 && (!strchr(argv[2], '=') || strcspn(argv[2], ":") < strcspn(argv[2], "=")))
		a.address = argv[first++];
	a.settings = argv + first;
	a.n_settings = argc - first;
	for (int i = 0; i < a.n_settings && !e; i++)
		if (!strchr(a.settings[i], '=') || *a.settings[i] == '=')
			e = client_usage(argv[0], "'%s' is not KEY=VALUE", a.settings[i]);
	for (size_t i = 0; i < a.n_regions && !e; i++)
		e = check_region(a.regions[i]);
	if (!e && a.address && a.device_file)
		e = client_usage(argv[0], "an address and --device-file exclude each other");
	return e ?: attach(&a);
}
