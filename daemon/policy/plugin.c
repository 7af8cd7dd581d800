/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plugin is opened once and checked and loaded through that one fd, by its name below
 * /proc/self/fd: what was checked is what is loaded, whatever happens to the path meanwhile.
 *
 * The linker remembers objects by such a name, so an fd of which something was loaded is
 * kept: the number must not come to mean another file. What was refused after it had been
 * loaded stays as well, for its constructors may have left threads.
 */
#include "policy/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "policy/policy.h"

#define NAME_MAX_LENGTH 32
#define SYMBOL "iopfd_policy"

#define KNOWN_FLAGS (IOPFD_POLICY_TRACKS_DIRTY | IOPFD_POLICY_SUBMITS | IOPFD_POLICY_ONE_FILE)

struct plugin {
	struct plugin *next;
	char *folder; /* this and the name: NULL until it was found to be usable */
	char *name;
	struct stat st;
	int fd;
	void *handle;
	struct iopfd_policy ops;
};

/* What the process has loaded. The control thread's. */
static struct plugin *plugins;

/* Where a refusal is explained. */
struct why {
	const char *path;
	char *text;
	size_t size;
};

static int refuse(const struct why *why, int error, const char *format, ...) PRINTF_LIKE(3, 4);

static int refuse(const struct why *why, int error, const char *format, ...)
{
	int n = snprintf(why->text, why->size, "%s ", why->path);
	va_list ap;

	if (n >= 0 && (size_t)n < why->size) {
		va_start(ap, format);
		vsnprintf(why->text + n, why->size - (size_t)n, format, ap);
		va_end(ap);
	}
	return error;
}

static bool name_is_legal(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= NAME_MAX_LENGTH && !name[n];
}

static struct plugin *plugin_free(struct plugin *p)
{
	if (p) {
		close_fd(&p->fd);
		free(p->folder);
		free(p->name);
		free(p);
	}
	return NULL;
}
DEFINE_CLEANUP(struct plugin, plugin_free)

/* Nobody but root and ourselves may have made it what it is. */
static int check_trust(const struct why *why, const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(why, -EPERM,
			      "belongs to user %u; a plugin has all rights of the daemon, so it and its folder must belong to root or to the daemon's own user, %u (chown)",
			      st->st_uid, geteuid());
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(why, -EPERM,
			      "can be written by others than its owner (mode %04o); take that right away (chmod go-w)",
			      st->st_mode & 07777u);
	return 0;
}

