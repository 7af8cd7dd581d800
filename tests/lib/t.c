/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Paths that were handed out: valid for ever, so kept where the leak checker finds them. */
static char **paths;
static size_t n_paths;

static char tmpdir[4096];
static const char *current = "";
static pid_t tmpdir_owner;

static int capture_fd, saved_stderr = -1; /* -1: not captured */

void t_fail(const char *file, int line, const char *format, ...)
{
	va_list ap;

	if (saved_stderr >= 0)
		dup2(saved_stderr, STDERR_FILENO);
	fprintf(stderr, "not ok: %s: %s:%d: ", current, file, line);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void t_skip(const char *format, ...)
{
	va_list ap;

	fputs("skipped: ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	exit(77);
}

void t_run_named(const char *name, void (*test)(void))
{
	current = name;
	test();
	printf("ok: %s\n", name);
	fflush(stdout);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tmpdir(void)
{
	if (getpid() == tmpdir_owner)
		nftw(tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *t_tmpdir(void)
{
	if (!*tmpdir) {
		const char *base = getenv("TMPDIR");

		snprintf(tmpdir, sizeof(tmpdir), "%s/iopfd-test.XXXXXX", base ? base : "/tmp");
		if (!mkdtemp(tmpdir))
			t_fail(__FILE__, __LINE__, "mkdtemp %s: %s", tmpdir, strerror(errno));
		tmpdir_owner = getpid();
		atexit(remove_tmpdir);
	}
	return tmpdir;
}

const char *t_write_file(const char *path, const char *contents)
{
	char *whole;
	FILE *f;

	paths = reallocarray(paths, n_paths + 1, sizeof(*paths));
	if (!paths || asprintf(&whole, "%s/%s", t_tmpdir(), path) < 0)
		abort();
	paths[n_paths++] = whole;
	for (char *p = whole + strlen(t_tmpdir()) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(whole, 0777) < 0 && errno != EEXIST)
			t_fail(__FILE__, __LINE__, "mkdir %s: %s", whole, strerror(errno));
		*p = '/';
	}
	f = fopen(whole, "w");
	if (!f || fputs(contents, f) < 0 || fclose(f) < 0)
		t_fail(__FILE__, __LINE__, "write %s: %s", whole, strerror(errno));
	return whole;
}

void t_capture_begin(void)
{
	int fds[2];

	T_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	capture_fd = fds[0];
}

const char *t_capture_end(void)
{
	static char captured[8192];
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	saved_stderr = -1;
	n = read(capture_fd, captured, sizeof(captured) - 1);
	captured[n < 0 ? 0 : n] = 0;
	close(capture_fd);
	return captured;
}

void t_sleep_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}
