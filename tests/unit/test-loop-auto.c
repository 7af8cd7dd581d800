/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which backend a name gets, where io_uring is forbidden as well: a child forbids it to
 * itself with a seccomp filter, for which it needs no privileges.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "loop/loop.h"
#include "t.h"

static bool has_io_uring(void)
{
	for (const char *const *name = loop_names(); *name; name++)
		if (strcmp(*name, "io_uring") == 0)
			return true;
	return false;
}

static void test_names(void)
{
	struct loop *l;
	int r;

	T_STREQ(loop_names()[0], "auto");
	for (const char *const *name = loop_names(); *name; name++) {
		r = loop_new(*name, &l);
		if (r < 0) {
			T_STREQ(*name, "io_uring");
			continue;
		}
		if (strcmp(*name, "auto") != 0) {
			T_STREQ(loop_name(l), *name);
			T_ASSERT(!loop_fallback(l));
		}
		loop_free(l);
	}
	T_EQ(loop_new("epoll", &l), -EINVAL);
	T_EQ(loop_new("", &l), -EINVAL);
	T_ASSERT(!loop_free(NULL));
}

/* auto takes io_uring exactly where it can be had by name. */
static void test_auto_takes_io_uring(void)
{
	_cleanup_(loop_freep) struct loop *l = NULL, *named = NULL;
	int r = loop_new("io_uring", &named);

	T_OK(loop_new("auto", &l));
	T_STREQ(loop_name(l), r < 0 ? "libevent" : "io_uring");
	T_EQ(!!loop_fallback(l), r < 0);
}

static void forbid(int number, int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	T_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	T_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static int on_timer(struct loop_source *s, uint32_t events, void *userdata)
{
	(void)s;
	(void)events;
	loop_stop(userdata, 42);
	return 0;
}

static void check_forbidden(int number, int error, const char *reason)
{
	struct loop_source *timer;
	struct loop *l;

	forbid(number, error);
	T_EQ(loop_new("io_uring", &l), -error);
	T_OK(loop_new("auto", &l));
	T_STREQ(loop_name(l), "libevent");
	T_ASSERT(loop_fallback(l) && strstr(loop_fallback(l), reason));

	T_OK(loop_add_timer(l, on_timer, l, &timer));
	T_OK(loop_set_timer(timer, 1));
	T_EQ(loop_run(l), 42);
	loop_free(l);
}

static void in_child(int number, int error, const char *reason)
{
	pid_t pid = fork();
	int status;

	T_ASSERT(pid >= 0);
	if (pid == 0) {
		check_forbidden(number, error, reason);
		exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

static void test_setup_forbidden(void)
{
	in_child(SYS_io_uring_setup, EPERM, "forbid");
}

static void test_setup_hidden(void)
{
	in_child(SYS_io_uring_setup, ENOSYS, "the kernel has no io_uring, or a seccomp filter hides it");
}

/* A filter may know the first call only, or forget it. */
static void test_other_calls_forbidden(void)
{
	in_child(SYS_io_uring_enter, EPERM, "forbid");
	in_child(SYS_io_uring_register, ENOSYS, "seccomp");
}

int main(void)
{
	struct loop *l;
	int r;

	t_run(test_names);
	t_run(test_auto_takes_io_uring);
	if (!has_io_uring())
		t_skip("forbidden io_uring: built without it");
	r = loop_new("io_uring", &l);
	if (r < 0)
		t_skip("forbidden io_uring: it is not allowed here anyway: %s", strerror(-r));
	loop_free(l);
	t_run(test_setup_forbidden);
	t_run(test_setup_hidden);
	t_run(test_other_calls_forbidden);
	return 0;
}
