/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A datagram socket of ours in the place of the service manager's.
 */
#include "control/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t.h"

static int manager_fd = -1;

static void manager_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", t_tmpdir());
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	T_ASSERT(manager_fd >= 0);
	T_EQ(bind(manager_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

/* What was told since the last time; "" when nothing was. */
static const char *manager_read(void)
{
	static char text[512];
	ssize_t n = recv(manager_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		T_EQ(errno, EAGAIN);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void test_messages(void)
{
	notify_ready("serving 2 devices");
	T_STREQ(manager_read(), "READY=1\nSTATUS=serving 2 devices");
	notify_status("nvme0: no PRI capability");
	T_STREQ(manager_read(), "STATUS=nvme0: no PRI capability");
	notify_stopping("answering 3 groups");
	T_STREQ(manager_read(), "STOPPING=1\nSTATUS=answering 3 groups");
	notify_watchdog_ping();
	T_STREQ(manager_read(), "WATCHDOG=1");
	notify_ready(NULL);
	T_STREQ(manager_read(), "READY=1\n");
	T_STREQ(manager_read(), "");
}

static void test_status_cannot_smuggle_assignments(void)
{
	notify_status("bad name\nMAINPID=1");
	T_STREQ(manager_read(), "STATUS=bad name");
}

static void test_percent_is_text(void)
{
	notify_status("100%s full");
	T_STREQ(manager_read(), "STATUS=100%s full");
}

static void test_watchdog(void)
{
	char pid[32];

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	T_EQ(notify_watchdog_usec(), 0);
	setenv("WATCHDOG_USEC", "3000000", 1);
	T_EQ(notify_watchdog_usec(), 3000000);

	/* Meant for another process of the service. */
	snprintf(pid, sizeof(pid), "%d", (int)getppid());
	setenv("WATCHDOG_PID", pid, 1);
	T_EQ(notify_watchdog_usec(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	T_EQ(notify_watchdog_usec(), 3000000);
}

static void test_without_manager(void)
{
	unsetenv("NOTIFY_SOCKET");
	notify_ready("alone");
	notify_status("alone");
	notify_stopping("alone");
	notify_watchdog_ping();
	T_STREQ(manager_read(), "");
}

int main(void)
{
	manager_open();
	t_run(test_messages);
	t_run(test_status_cannot_smuggle_assignments);
	t_run(test_percent_is_text);
	t_run(test_watchdog);
	t_run(test_without_manager);
	close(manager_fd);
	return 0;
}
