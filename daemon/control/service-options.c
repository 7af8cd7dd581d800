/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A section may be opened any number of times, so the text simply follows the options: what
 * belongs to the device's space or a region opens that section and then the device's again.
 * Which keys there are, and their values, the parser of the configuration knows.
 */
#include "control/service-options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "config/value.h"
#include "control/service-error.h"

#define KEY_MAX 64
#define TEXT_MAX (64u << 10)

struct options {
	const char *device;
	FILE *out;
	unsigned n;
	bool with_address;
	bool has_space;     /* names one that exists */
	bool has_own_space; /* says something about a new one */
};

static bool is_key(const char *key)
{
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n && n <= KEY_MAX && !key[n];
}

/* What would end the line or steer a terminal, or what the parser takes away: blanks around
 * the value, and a comment. */
static bool is_value(const char *value)
{
	size_t n = strlen(value);

	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return false;
	return value[0] != ' ' && value[0] != ';' && (!n || value[n - 1] != ' ') && !strstr(value, " ;");
}

static int write_text(struct options *o, const char *key, const char *value, sd_bus_error *ret_error)
{
	if (!is_value(value))
		return service_invalid_args(ret_error, "Option %s: the value has control characters, blanks around it, "
						       "or a ';' that would begin a comment.", key);
	fprintf(o->out, "%s = %s\n", key, value);
	return 0;
}

static int write_string(struct options *o, sd_bus_message *m, const char *key, sd_bus_error *ret_error)
{
	const char *value;
	int r = sd_bus_message_read(m, "s", &value);

	return r < 0 ? r : write_text(o, key, value, ret_error);
}

static int write_list(struct options *o, sd_bus_message *m, const char *key, sd_bus_error *ret_error)
{
	const char *value;
	int r = sd_bus_message_enter_container(m, 'a', "s");

	while (r >= 0 && (r = sd_bus_message_read(m, "s", &value)) > 0)
		r = write_text(o, key, value, ret_error);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int write_number(struct options *o, sd_bus_message *m, const char *key, char type)
{
	union {
		uint64_t t;
		uint32_t u;
		int fd;
		int b;
	} value;
	int r = sd_bus_message_read_basic(m, type, &value);

	if (r < 0)
		return r;
	if (type == 't')
		fprintf(o->out, "%s = %" PRIu64 "\n", key, value.t);
	else if (type == 'u')
		fprintf(o->out, "%s = %" PRIu32 "\n", key, value.u);
	else if (type == 'h')
		fprintf(o->out, "%s = %d\n", key, value.fd);
	else
		fprintf(o->out, "%s = %s\n", key, value.b ? "yes" : "no");
	return 0;
}

/* One line, or several of a list. m stands at the variant. */
static int write_key(struct options *o, sd_bus_message *m, const char *key, bool may_be_fd, sd_bus_error *ret_error)
{
	const char *type;
	int r;

	if (!is_key(key))
		return service_invalid_args(ret_error, "An option has no name that a key can have.");
	r = sd_bus_message_peek_type(m, NULL, &type);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'v', type);
	if (r < 0)
		return r;
	if (!strcmp(type, "s"))
		r = write_string(o, m, key, ret_error);
	else if (!strcmp(type, "as"))
		r = write_list(o, m, key, ret_error);
	else if (!strcmp(type, "t") || !strcmp(type, "u") || !strcmp(type, "b") || (may_be_fd && !strcmp(type, "h")))
		r = write_number(o, m, key, *type);
	else
		return service_invalid_args(ret_error, "Option %s has type %s, expected s, t, u, b or as%s.", key, type,
					    may_be_fd ? ", or h" : "");
	if (r >= 0 && ftello(o->out) > (off_t)TEXT_MAX)
		return sd_bus_error_setf(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED, "The options are longer than %u bytes.",
					 TEXT_MAX);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int write_region(struct options *o, sd_bus_message *m, sd_bus_error *ret_error)
{
	const char *name, *key;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	if (!value_is_name(name))
		return service_invalid_args(ret_error, "A region's name is 1 to 32 of letters, digits and _.");
	fprintf(o->out, "[region %s/%s]\n", o->device, name);
	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r >= 0)
			r = write_key(o, m, key, !strcmp(key, "fd"), ret_error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int write_regions(struct options *o, sd_bus_message *m, sd_bus_error *ret_error)
{
	const char *type;
	int r = sd_bus_message_peek_type(m, NULL, &type);

	if (r >= 0 && strcmp(type, "a(sa{sv})") != 0)
		return service_invalid_args(ret_error, "Option regions has type %s, expected a(sa{sv}).", type);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'v', "a(sa{sv})");
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sa{sv}")) > 0) {
		r = write_region(o, m, ret_error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int write_option(struct options *o, sd_bus_message *m, sd_bus_error *ret_error)
{
	const char *key;
	bool of_space, is_regions;
	int r = sd_bus_message_read(m, "s", &key);

	if (r < 0)
		return r;
	if (!strcmp(key, "address") && !o->with_address)
		return service_invalid_args(ret_error, "The device is given, it takes no address.");
	of_space = !strcmp(key, "budget") || !strcmp(key, "numa-node");
	is_regions = !strcmp(key, "regions");
	o->n++;
	o->has_space |= !strcmp(key, "space");
	o->has_own_space |= of_space || is_regions;
	if (of_space)
		fprintf(o->out, "[space %s]\n", o->device);
	r = is_regions ? write_regions(o, m, ret_error) : write_key(o, m, key, false, ret_error);
	if (of_space || is_regions)
		fprintf(o->out, "[device %s]\n", o->device);
	return r;
}

static int write_options(struct options *o, sd_bus_message *m, sd_bus_error *ret_error)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	fprintf(o->out, "[device %s]\n", o->device);
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = write_option(o, m, ret_error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r >= 0 && o->has_space && o->has_own_space)
		return service_invalid_args(ret_error, "A device that uses an existing space brings no regions, budget or "
						       "numa-node.");
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int service_options_read(sd_bus_message *m, const char *device, bool with_address, char **ret_text,
			 sd_bus_error *ret_error)
{
	struct options o = { .device = device, .with_address = with_address };
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (!value_is_name(device))
		return service_invalid_args(ret_error, "A device's name is 1 to 32 of letters, digits and _.");
	o.out = open_memstream(&text, &size);
	if (!o.out)
		return -ENOMEM;
	r = write_options(&o, m, ret_error);
	if (fclose(o.out) < 0 && r >= 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_text = o.n ? TAKE_PTR(text) : NULL;
	return 0;
}
