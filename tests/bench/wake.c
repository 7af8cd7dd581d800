/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this machine takes to wake a thread that sleeps in read(): the half of a round trip
 * over two pipes, between threads of the same CPU and of two CPUs.
 *
 * usage: wake [ROUND TRIPS]
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure.h"
#include "options.h"

struct echo {
	int in, out;
	int cpu;
};

/* False: we may not run there. */
static bool stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

static void *echo(void *userdata)
{
	const struct echo *e = userdata;
	char c;

	stay_on(e->cpu);
	while (read(e->in, &c, 1) == 1)
		if (write(e->out, &c, 1) != 1)
			break;
	return NULL;
}

static void measure(const char *prefix, int here, int there, size_t n)
{
	int to[2], from[2];
	struct samples s;
	pthread_t thread;
	struct echo e;
	char c = 0;

	if (!stay_on(there) || !stay_on(here))
		return;
	if (pipe(to) < 0 || pipe(from) < 0)
		die("pipe: %s", strerror(errno));
	e = (struct echo){ to[0], from[1], there };
	samples_init(&s, n);
	if (pthread_create(&thread, NULL, echo, &e))
		die("no thread");
	for (size_t i = 0; i < n; i++) {
		uint64_t begin = clock_now_ns();

		if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
			die("pipe: %s", strerror(errno));
		samples_add(&s, (clock_now_ns() - begin) / 2);
	}
	close(to[1]);
	pthread_join(thread, NULL);
	close(to[0]);
	close(from[0]);
	close(from[1]);
	print_quantiles(prefix, &s, 1);
	samples_free(&s);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;

	options_init("wake", argv + 1, 0);
	measure("same_cpu", 0, 0, n);
	measure("other_cpu", 0, 1, n);
	return 0;
}