static int open_folder(const char *folder, const struct why *parent)
{
	const struct why why = { .path = folder, .text = parent->text, .size = parent->size };
	_cleanup_close_ int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(&why, -errno, "cannot be opened (%s); make this folder, or set plugin-dir to the one with the plugins",
			      strerror(errno));
	r = check_trust(&why, &st);
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_error(const struct why *why, int error)
{
	if (error == ENOENT)
		return refuse(why, -error, "does not exist; install the plugin, or choose another policy");
	if (error == ELOOP)
		return refuse(why, -error, "is a symbolic link; put the file itself there");
	return refuse(why, -error, "cannot be opened (%s); the daemon must be able to read it", strerror(error));
}

static int open_file(const char *folder, const char *name, const struct why *why, struct stat *ret_st)
{
	_cleanup_close_ int dir = open_folder(folder, why);
	char file[NAME_MAX_LENGTH + sizeof(".so")];
	_cleanup_close_ int fd = -1;
	int r;

	if (dir < 0)
		return dir;
	snprintf(file, sizeof(file), "%s.so", name);
	/* Not blocking: it could be a fifo. */
	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return open_error(why, errno);
	if (!S_ISREG(ret_st->st_mode))
		return refuse(why, -EINVAL, "is not a regular file; put the plugin there");
	r = check_trust(why, ret_st);
	return r < 0 ? r : TAKE_FD(fd);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_same_content(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int link_object(struct plugin *p, const struct why *why)
{
	char path[64];
	const char *error;
	size_t n;

	n = (size_t)snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (p->handle)
		return 0;
	error = dlerror();
	if (!error)
		error = "unknown reason";
	/* "/proc/self/fd/7: invalid ELF header": the path is one that nobody knows */
	if (!strncmp(error, path, n) && !strncmp(error + n, ": ", 2))
		error += n + 2;
	return refuse(why, -ENOEXEC,
		      "cannot be loaded (%s); build it as a shared object, with all that it needs (iopfd-policy(3))", error);
}

/* The policy's bytes, but not more of them than the object has: a size may be a lie. */
static int read_policy(struct plugin *p, const struct why *why)
{
	const void *at = dlsym(p->handle, SYMBOL);
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!at || !dladdr1(at, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
		return refuse(why, -ENOEXEC, "does not define " SYMBOL "; it is no plugin of iopfd, or hides the symbol");
	if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_size < offsetof(struct iopfd_policy, name))
		return refuse(why, -ENOEXEC, "has a " SYMBOL " that is not a struct iopfd_policy; define it as iopfd-policy(3) says");
	memcpy(&p->ops, at, MIN(symbol->st_size, sizeof(p->ops)));
	if (p->ops.abi_version != IOPFD_POLICY_ABI_VERSION)
		return refuse(why, -EPROTONOSUPPORT,
			      "was made for version %u of the plugin interface, this daemon has version %u; build it with the daemon's <iopfd/policy.h>",
			      p->ops.abi_version, IOPFD_POLICY_ABI_VERSION);
	if (p->ops.size < POLICY_SIZE_MIN || p->ops.size > symbol->st_size)
		return refuse(why, -EPROTONOSUPPORT,
			      "has a " SYMBOL " of %zu bytes that says it has %u; at least %zu are needed: set size to sizeof(struct iopfd_policy)",
			      (size_t)symbol->st_size, p->ops.size, POLICY_SIZE_MIN);
	/* What an older plugin does not have is NULL, what a newer one has besides we leave. */
	if (p->ops.size < sizeof(p->ops))
		memset((char *)&p->ops + p->ops.size, 0, sizeof(p->ops) - p->ops.size);
	p->ops.size = (uint32_t)MIN(p->ops.size, sizeof(p->ops));
	return 0;
}

static int check_policy(const struct iopfd_policy *ops, const char *name, const struct why *why)
{
	const char *missing = !ops->create ? "create" : !ops->open ? "open" : !ops->fill ? "fill" : !ops->close ? "close" : NULL;
	bool submits = ops->flags & IOPFD_POLICY_SUBMITS;

	if (!ops->name || strcmp(ops->name, name) != 0)
		return refuse(why, -EINVAL, "calls its policy \"%.*s\"; file and policy must have the same name: rename the file",
			      NAME_MAX_LENGTH, ops->name ? ops->name : "");
	if (ops->flags & ~KNOWN_FLAGS)
		return refuse(why, -EPROTONOSUPPORT,
			      "asks for what this daemon does not have (flags 0x%x); it needs a newer iopfd",
			      ops->flags & ~KNOWN_FLAGS);
	if (missing)
		return refuse(why, -EINVAL, "has no function %s; a policy needs create, open, fill and close", missing);
	if (submits != !!ops->submit)
		return refuse(why, -EINVAL, "has %s; it needs both or none of them",
			      submits ? "the flag IOPFD_POLICY_SUBMITS, but no function submit" :
					"a function submit, but not the flag IOPFD_POLICY_SUBMITS");
	return 0;
}

/* Loads what the fd refers to, and remembers it, usable or not. */
static int load(int fd_consume, const struct stat *st, const struct why *why, struct plugin **ret)
{
	_cleanup_(plugin_freep) struct plugin *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		close(fd_consume);
		return refuse(why, -ENOMEM, "cannot be loaded: out of memory");
	}
	p->fd = fd_consume;
	p->st = *st;
	r = link_object(p, why);
	if (r < 0)
		return r;
	p->next = plugins;
	plugins = p;
	*ret = TAKE_PTR(p);
	return 0;
}

/* Checks what was loaded; from then on it is known by this name. */
static int use(struct plugin *p, const char *folder, const char *name, const struct why *why)
{
	_cleanup_free_ char *folder_copy = NULL, *name_copy = NULL;
	int r = p->name ? 0 : read_policy(p, why);

	if (r >= 0)
		r = check_policy(&p->ops, name, why);
	if (r < 0 || p->name)
		return r;
	folder_copy = strdup(folder);
	name_copy = strdup(name);
	if (!folder_copy || !name_copy)
		return refuse(why, -ENOMEM, "cannot be loaded: out of memory");
	p->folder = TAKE_PTR(folder_copy);
	p->name = TAKE_PTR(name_copy);
	return 0;
}

static struct plugin *find(const char *folder, const char *name)
{
	for (struct plugin *p = plugins; p; p = p->next)
		if (p->name && !strcmp(p->name, name) && !strcmp(p->folder, folder))
			return p;
	return NULL;
}

/* The folder has the plugin that we do not know by this path: new, or another path of one
 * that was loaded. */
static int find_file(const char *folder, const char *name, const struct why *why, struct plugin **ret)
{
	_cleanup_close_ int fd = -1;
	struct plugin *p = plugins;
	struct stat st;

	fd = open_file(folder, name, why, &st);
	if (fd < 0)
		return fd;
	while (p && !is_same_file(&p->st, &st))
		p = p->next;
	if (!p)
		return load(TAKE_FD(fd), &st, why, ret);
	if (!is_same_content(&p->st, &st))
		return refuse(why, -EBUSY,
			      "was changed in place after it had been loaded; restart the daemon, and next time replace the file (install, mv)");
	*ret = p;
	return 0;
}

int plugin_load(const char *folder, const char *name, const struct iopfd_policy **ret, char *text, size_t size)
{
	struct why why = { .path = name, .text = text, .size = size };
	_cleanup_free_ char *path = NULL;
	struct plugin *p;
	int r;

	if (!name_is_legal(name))
		return refuse(&why, -EINVAL, "is no name of a policy; it has 1 to %d of a-z, 0-9, _ and -", NAME_MAX_LENGTH);
	p = find(folder, name);
	if (!p) {
		if (asprintf(&path, "%s/%s.so", folder, name) < 0)
			return refuse(&why, -ENOMEM, "cannot be loaded: out of memory");
		why.path = path;
		r = find_file(folder, name, &why, &p);
		if (r >= 0)
			r = use(p, folder, name, &why);
		if (r < 0)
			return r;
	}
	*ret = &p->ops;
	return 0;
}

int plugin_exists(const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (!name_is_legal(name))
		return -EINVAL;
	if (asprintf(&path, "%s/%s.so", folder, name) < 0)
		return -ENOMEM;
	if (lstat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}
