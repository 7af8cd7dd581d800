/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define NAME "org.iopfd1"
#define TIMEOUT_USEC 10000000

struct client {
	sd_bus *bus;
	sd_bus_error error;
};

int client_new(const char *address, struct client **ret)
{
	_cleanup_(client_freep) struct client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->error = SD_BUS_ERROR_NULL;
	r = sd_bus_new(&c->bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(c->bus, address);
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(c->bus, 1);
	if (r < 0)
		return r;
	r = sd_bus_set_method_call_timeout(c->bus, TIMEOUT_USEC);
	if (r < 0)
		return r;
	r = sd_bus_start(c->bus);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	sd_bus_error_free(&c->error);
	sd_bus_flush_close_unref(c->bus);
	free(c);
	return NULL;
}

sd_bus *client_bus(struct client *c)
{
	return c->bus;
}

const char *client_error(const struct client *c)
{
	return c->error.message ? c->error.message : "no answer";
}

static void object_path(const char *object, char path[static 128])
{
	snprintf(path, 128, "/org/iopfd1%s%s", *object ? "/" : "", object);
}

static const char *object_interface(const char *object)
{
	if (!strncmp(object, "device/", 7))
		return NAME ".Device";
	if (!strncmp(object, "space/", 6))
		return NAME ".Space";
	return NAME ".Manager";
}

/* The message owns what it carries; a caller that keeps a fd needs its own. */
static int take_fd(sd_bus_message *m, int *ret_fd)
{
	int fd, r;

	r = sd_bus_message_read(m, "h", &fd);
	if (r < 0)
		return r;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int client_open_device(struct client *c, const char *device, int *ret_fd)
{
	sd_bus_message *m = NULL;
	char object[64], path[128];
	int r;

	snprintf(object, sizeof(object), "device/%s", device);
	object_path(object, path);
	sd_bus_error_free(&c->error);
	r = sd_bus_call_method(c->bus, NAME, path, NAME ".Device", "OpenDevice", &c->error, &m, "");
	if (r >= 0)
		r = take_fd(m, ret_fd);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

int client_open_memory(struct client *c, const char *space, const char *region, int *ret_fd, uint64_t *ret_offset,
		       uint64_t *ret_length)
{
	sd_bus_message *m = NULL;
	char object[64], path[128];
	int r;

	snprintf(object, sizeof(object), "space/%s", space);
	object_path(object, path);
	sd_bus_error_free(&c->error);
	r = sd_bus_call_method(c->bus, NAME, path, NAME ".Space", "OpenMemory", &c->error, &m, "s", region);
	if (r >= 0)
		r = take_fd(m, ret_fd);
	if (r >= 0)
		r = sd_bus_message_read(m, "tt", ret_offset, ret_length);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

int client_string(struct client *c, const char *object, const char *property, char **ret)
{
	char path[128];

	object_path(object, path);
	sd_bus_error_free(&c->error);
	return sd_bus_get_property_string(c->bus, NAME, path, object_interface(object), property, &c->error, ret);
}

static int find_pair(sd_bus_message *m, const char *name, uint64_t *ret)
{
	const char *key;
	uint64_t value;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{st}");
	while (r >= 0 && (r = sd_bus_message_read(m, "{st}", &key, &value)) > 0)
		if (!strcmp(key, name)) {
			*ret = value;
			return 0;
		}
	return r < 0 ? r : -ENOENT;
}

int client_engine_counter(struct client *c, const char *device, const char *name, uint64_t *ret)
{
	char object[64], path[128];
	sd_bus_message *m = NULL;
	int r;

	snprintf(object, sizeof(object), "device/%s", device);
	object_path(object, path);
	sd_bus_error_free(&c->error);
	r = sd_bus_get_property(c->bus, NAME, path, NAME ".Device", "EngineCounters", &c->error, &m, "a{st}");
	if (r >= 0)
		r = find_pair(m, name, ret);
	sd_bus_message_unref(m);
	return r;
}

int client_last_error(struct client *c, const char *device, char **ret_name, char **ret_text)
{
	_cleanup_free_ char *name = NULL, *text = NULL;
	sd_bus_message *m = NULL;
	const char *a, *b;
	char object[64], path[128];
	int r;

	snprintf(object, sizeof(object), "device/%s", device);
	object_path(object, path);
	sd_bus_error_free(&c->error);
	r = sd_bus_get_property(c->bus, NAME, path, NAME ".Device", "LastError", &c->error, &m, "(ss)");
	if (r >= 0)
		r = sd_bus_message_read(m, "(ss)", &a, &b);
	if (r >= 0) {
		name = strdup(a);
		text = strdup(b);
	}
	sd_bus_message_unref(m);
	if (r < 0)
		return r;
	if (!name || !text)
		return -ENOMEM;
	*ret_name = TAKE_PTR(name);
	*ret_text = TAKE_PTR(text);
	return 0;
}

/* The value inside the variant that the message stands at. 0: it was no unsigned number
 * and is skipped. */
static int read_unsigned(sd_bus_message *m, uint64_t *ret)
{
	const char *contents;
	uint32_t small = 0;
	int r;

	r = sd_bus_message_peek_type(m, NULL, &contents);
	if (r < 0)
		return r;
	if (!strcmp(contents, "t")) {
		r = sd_bus_message_read(m, "v", "t", ret);
	} else if (!strcmp(contents, "u") || !strcmp(contents, "b")) {
		r = sd_bus_message_read(m, "v", contents, &small);
		*ret = small;
	} else {
		r = sd_bus_message_skip(m, "v");
		return r < 0 ? r : 0;
	}
	return r < 0 ? r : 1;
}

int client_number(struct client *c, const char *object, const char *property, uint64_t *ret)
{
	sd_bus_message *m = NULL;
	char path[128];
	int r;

	object_path(object, path);
	sd_bus_error_free(&c->error);
	r = sd_bus_call_method(c->bus, NAME, path, "org.freedesktop.DBus.Properties", "Get", &c->error, &m, "ss",
			       object_interface(object), property);
	if (r >= 0)
		r = read_unsigned(m, ret);
	sd_bus_message_unref(m);
	if (r < 0)
		return r;
	return r ? 0 : -EINVAL;
}

static int read_statistics(sd_bus_message *m, struct client_statistics *ret)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	ret->n_items = 0;
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		uint64_t value;
		const char *name;

		r = sd_bus_message_read(m, "s", &name);
		if (r < 0)
			break;
		r = read_unsigned(m, &value);
		if (r > 0) {
			if (ret->n_items == sizeof(ret->items) / sizeof(ret->items[0]))
				return -ENOBUFS;
			snprintf(ret->items[ret->n_items].name, sizeof(ret->items[0].name), "%s", name);
			ret->items[ret->n_items++].value = value;
		}
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : 0;
}

int client_statistics(struct client *c, const char *object, struct client_statistics *ret)
{
	sd_bus_message *m = NULL;
	char path[128];
	int r;

	object_path(object, path);
	sd_bus_error_free(&c->error);
	r = sd_bus_call_method(c->bus, NAME, path, "org.freedesktop.DBus.Properties", "GetAll", &c->error, &m, "s",
			       NAME ".Statistics");
	if (r >= 0)
		r = read_statistics(m, ret);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

const uint64_t *client_counter(const struct client_statistics *s, const char *name)
{
	for (size_t i = 0; i < s->n_items; i++)
		if (!strcmp(s->items[i].name, name))
			return &s->items[i].value;
	return NULL;
}
