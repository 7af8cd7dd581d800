/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prefault, trim, flush: the memory of a space.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/units.h"

/* Where in a space; text and path are the caller's to free. */
struct place {
	const char *text;   /* as the user wrote it */
	const char *space;
	const char *region; /* "" = all */
	char *copy;
	char *path;
};

static void place_deinit(struct place *p)
{
	free(p->copy);
	free(p->path);
}

/* text: SPACE/REGION, or SPACE if that is allowed */
static enum ctl_exit parse_place(const char *verb, const char *text, bool whole, struct place *p)
{
	char *slash;

	p->text = text;
	p->copy = strdup(text);
	if (!p->copy)
		return client_no_memory();
	slash = strchr(p->copy, '/');
	if (slash ? !slash[1] : !whole)
		return client_usage(verb, "'%s' is not SPACE/REGION", text);
	if (slash)
		*slash = '\0';
	p->space = p->copy;
	p->region = slash ? slash + 1 : "";
	return CTL_OK;
}

/* (name, iova, length, ...) */
static enum ctl_exit length_of(sd_bus *bus, const struct place *p, uint64_t *ret)
{
	_cleanup_(variant_freep) struct variant *regions = NULL;
	enum ctl_exit e = client_get(bus, p->path, CLIENT_SPACE, "Regions", &regions);

	for (size_t i = 0; !e && i < variant_count(regions); i++) {
		if (strcmp(variant_string(variant_at(regions->items[i], 0)), p->region))
			continue;
		*ret = variant_number(variant_at(regions->items[i], 2));
		return CTL_OK;
	}
	return e ?: client_complain(CTL_NO_DEVICE, "%s: no such region (" CLIENT_NAME ".Error.NoSuchRegion)", p->text);
}

static void print_bytes(uint64_t bytes, const char *what)
{
	struct json j = JSON_INIT(stdout, ctl_options.json == CTL_JSON_PRETTY);
	char buffer[UNITS_MAX];

	if (!ctl_options.json) {
		printf("%s %s\n", units_size(buffer, bytes), what);
		return;
	}
	json_begin(&j, '{');
	json_key(&j, "Bytes");
	json_unsigned(&j, bytes);
	json_end(&j, '}');
}

static enum ctl_exit move(int argc, char **argv, const char *method, const char *what)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(place_deinit) struct place p = { 0 };
	_cleanup_(variant_freep) struct variant *bytes = NULL;
	enum ctl_exit e = args_read(&argc, argv, NULL, 1, 3);
	uint64_t offset = 0, length = 0;

	if (!e && argc == 3)
		e = client_usage(argv[0], "an offset wants a length");
	if (!e && argc == 4)
		e = args_size(argv[0], argv[2], &offset) ?: args_size(argv[0], argv[3], &length);
	e = e ?: parse_place(argv[0], argv[1], false, &p);
	e = e ?: client_open(&bus);
	e = e ?: client_find(bus, "GetSpace", p.space, &p.path);
	if (!e && argc == 2)
		e = length_of(bus, &p, &length);
	if (!e)
		e = client_ask(bus, &(struct client_call){ p.path, CLIENT_SPACE, method, p.text, true }, &bytes, "stt",
			       p.region, offset, length);
	if (!e)
		print_bytes(variant_number(bytes), what);
	return e;
}

int verb_prefault(int argc, char **argv)
{
	return move(argc, argv, "Prefault", "mapped");
}

int verb_trim(int argc, char **argv)
{
	return move(argc, argv, "Trim", "evicted");
}

int verb_flush(int argc, char **argv)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	_cleanup_(place_deinit) struct place p = { 0 };
	enum ctl_exit e = args_read(&argc, argv, NULL, 1, 1);
	struct client_call c = { NULL, CLIENT_SPACE, "Flush", argv[1], true };

	e = e ?: parse_place(argv[0], argv[1], true, &p);
	e = e ?: client_open(&bus);
	e = e ?: client_find(bus, "GetSpace", p.space, &p.path);
	c.path = p.path;
	return e ?: client_call(bus, &c, NULL, "s", p.region);
}
