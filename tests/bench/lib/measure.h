/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Samples and results of a measurement. A result is a line "METRIC VALUE" on standard output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct samples {
	uint64_t *ns;
	size_t n, size;
};

void samples_init(struct samples *s, size_t size);
void samples_add(struct samples *s, uint64_t ns); /* no more than size */
void samples_free(struct samples *s);

/* Sorts, then the smallest sample that this share of all is not above. */
uint64_t samples_quantile(struct samples *s, double share);

/* The numbers below n in order, or in an order that is always the same; to be freed. */
uint32_t *order_new(uint64_t n, bool random);

void print_result(const char *metric, double value);

/* PREFIX_p50_ns, _p99_ns, _p999_ns, each divided by `per`. */
void print_quantiles(const char *prefix, struct samples *s, double per);

/* CPU time of all threads of a process since it began; kernels of `uml` count in ticks. */
uint64_t process_cpu_ns(pid_t process);

/* How often its threads went to sleep since they began. */
uint64_t process_sleeps(pid_t process);

/* Memory of its own, not of files: heap and stacks, not the pages that it lends to devices. */
uint64_t process_private_bytes(pid_t process);

/* Of a simulated device that made so many visits: faults_per_s, hit_ratio, and what a fault
 * takes of the process' CPU time, the model's included: cpu_ns_per_fault. faults 0: nobody
 * counted them. */
void print_rates(uint64_t faults, uint64_t visits, uint64_t ns, pid_t process);
