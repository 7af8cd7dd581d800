/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the start of a server to the first answer that one of its mock devices gets: until it
 * says READY=1, as to a service manager, and the time of one fault after that. Then the
 * server is ended.
 *
 *	command=COMMAND    a shell's; what it becomes is the server
 *	iova=
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "measure.h"
#include "options.h"
#include "uml/mock.h"

static int listen_for_ready(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "@iopfd-bench-%d", getpid());
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	address.sun_path[0] = 0;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1))) < 0)
		die("socket: %s", strerror(errno));
	return fd;
}

static void wait_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[1024];

	for (;;) {
		ssize_t n;

		if (poll(&p, 1, 20000) != 1)
			die("the server never was ready");
		n = recv(fd, text, sizeof(text) - 1, 0);
		text[n < 0 ? 0 : n] = 0;
		if (strstr(text, "READY=1"))
			return;
	}
}

static pid_t start(const char *command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static uint64_t one_fault_ns(pid_t server)
{
	struct mock_answers before, after;
	struct mock mock;
	uint64_t begin;

	mock_open(&mock, server, 0);
	mock_answers(&before);
	begin = clock_now_ns();
	mock_trigger(&mock, 0, option_number("iova", MOCK_FIRST_IOVA), MOCK_WRITE);
	do
		mock_answers(&after);
	while (after.success == before.success && clock_now_ns() - begin < NSEC_PER_SEC);
	if (after.success == before.success)
		die("the fault was not served");
	begin = clock_now_ns() - begin;
	mock_close(&mock);
	return begin;
}

int main(int argc, char **argv)
{
	uint64_t begin, ready_ns;
	int fd, status;
	pid_t server;

	options_init("start", argv + 1, (size_t)argc - 1);
	fd = listen_for_ready();
	begin = clock_now_ns();
	server = start(option("command", NULL));
	wait_ready(fd);
	ready_ns = clock_now_ns() - begin;
	print_result("ready_ms", (double)ready_ns / (double)NSEC_PER_MSEC);
	if (strcmp(option("fault", "yes"), "no") != 0)
		ready_ns += one_fault_ns(server);
	print_result("first_answer_ms", (double)ready_ns / (double)NSEC_PER_MSEC);
	kill(server, SIGTERM);
	if (waitpid(server, &status, 0) != server || status)
		die("the server ended with %d", status);
	close(fd);
	return options_check();
}
