/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What does not go through the bus itself: the caller gets a descriptor to read from.
 */
#include "control/service-members.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "control/service-error.h"
#include "fault/stats-page.h"

SERVICE_HANDLER(service_open_statistics)
{
	const struct service *s = userdata;
	_cleanup_close_ int fd = -1;
	uint64_t size;

	if (!s->directory->page)
		return service_not_supported(ret_error);
	fd = stats_page_open(s->directory->page, &size);
	if (fd == -EOPNOTSUPP)
		return sd_bus_error_set(ret_error, SD_BUS_ERROR_NOT_SUPPORTED,
					"The counters are in no file: the limit of file sizes (LimitFSIZE=) forbade it.");
	return fd < 0 ? fd : sd_bus_reply_method_return(m, "htu", fd, size, STATS_PAGE_VERSION);
}

struct filter {
	const struct device_entry *device;
	const struct space_entry *space;
	bool invalid_only;
};

/* m stands at the variant; *ret is read with this type. */
static int read_value(sd_bus_message *m, const char *key, const char *type, void *ret, sd_bus_error *ret_error)
{
	const char *given;
	int r = sd_bus_message_peek_type(m, NULL, &given);

	if (r >= 0 && strcmp(given, type) != 0)
		return service_invalid_args(ret_error, "Filter %s has type %s, expected %s.", key, given, type);
	return r < 0 ? r : sd_bus_message_read(m, "v", type, ret);
}

static int read_filter(const struct directory *d, sd_bus_message *m, struct filter *f, sd_bus_error *ret_error)
{
	const char *key, *name;
	int r = sd_bus_message_read(m, "s", &key), value;

	if (r < 0)
		return r;
	if (!strcmp(key, "invalid-only")) {
		r = read_value(m, key, "b", &value, ret_error);
		f->invalid_only = r >= 0 && value;
		return r;
	}
	if (strcmp(key, "device") != 0 && strcmp(key, "space") != 0)
		return service_invalid_args(ret_error, "Unknown filter, expected device, space or invalid-only.");
	r = read_value(m, key, "s", &name, ret_error);
	if (r < 0)
		return r;
	if (!strcmp(key, "space")) {
		f->space = directory_find_space(d, name);
		return f->space ? 0 : service_no_such_space(name, ret_error);
	}
	f->device = directory_device(d, name);
	return f->device ? 0 : service_no_such_device(name, ret_error);
}

static int read_filters(const struct directory *d, sd_bus_message *m, struct filter *f, sd_bus_error *ret_error)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_filter(d, m, f, ret_error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int open_trace_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	_cleanup_close_ int fd = -1;
	struct filter f = { 0 };
	int r = read_filters(s->directory, m, &f, ret_error);

	if (r < 0)
		return r;
	if (!s->hooks.on_trace)
		return service_not_supported(ret_error);
	r = s->hooks.on_trace(s->hooks.userdata, f.device, f.space, f.invalid_only, &fd);
	if (r == -ENOSPC)
		return sd_bus_error_set(ret_error, SERVICE_ERROR_LIMIT_EXCEEDED, "Too many traces are open.");
	return r < 0 ? r : sd_bus_reply_method_return(m, "h", fd);
}

SERVICE_ADMIN_HANDLER(service_open_trace, open_trace_allowed)

static int dump(const struct service *s, int fd)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ssize_t n = -1;
	int error = ENOMEM;

	if (out) {
		s->hooks.on_dump(s->hooks.userdata, out);
		if (fclose(out) == 0) {
			n = write(fd, text, size);
			error = n < 0 ? errno : EIO;
		}
	}
	free(text);
	return n < 0 || (size_t)n != size ? -error : 0;
}

static int dump_allowed(struct service *s, sd_bus_message *m, sd_bus_error *ret_error)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!s->hooks.on_dump)
		return service_not_supported(ret_error);
	fd = memfd_create("iopfd-dump", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = dump(s, fd);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return sd_bus_reply_method_return(m, "h", fd);
}

SERVICE_ADMIN_HANDLER(service_dump, dump_allowed)
