/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t-bus.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

static pid_t daemon_pid;
static char socket_path[100];

const char *t_bus_address(void)
{
	static char address[128];

	snprintf(socket_path, sizeof(socket_path), "%s/bus", t_tmpdir());
	snprintf(address, sizeof(address), "unix:path=%s", socket_path);
	return address;
}

static bool bus_answers(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	memcpy(address.sun_path, socket_path, sizeof(socket_path));
	r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
	return r == 0;
}

static char config_path[100];

static void write_config(const char *rules)
{
	FILE *f;

	snprintf(config_path, sizeof(config_path), "%s/bus.conf", t_tmpdir());
	f = fopen(config_path, "w");
	if (!f || fprintf(f,
			  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
			  "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
			  "<busconfig><type>system</type><listen>%s</listen><auth>EXTERNAL</auth>%s</busconfig>\n",
			  t_bus_address(), rules) < 0 || fclose(f) != 0)
		t_fail(__FILE__, __LINE__, "write %s: %s", config_path, strerror(errno));
}

static void run_daemon(void)
{
	char *option, *log;
	int fd;

	/* A test that fails does not stop its bus. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (asprintf(&option, "--config-file=%s", config_path) < 0 || asprintf(&log, "%s/bus.log", t_tmpdir()) < 0)
		_exit(1);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	dup2(fd, STDERR_FILENO);
	execlp("dbus-daemon", "dbus-daemon", option, "--nofork", "--nopidfile", "--nosyslog", NULL);
	_exit(127);
}

void t_bus_start(const char *rules)
{
	int status;

	write_config(rules);
	/* Other users connect to it, too. */
	chmod(t_tmpdir(), 0711);
	unlink(socket_path);
	daemon_pid = fork();
	if (!daemon_pid)
		run_daemon();
	while (!bus_answers()) {
		if (waitpid(daemon_pid, &status, WNOHANG) == 0) {
			t_sleep_ms(1);
			continue;
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			t_skip("dbus-daemon cannot be run");
		t_fail(__FILE__, __LINE__, "dbus-daemon ended with status 0x%x, see its bus.log", status);
	}
}

void t_bus_reload(const char *rules)
{
	write_config(rules);
	t_bus_signal(SIGHUP);
}

void t_bus_signal(int signo)
{
	kill(daemon_pid, signo);
}

void t_bus_stop(void)
{
	t_bus_signal(SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	unlink(socket_path);
}

sd_bus *t_bus_client(void)
{
	sd_bus *bus;

	T_OK(sd_bus_new(&bus));
	T_OK(sd_bus_set_address(bus, t_bus_address()));
	T_OK(sd_bus_set_bus_client(bus, 1));
	T_OK(sd_bus_start(bus));
	T_OK(sd_bus_get_unique_name(bus, &(const char *){ NULL }));
	return bus;
}
