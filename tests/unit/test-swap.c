/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in swap, told apart from what is in memory, and asked as seldom as possible. */
#include "fault/swap.h"

#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/clock.h"
#include "t.h"

static unsigned n_sysinfo, n_cachestat;
static unsigned long used;
static uint64_t n_evicted;
static int error;

int __wrap_sysinfo(struct sysinfo *info);
int __wrap_sysinfo(struct sysinfo *info)
{
	n_sysinfo++;
	*info = (struct sysinfo){ .totalswap = 1000, .freeswap = 1000 - used };
	return 0;
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	const uint64_t *range;
	uint64_t *stat;
	va_list ap;

	va_start(ap, number);
	T_EQ(number, 451);
	T_EQ(va_arg(ap, int), 7);
	range = va_arg(ap, const uint64_t *);
	stat = va_arg(ap, uint64_t *);
	va_end(ap);
	n_cachestat++;
	T_EQ(range[0], 8192);
	T_EQ(range[1], 4096);
	memset(stat, 0, 5 * sizeof(*stat));
	stat[3] = n_evicted;
	errno = error;
	return error ? -1 : 0;
}

static bool ask(struct swap *s, uint64_t now_ns)
{
	return swap_holds(s, now_ns, 7, 8192, 4096);
}

static void nothing_is_asked_without_swap(void)
{
	struct swap s = { 0 };

	used = 0;
	n_sysinfo = n_cachestat = 0;
	for (uint64_t ms = 1; ms <= 1000; ms++)
		T_ASSERT(!ask(&s, ms * NSEC_PER_MSEC));
	T_EQ(n_cachestat, 0);
	T_EQ(n_sysinfo, 10);
	used = 1;
	n_evicted = 1;
	T_ASSERT(ask(&s, 1200 * NSEC_PER_MSEC));
}

static void the_pages_are_asked_for(void)
{
	struct swap s = { 0 };

	used = 1;
	n_evicted = 0;
	T_ASSERT(!ask(&s, 1));
	n_evicted = 1;
	T_ASSERT(ask(&s, 1));
}

static void who_cannot_tell_takes_the_longer_way(void)
{
	struct swap s = { 0 };

	used = 1;
	error = EPERM;
	T_ASSERT(ask(&s, 1));
	error = ENOSYS;
	T_ASSERT(ask(&s, 1));
	error = EOPNOTSUPP; /* huge pages */
	T_ASSERT(!ask(&s, 1));
	error = 0;
}

int main(void)
{
	t_run(nothing_is_asked_without_swap);
	t_run(the_pages_are_asked_for);
	t_run(who_cannot_tell_takes_the_longer_way);
	return 0;
}
