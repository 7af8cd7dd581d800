/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of objects: which paths exist and which interfaces they have. Nothing is added
 * or removed when devices come and go: sd-bus asks the find functions, and they ask the
 * directory.
 */
#include "control/service-members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

char *service_path(const char *prefix, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", prefix, name) < 0 ? NULL : path;
}

static const char *name_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) || path[n] != '/' ? "" : path + n + 1;
}

struct device_entry *service_device_at(const struct service *s, const char *path)
{
	return directory_device(s->directory, name_below(path, SERVICE_DEVICE_PREFIX));
}

struct space_entry *service_space_at(const struct service *s, const char *path)
{
	return directory_find_space(s->directory, name_below(path, SERVICE_SPACE_PREFIX));
}

int service_reply_array(const struct service *s, sd_bus_message *m, const char *types,
			int (*append)(sd_bus_message *reply, const struct service *s, const void *userdata),
			const void *userdata)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(m, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', types);
	if (r >= 0)
		r = append(reply, s, userdata);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

struct service *service_current(sd_bus *bus)
{
	return sd_bus_slot_get_userdata(sd_bus_get_current_slot(bus));
}

static SERVICE_FIND(find_manager)
{
	*ret_found = userdata;
	return !strcmp(path, SERVICE_PATH);
}

static SERVICE_FIND(find_device)
{
	*ret_found = service_device_at(userdata, path);
	return *ret_found ? 1 : 0;
}

static SERVICE_FIND(find_space)
{
	*ret_found = service_space_at(userdata, path);
	return *ret_found ? 1 : 0;
}

/* A NULL-terminated array of paths on the heap that fills itself up. */
struct paths {
	char **items;
	size_t n;
};

static void paths_free(struct paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->items[i]);
	free(p->items);
}

static int paths_add(struct paths *p, const char *prefix, const char *name)
{
	char **items = reallocarray(p->items, p->n + 2, sizeof(*items));

	if (!items)
		return -ENOMEM;
	p->items = items;
	items[p->n + 1] = NULL;
	items[p->n] = service_path(prefix, name);
	return items[p->n++] ? 0 : -ENOMEM;
}

/* prefix: below which sd-bus wants to know, which may be above both kinds; it leaves out what
 * is not below itself. */
static int enumerate(sd_bus *bus SERVICE_UNUSED, const char *prefix SERVICE_UNUSED, void *userdata, char ***ret_nodes,
		     sd_bus_error *ret_error SERVICE_UNUSED)
{
	_cleanup_(paths_free) struct paths paths = { 0 };
	const struct directory *d = ((const struct service *)userdata)->directory;
	const struct device_entry *device;
	const struct space_entry *space;
	int r = 0;

	TAILQ_FOREACH(device, &d->devices, link)
		r = r < 0 ? r : paths_add(&paths, SERVICE_DEVICE_PREFIX, device->name);
	TAILQ_FOREACH(space, &d->spaces, link)
		r = r < 0 ? r : paths_add(&paths, SERVICE_SPACE_PREFIX, space->name);
	if (r < 0)
		return r;
	*ret_nodes = TAKE_PTR(paths.items);
	paths.n = 0;
	return 0;
}

static const struct {
	const char *prefix;
	const char *interface;
	const sd_bus_vtable *vtable;
	sd_bus_object_find_t find;
} tables[] = {
	{ SERVICE_PATH, SERVICE_MANAGER_INTERFACE, service_manager_vtable, find_manager },
	{ SERVICE_PATH, SERVICE_STATISTICS_INTERFACE, service_statistics_vtable, service_statistics_total },
	{ SERVICE_DEVICE_PREFIX, SERVICE_DEVICE_INTERFACE, service_device_vtable, find_device },
	{ SERVICE_DEVICE_PREFIX, SERVICE_STATISTICS_INTERFACE, service_statistics_vtable, service_statistics_device },
	{ SERVICE_SPACE_PREFIX, SERVICE_SPACE_INTERFACE, service_space_vtable, find_space },
	{ SERVICE_SPACE_PREFIX, SERVICE_STATISTICS_INTERFACE, service_statistics_vtable, service_statistics_space },
};

int service_objects_add(struct service *s)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && r >= 0; i++)
		r = sd_bus_add_fallback_vtable(s->bus, NULL, tables[i].prefix, tables[i].interface, tables[i].vtable,
					       tables[i].find, s);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(s->bus, NULL, SERVICE_DEVICE_PREFIX, enumerate, s);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(s->bus, NULL, SERVICE_SPACE_PREFIX, enumerate, s);
	if (r >= 0)
		r = sd_bus_add_object(s->bus, NULL, SERVICE_LOG_PATH, service_log_on_message, s);
	if (r >= 0)
		r = sd_bus_add_object_vtable(s->bus, NULL, SERVICE_LOG_PATH, SERVICE_LOG_INTERFACE, service_log_vtable, s);
	if (r >= 0)
		r = sd_bus_add_object_manager(s->bus, NULL, SERVICE_PATH);
	return r < 0 ? r : 0;
}
