/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seqlock: whatever a reader gets is of one moment, while the writer goes on.
 */
#include "fault/stats.h"

#include <pthread.h>

#include "t.h"

#define N_SNAPSHOTS 2000

static struct stats shared;
static atomic_bool stop;

static void set(uint64_t *value, uint64_t to)
{
	__atomic_store_n(value, to, __ATOMIC_RELAXED);
}

/* Keeps every value of the block at the same number, first to last. */
static void write_all(struct stats *s, uint64_t n)
{
	uint64_t *words = (uint64_t *)&s->values;

	stats_begin(s);
	for (size_t i = 0; i < sizeof(s->values) / sizeof(*words); i++)
		set(&words[i], n);
	stats_end(s);
}

static void *writer(void *arg)
{
	(void)arg;
	for (uint64_t n = 1; !atomic_load(&stop); n++)
		write_all(&shared, n);
	return NULL;
}

static void test_one_moment(void)
{
	struct stats_values v;
	const uint64_t *words = (const uint64_t *)&v;
	uint64_t last = 0, n_changes = 0;
	pthread_t thread;

	T_EQ(pthread_create(&thread, NULL, writer, NULL), 0);
	for (unsigned n = 0; n < N_SNAPSHOTS || n_changes < 2; n++) {
		stats_read(&shared, &v);
		for (size_t i = 1; i < sizeof(v) / sizeof(*words); i++)
			T_EQ(words[i], words[0]);
		T_ASSERT(words[0] >= last);
		n_changes += words[0] > last;
		last = words[0];
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

static void test_reader_waits_for_end(void)
{
	static struct stats s;
	struct stats_values v;

	stats_begin(&s);
	T_EQ(atomic_load(&s.sequence) & 1, 1);
	set(&s.values.faults_total, 7);
	stats_end(&s);
	T_EQ(atomic_load(&s.sequence), 2);
	stats_read(&s, &v);
	T_EQ(v.faults_total, 7);
	T_EQ(v.bytes_mapped, 0);
}

/* Every field is either added or the larger one is taken; none is forgotten. */
static void test_merge(void)
{
	static struct stats_values sum, other;
	uint64_t *a = (uint64_t *)&sum, *b = (uint64_t *)&other;
	size_t n = sizeof(sum) / sizeof(*a);
	const uint64_t *maxima[] = { &sum.faults_pending_max, &sum.service_time_max_ns };

	for (size_t i = 0; i < n; i++) {
		a[i] = 1000 + i;
		b[i] = 3 * i;
	}
	stats_merge(&sum, &other);
	for (size_t i = 0; i < n; i++) {
		uint64_t larger = 3 * i > 1000 + i ? 3 * i : 1000 + i;

		T_EQ(a[i], &a[i] == maxima[0] || &a[i] == maxima[1] ? larger : 1000 + 4 * i);
		T_EQ(b[i], 3 * i);
	}
	sum.faults_pending_max = 5;
	other.faults_pending_max = 9;
	stats_merge(&sum, &other);
	T_EQ(sum.faults_pending_max, 9);
}

int main(void)
{
	t_run(test_one_moment);
	t_run(test_reader_waits_for_end);
	t_run(test_merge);
	return 0;
}
