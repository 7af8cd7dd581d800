/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a second CPU is worth on this machine: system calls of two threads together, by those
 * of one. No two shards do better.
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure.h"
#include "options.h"

#define TIME_NS (200 * NSEC_PER_MSEC)

static void *call(void *ret)
{
	uint64_t end = clock_now_ns() + TIME_NS, *n = ret;

	do
		for (int i = 0; i < 64; i++, ++*n)
			syscall(SYS_getppid);
	while (clock_now_ns() < end);
	return NULL;
}

static double calls(size_t n_threads)
{
	pthread_t threads[2];
	uint64_t n[2] = { 0 };

	for (size_t i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, call, &n[i]))
			die("no thread");
	for (size_t i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	return (double)(n[0] + n[1]);
}

int main(int argc, char **argv)
{
	double one;

	options_init("parallel", argv + 1, (size_t)argc - 1);
	one = calls(1);
	print_result("second_cpu", calls(2) / one);
	return options_check();
}
