/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search path, as systemd has it: the first iopfd.conf of /etc, /run and /usr/lib, then
 * the drop-ins of all three, sorted by file name. A name in /etc hides the same name in
 * /run, that one the same in /usr/lib; a link to /dev/null hides without putting anything
 * in its place. With a file given by the caller there is that file and its own folder of
 * drop-ins only.
 */
#include "config/files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "config/diagnostic.h"

static const char *const prefixes[] = { "/etc", "/run", "/usr/lib" }; /* the first one wins */

struct list {
	char **paths;        /* NULL-terminated once there is one */
	size_t n_paths;
};

static void list_deinit(struct list *l)
{
	files_free(l->paths);
}

char **files_free(char **files)
{
	for (char **f = files; f && *f; f++)
		free(*f);
	free(files);
	return NULL;
}

/* Takes the path, also when it fails. */
static int list_add_consume(struct list *l, char *path)
{
	_cleanup_free_ char *mine = path;
	char **paths = reallocarray(l->paths, l->n_paths + 2, sizeof(char *));

	if (!paths)
		return -ENOMEM;
	l->paths = paths;
	paths[l->n_paths++] = TAKE_PTR(mine);
	paths[l->n_paths] = NULL;
	return 0;
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static bool list_has_name(const struct list *l, const char *name)
{
	for (size_t i = 0; i < l->n_paths; i++)
		if (strcmp(base_name(l->paths[i]), name) == 0)
			return true;
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(base_name(*(char *const *)a), base_name(*(char *const *)b));
}

static bool is_dev_null(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int tell(struct config_diagnostics *d, const char *path, int error)
{
	struct diagnostic_place place = { .file = path, .section = "", .key = "" };

	if (error == EACCES || error == EPERM)
		d->unreadable = true;
	return diagnostics_add(d, CONFIG_ERROR, &place, "%s", strerror(error));
}

static bool is_drop_in(const char *name)
{
	size_t length = strlen(name);

	return *name != '.' && length > strlen(".conf") && strcmp(name + length - strlen(".conf"), ".conf") == 0;
}

/* Adds what a folder has and the list does not. */
static int scan_folder(const char *folder, struct config_diagnostics *d, struct list *l)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : tell(d, folder, errno);
	while (r == 0 && (errno = 0, e = readdir(dir))) {
		char *path = NULL;

		if (!is_drop_in(e->d_name) || list_has_name(l, e->d_name))
			continue;
		r = asprintf(&path, "%s/%s", folder, e->d_name) < 0 ? -ENOMEM : list_add_consume(l, path);
	}
	if (r == 0 && errno)
		r = tell(d, folder, errno);
	closedir(dir);
	return r;
}

/* Moves sorted drop-ins to the end of the other list; those that only hide others go. */
static int append_drop_ins(struct list *files, struct list *drop_ins)
{
	int r = 0;

	if (drop_ins->n_paths)
		qsort(drop_ins->paths, drop_ins->n_paths, sizeof(char *), compare_names);
	for (size_t i = 0; i < drop_ins->n_paths && r == 0; i++) {
		char *copy;

		if (is_dev_null(drop_ins->paths[i]))
			continue;
		copy = strdup(drop_ins->paths[i]);
		r = copy ? list_add_consume(files, copy) : -ENOMEM;
	}
	return r;
}

static int add_copy(struct list *files, const char *file)
{
	char *copy = strdup(file);

	return copy ? list_add_consume(files, copy) : -ENOMEM;
}

static int find_given(const char *file, struct config_diagnostics *d, struct list *files, struct list *drop_ins)
{
	_cleanup_free_ char *folder = NULL;
	int r = add_copy(files, file);

	if (r < 0)
		return r;
	if (asprintf(&folder, "%s.d", file) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	return scan_folder(folder, d, drop_ins);
}

static int find_main(const char *root, struct config_diagnostics *d, struct list *files)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (asprintf(&path, "%s%s/iopfd/iopfd.conf", root, prefixes[i]) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (lstat(path, &st) == 0)
			return is_dev_null(path) ? 0 : list_add_consume(files, TAKE_PTR(path));
		if (errno != ENOENT)
			return tell(d, path, errno);
	}
	return 0;
}

static int find_on_path(const char *root, struct config_diagnostics *d, struct list *files, struct list *drop_ins)
{
	int r = find_main(root, d, files);

	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && r == 0; i++) {
		_cleanup_free_ char *folder = NULL;

		if (asprintf(&folder, "%s%s/iopfd/iopfd.conf.d", root, prefixes[i]) < 0) {
			folder = NULL;
			return -ENOMEM;
		}
		r = scan_folder(folder, d, drop_ins);
	}
	return r;
}

int files_find(const struct config_source *source, struct config_diagnostics *d, char ***ret)
{
	_cleanup_(list_deinit) struct list files = { 0 }, drop_ins = { 0 };
	int r;

	if (source->text)
		r = add_copy(&files, source->file);
	else if (source->file)
		r = find_given(source->file, d, &files, &drop_ins);
	else
		r = find_on_path(source->root ? source->root : "", d, &files, &drop_ins);
	if (r == 0)
		r = append_drop_ins(&files, &drop_ins);
	if (r == 0 && !files.paths) {
		files.paths = calloc(1, sizeof(char *));
		r = files.paths ? 0 : -ENOMEM;
	}
	if (r == 0)
		*ret = TAKE_PTR(files.paths);
	return r;
}
