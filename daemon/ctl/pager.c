/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * $IOPFCTL_PAGER, $PAGER or less. Under sudo only less, which then runs no commands: who may
 * call iopfctl as root shall not get a shell with it.
 */
#include "ctl/pager.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"

static pid_t pager_pid;

static const char *wanted_pager(void)
{
	const char *pager = NULL;

	if (!getenv("SUDO_UID")) {
		pager = getenv("IOPFCTL_PAGER");
		pager = pager ?: getenv("PAGER");
	}
	return pager ?: "less";
}

static void run_pager(const char *pager, int in, pid_t parent)
{
	signal(SIGINT, SIG_IGN);
	/* Without us it would wait for a key that nobody presses. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || dup2(in, STDIN_FILENO) < 0)
		_exit(1);
	setenv("LESS", "FRSXMK", 1);
	setenv("LESSSECURE", "1", 1);
	execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
	_exit(1);
}

void pager_open(void)
{
	const char *pager = wanted_pager();
	pid_t parent = getpid();
	int fds[2];

	if (ctl_options.no_pager || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || !*pager ||
	    !strcmp(pager, "cat") || access("/bin/sh", X_OK) < 0)
		return;
	if (pipe(fds) < 0)
		return;
	pager_pid = fork();
	if (!pager_pid) {
		close(fds[1]);
		run_pager(pager, fds[0], parent);
	}
	close(fds[0]);
	if (pager_pid > 0)
		dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
}

void pager_close(void)
{
	if (pager_pid <= 0)
		return;
	fflush(stdout);
	/* The end of the pipe; nothing can be written any more. */
	close(STDOUT_FILENO);
	while (waitpid(pager_pid, NULL, 0) < 0)
		;
	pager_pid = 0;
}
