/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every path is made in one place, so nothing can forget the root. Attributes of sysfs are
 * opened, read and closed for each question: a probe is no data path.
 */
#include "ctl/probe-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl/ctl.h"

bool files_rooted(void)
{
	return ctl_options.root && path_length(ctl_options.root) > 0;
}

static bool make_path(char *ret, size_t size, const char *format, va_list ap)
{
	const char *root = ctl_options.root ? ctl_options.root : "";
	size_t n = path_length(root);

	if (n >= size)
		return false;
	memcpy(ret, root, n);
	return vsnprintf(ret + n, size - n, format, ap) < (int)(size - n);
}

/* The path that the arguments behind `format` make, or a return of -ENAMETOOLONG. */
#define PATH_FROM(path, format)                                  \
	({                                                       \
		va_list ap_;                                     \
		bool fits_;                                      \
		va_start(ap_, format);                           \
		fits_ = make_path(path, sizeof(path), format, ap_); \
		va_end(ap_);                                     \
		if (!fits_)                                      \
			return -ENAMETOOLONG;                    \
	})

bool files_path(char *ret, size_t size, const char *format, ...)
{
	va_list ap;
	bool fits;

	va_start(ap, format);
	fits = make_path(ret, size, format, ap);
	va_end(ap);
	return fits;
}

void files_names_deinit(struct files_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct files_names){ 0 };
}

/* All that comes from an fd, with a NUL behind it. */
static int read_all(int fd, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t have = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - have < 2) {
			char *more = realloc(text, room += 16384);

			if (!more)
				return -ENOMEM;
			text = more;
		}
		n = read(fd, text + have, room - have - 1);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	text[have] = 0;
	*ret = TAKE_PTR(text);
	return 0;
}

/* Not to hang in a FIFO, nor to get a terminal: below a root there may be anything. */
static int open_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int files_slurp(char **ret, const char *format, ...)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	PATH_FROM(path, format);
	fd = open_path(path, O_RDONLY);
	return fd < 0 ? fd : read_all(fd, ret);
}

int files_read(char *ret, size_t size, const char *format, ...)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	ssize_t n;

	PATH_FROM(path, format);
	fd = open_path(path, O_RDONLY);
	if (fd < 0)
		return fd;
	n = read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	while (n > 0 && ret[n - 1] == '\n')
		n--;
	ret[n] = 0;
	return 0;
}

int files_write(const char *text, const char *format, ...)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	ssize_t n;

	PATH_FROM(path, format);
	fd = open_path(path, O_WRONLY | O_APPEND);
	if (fd < 0)
		return fd;
	/* An attribute takes all of it at once or says why not. */
	n = write(fd, text, strlen(text));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

bool files_exist(const char *format, ...)
{
	char path[PATH_MAX];
	va_list ap;
	bool fits;

	va_start(ap, format);
	fits = make_path(path, sizeof(path), format, ap);
	va_end(ap);
	return fits && access(path, F_OK) == 0;
}

int files_link(char *ret, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t n;

	PATH_FROM(path, format);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	return snprintf(ret, size, "%s", name) < (int)size ? 0 : -ENAMETOOLONG;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int files_list(struct files_names *ret, const char *format, ...)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int n, r = 0;

	*ret = (struct files_names){ 0 };
	PATH_FROM(path, format);
	n = scandir(path, &entries, is_visible, alphasort);
	if (n < 0)
		return -errno;
	ret->names = calloc((size_t)n + 1, sizeof(*ret->names));
	for (int i = 0; i < n; i++) {
		char *name = ret->names ? strdup(entries[i]->d_name) : NULL;

		if (name)
			ret->names[ret->n++] = name;
		else
			r = -ENOMEM;
		free(entries[i]);
	}
	free(entries);
	if (!ret->names || r < 0) {
		files_names_deinit(ret);
		return -ENOMEM;
	}
	return 0;
}

char *files_line(char **text)
{
	return *text && **text ? strsep(text, "\n") : NULL;
}

static int spawn(char *const argv[], int in, int out, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	if (in >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (r == 0 && out >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int files_run(char *const argv[])
{
	pid_t pid;
	int r = spawn(argv, -1, -1, &pid);

	return r < 0 ? r : wait_for(pid);
}

int files_gunzip(char **ret, const char *format, ...)
{
	char *argv[] = { (char *)"gzip", (char *)"-dc", NULL };
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	int ends[2], r, status;
	pid_t pid;

	PATH_FROM(path, format);
	fd = open_path(path, O_RDONLY);
	if (fd < 0)
		return fd;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r = spawn(argv, fd, ends[1], &pid);
	close(ends[1]);
	if (r == 0) {
		r = read_all(ends[0], &text);
		status = wait_for(pid);
		if (r == 0 && status != 0)
			r = -EIO;
	}
	close(ends[0]);
	if (r == 0)
		*ret = TAKE_PTR(text);
	return r;
}
