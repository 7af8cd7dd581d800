/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who reads the file meanwhile sees the old one. The name beside it begins with a dot and
 * ends otherwise, for folders whose files are all read by somebody.
 */
#include "ctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/client.h"

static int fill(int fd, void (*write)(const void *userdata, FILE *out), const void *userdata)
{
	FILE *out = fdopen(fd, "w");
	int r;

	if (!out) {
		close(fd);
		return -ENOMEM;
	}
	write(userdata, out);
	r = ferror(out) ? -EIO : 0;
	if (fflush(out) || fchmod(fd, 0644) < 0)
		r = -errno;
	if (fclose(out) && !r)
		r = -errno;
	return r;
}

enum ctl_exit output_file(const char *file, void (*write)(const void *userdata, FILE *out), const void *userdata)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	_cleanup_free_ char *temporary = NULL;
	int fd, r;

	if (asprintf(&temporary, "%.*s.%s.XXXXXX", (int)(name - file), file, name) < 0)
		return client_no_memory();
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return client_complain(CTL_FAILURE, "%s: %s", file, strerror(errno));
	r = fill(fd, write, userdata);
	if (r >= 0 && rename(temporary, file) < 0)
		r = -errno;
	if (r >= 0)
		return CTL_OK;
	unlink(temporary);
	return client_complain(CTL_FAILURE, "%s: %s", file, strerror(-r));
}
