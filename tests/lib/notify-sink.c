/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for the service manager: makes the socket that NOTIFY_SOCKET names and prints
 * each line that the daemon sends there, with the monotonic time in ms in front, until it
 * is killed. usage: notify-sink SOCKET
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: notify-sink SOCKET (at most %zu characters)\n", sizeof(address.sun_path) - 1);
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(argv[1]);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		char message[4096], *rest = message;
		ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

		if (n < 0) {
			perror("recv");
			return 1;
		}
		message[n] = 0;
		for (char *line; (line = strsep(&rest, "\n"));)
			if (*line)
				printf("%llu %s\n", (unsigned long long)(clock_now_ns() / NSEC_PER_MSEC), line);
	}
}
